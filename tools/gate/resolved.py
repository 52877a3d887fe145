"""A stack's settings in full, as the program has them: its file over its bases, and the defaults.

YAML, with a comment behind each value that says where it is from: a file, a default, or the run, which brings
images, and the cluster and the passwords of a stack that runs on any. A secret is shown as asterisks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from infra.settings.base import NAMESPACE
from infra.settings.bases import ConfigLayers
from infra.settings.parsing import parse
from tools import paths
from tools.gate import settings

DEFAULT: Final = "default"


def text(stack: str) -> str:
    """The settings of a stack that is committed.

    Raises:
        ToolError: its file is no stack file.
        SettingsError: its settings are refused.
    """
    made = parse(settings.configuration(stack), file=str(settings.file(stack)), root=paths.ROOT)
    dumped: dict[str, Any] = made.model_dump(mode="json", by_alias=True)
    sections = dumped | (dumped.pop("platform") or {})
    sections.pop("platform", None)
    layers = settings.whole(stack)
    lines = [
        line
        for name, value in sections.items()
        for line in _lines(f"{NAMESPACE}:{name}", value, [name], layers)
    ]
    return "".join(f"{line}\n" for line in ("config:", *(f"  {line}" for line in lines)))


def _lines(key: str, value: Any, path: Sequence[str], layers: ConfigLayers) -> Iterator[str]:
    origins = set(_origins(value, path, layers))
    flat = not isinstance(value, Mapping) or not any(isinstance(v, Mapping) for v in value.values())
    if flat and len(origins) == 1:
        yield f"{_shown(key)}: {_shown(value)}  # {origins.pop()}"
        return
    yield f"{_shown(key)}:"
    for name, inner in value.items():
        for line in _lines(name, inner, [*path, name], layers):
            yield f"  {line}"


def _origins(value: Any, path: Sequence[str], layers: ConfigLayers) -> Iterator[str]:
    """Where the values below are from; of an empty map, and of anything else, where it is itself."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _origins(inner, [*path, name], layers)
    else:
        said = layers.said_by(path)
        yield said[0] if said else DEFAULT


def _shown(value: Any) -> str:
    """As YAML in one line."""
    shown: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=2**31
    )
    return shown.removesuffix("\n").removesuffix("\n...")
