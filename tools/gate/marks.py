"""How the engine marks values that are not plain: secrets, references, what is not known yet."""

from __future__ import annotations

from typing import Any, Final

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands for a value that is not known before the update."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key that marks a map as something else: a secret, an asset, a reference to a resource."""

SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (the mark, no secret)


def is_marked(value: Any) -> bool:
    """Whether the value stands for something else than a map."""
    return isinstance(value, dict) and SIGNATURE in value


def is_secret(value: Any) -> bool:
    """Whether the value is marked as secret."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def plain(value: Any) -> Any:
    """The value with its secrets, at any depth, in clear, and whole numbers as integers."""
    if isinstance(value, dict):
        if is_secret(value):
            return plain(value["value"])
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unknown(value: Any) -> bool:
    """Whether the value, or a part of it, is not known yet."""
    if isinstance(value, dict):
        return any(unknown(inner) for inner in value.values())
    if isinstance(value, list):
        return any(unknown(inner) for inner in value)
    return value == UNKNOWN
