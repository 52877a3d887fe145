"""The JSON Schema that a chart brings for its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema.validators import validator_for


def schema_keys(schema: Mapping[str, Any] | None, path: tuple[str, ...]) -> set[str]:
    """The names of the properties that the schema has at a path; none where it has nothing to say."""
    node = _resolved(schema, schema)
    for part in path:
        node = node.get("items", {}) if part == "[]" else node.get("properties", {}).get(part, {})
        node = _resolved(schema, node)
    return set(node.get("properties", {}))


def _resolved(schema: Mapping[str, Any] | None, node: Any) -> Mapping[str, Any]:
    """The node itself, or what its `$ref` points to: always a place in the same document here."""
    while isinstance(node, Mapping) and (reference := node.get("$ref")):
        target: Any = schema
        for part in str(reference).removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node if isinstance(node, Mapping) else {}


def validator(schema: Mapping[str, Any]) -> Any:
    """What holds values against the schema, of the draft that it names."""
    return validator_for(schema)(schema)
