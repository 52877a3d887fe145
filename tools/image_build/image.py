"""An image that was built."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Image:
    """An image and the file that holds it.

    Attributes:
        name: its name in the stack settings, such as `model-server`.
        ref: the whole reference that a pod names, tag included.
        archive: an archive with this one image in it, as `ctr images import` and `kind load` read it.
        local: its reference in the archive and in the builder's storage; `ref` unless a registry is used.
    """

    name: str
    ref: str
    archive: Path
    local: str
