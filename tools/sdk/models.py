"""`carbon_client/models.py`: a class for each schema of the document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tools.sdk.schema import Schema, annotation, docstring, references

_HEAD: Final = '''"""What the API gives out and takes.

Made from its OpenAPI document by `python -m tools sdk generate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from carbon_client.base import Answer, Given, Instant
'''


def text(document: Schema) -> str:
    """The module. Schemas come after those that they refer to; fields are in the order of the document's
    `required`, which is that of the answers, and what may be left out after them."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    given = _given(document, schemas)
    return _HEAD + "".join(f"\n\n{_class(one, schemas[one], one in given)}" for one in _ordered(schemas))


def _given(document: Schema, schemas: dict[str, Any]) -> set[str]:
    """Names of the schemas that are sent in a body."""
    found: set[str] = set()
    waiting = [
        one
        for methods in document["paths"].values()
        for operation in methods.values()
        for one in references(operation.get("requestBody", {}))
    ]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += references(schemas[one])
    return found


def _ordered(schemas: dict[str, Any]) -> list[str]:
    made: list[str] = []

    def add(name: str) -> None:
        if name not in made:
            for other in sorted(set(references(schemas[name])) - {name}):
                add(other)
            made.append(name)

    for name in sorted(schemas):
        add(name)
    return made


def _class(name: str, schema: Schema, given: bool) -> str:
    required: list[str] = schema.get("required", [])
    optional = [field for field in schema["properties"] if field not in required]
    tags = {field: one["const"] for field, one in schema["properties"].items() if "const" in one}
    flags = ["Given" if given else "Answer", "frozen=True", "kw_only=True"]
    flags += [f'tag_field="{field}", tag="{value}"' for field, value in tags.items()]
    lines = [f"class {name}({', '.join(flags)}):"]
    if description := schema.get("description"):
        lines += [docstring(description, "    "), ""]
    for field in (*required, *optional):
        if field not in tags:
            lines += _field(field, schema["properties"][field], field in required, given)
    return "\n".join(lines) + "\n"


def _field(name: str, schema: Schema, required: bool, given: bool) -> Iterator[str]:
    kind = annotation(schema, time="Instant", array="Sequence" if given else "list")
    default = schema.get("default")
    shown = "()" if default == [] else "None" if default is None else json.dumps(default)
    yield f"    {name}: {kind}" + ("" if required else f" = {shown}")
    if description := schema.get("description"):
        yield docstring(description, "    ")
