"""Archives in the layout of the Open Container Initiative."""

import json
import tarfile
from pathlib import Path

_NAME = "io.containerd.image.name"
"""Annotation of an index's entry; without it, containerd gives the image a name of its own making."""


def pack(layout: Path, archive: Path, ref: str) -> None:
    """Write a layout that holds one image to an archive from which it is imported as `ref`."""
    index_file = layout / "index.json"
    index = json.loads(index_file.read_bytes())
    (entry,) = index["manifests"]
    entry.setdefault("annotations", {})[_NAME] = ref
    index_file.write_text(json.dumps(index), encoding="utf-8")
    with tarfile.open(archive, "w") as packed:
        for file in sorted(layout.rglob("*")):
            if file.is_file():
                packed.add(file, file.relative_to(layout).as_posix())
