"""The OpenAPI document as Python types."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools import paths

DOCUMENT: Final = paths.ROOT / "workloads" / "data_api" / "openapi.v1.json"
PACKAGE: Final = paths.ROOT / "sdk" / "carbon_client"

WIDTH: Final = 108

Schema = Mapping[str, Any]

_PLAIN: Final = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"}


def document(file: Path = DOCUMENT) -> dict[str, Any]:
    """The committed document."""
    return json.loads(file.read_text(encoding="utf-8"))


def name(reference: str) -> str:
    """The name of the schema that a `$ref` is to."""
    return reference.rpartition("/")[2]


def annotation(schema: Schema, *, time: str, array: str) -> str:
    """The Python type of a schema.

    Args:
        time: of an instant.
        array: of several things, such as list.

    Raises:
        ValueError: it is one that nothing here has yet.
    """
    match schema:
        case {"$ref": str(reference)}:
            return name(reference)
        case {"enum": list(values)}:
            return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
        case {"const": value}:
            return f"Literal[{json.dumps(value)}]"
        case {"anyOf": list(parts)} | {"oneOf": list(parts)}:
            return " | ".join(annotation(part, time=time, array=array) for part in parts)
        case {"type": "array", "items": items}:
            return f"{array}[{annotation(items, time=time, array=array)}]"
        case {"type": "string", "format": "date-time"}:
            return time
        case {"type": "object", "additionalProperties": True}:  # of any fields
            return "dict[str, Any]"
        case {"type": str(kind)} if kind in _PLAIN:
            return _PLAIN[kind]
        case _:
            raise ValueError(f"{dict(schema)}: no Python type is known of it: add one here")


def references(schema: Any) -> Iterator[str]:
    """Names of all schemas that a part of the document refers to, itself."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield name(value)
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def wrapped(text: str, indent: str) -> str:
    """Text as lines, each after the indent."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def docstring(text: str, indent: str) -> str:
    """Text as a docstring, in one line or as a summary and what follows."""
    one = f'{indent}"""{text}"""'
    if len(one) <= WIDTH:
        return one
    opened = wrapped('"""' + text, indent)
    return f'{opened}\n{indent}"""'
