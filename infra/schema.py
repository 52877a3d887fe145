"""`python -m infra.schema`: write stacks/schema.json, the JSON Schema of a stack's files, from the settings.

It says what a file may hold, not what a stack needs: a file is a layer, and what it leaves out may stand in
its base. Whether the whole is complete says the program, and `make preview CHECK=settings`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

from infra.settings.base import NAMESPACE
from infra.settings.bases import BASE, SETS, bases, sets
from infra.settings.secrets import GeneratedSecrets
from infra.settings.stack import PLATFORM, STACK

FILE: Final = Path(__file__).resolve().parent.parent / "stacks" / "schema.json"

_NULL: Final = {"type": "null"}


def schema() -> dict[str, Any]:
    """What a committed `Pulumi.<stack>.yaml`, a base in `base/` or a set in `sets/` may hold."""
    model = STACK.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = model["$defs"]
    platform: dict[str, Any] = definitions.pop(PLATFORM.__name__)
    generated = f"#/$defs/{GeneratedSecrets.__name__}"
    del definitions[GeneratedSecrets.__name__]
    properties = {**model["properties"], **platform["properties"]}
    del properties["platform"]
    # A secret stands in a file only as the engine encrypted it.
    encrypted = {
        "description": "Passwords, encrypted by `pulumi config set --secret`.",
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
    }
    secrets = properties["secrets"]
    secrets["oneOf"] = [encrypted if x == {"$ref": generated} else x for x in secrets["oneOf"]]
    whole = {"type": "object", "properties": properties, "required": model["required"] + platform["required"]}
    named = {f"{NAMESPACE}:{name}": value for name, value in _layer(whole)["properties"].items()}
    named[f"{NAMESPACE}:{BASE}"] = {
        "description": "Base that the file lies over: a file in `base/`.",
        "type": "string",
        "enum": bases(),
    }
    named[f"{NAMESPACE}:{SETS}"] = {
        "description": "Sets that the stack has: files in `sets/`.",
        "type": "array",
        "items": {"type": "string", "enum": sets()},
        "uniqueItems": True,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of carbon-platform",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": named,
                "patternProperties": {"^pulumi:": {}},
                "additionalProperties": False,
            },
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": {name: _layer(definition) for name, definition in definitions.items()},
    }


def _layer(node: Any) -> Any:
    """A schema for a part of a value: nothing is required, and a null takes away what a base has.

    A part may leave out the `kind` that tells implementations apart, so that several may fit.
    """
    if isinstance(node, list):
        return [_layer(inner) for inner in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    made = {key: _layer(value) for key, value in cast("dict[str, Any]", node).items()}
    if "secure" in made.get("properties", ()):
        return made
    required: list[str] = made.pop("required", [])
    if isinstance(properties := made.get("properties"), dict):
        made["properties"] = {
            name: value if name in required else _or_null(value)
            for name, value in cast("dict[str, Any]", properties).items()
        }
    if isinstance(entry := made.get("additionalProperties"), dict):
        made["additionalProperties"] = _or_null(cast("dict[str, Any]", entry))
    if isinstance(patterns := made.get("patternProperties"), dict):
        made["patternProperties"] = {
            pattern: _or_null(entry) for pattern, entry in cast("dict[str, Any]", patterns).items()
        }
    if "oneOf" in made and "discriminator" in made:
        del made["discriminator"]
        made["anyOf"] = made.pop("oneOf")
    return made


def _or_null(value: Any) -> Any:
    alternatives: list[Any] = value.get("anyOf", [])
    if _NULL in alternatives:
        return value
    described = {key: value[key] for key in ("description", "default", "title") if key in value}
    rest = {key: inner for key, inner in value.items() if key not in described}
    return described | {"anyOf": [rest, _NULL]}


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
