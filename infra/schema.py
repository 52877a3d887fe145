"""`python -m infra.schema`: write stacks/schema.json, the JSON Schema of a stack file, from the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from infra.settings.secrets import GeneratedSecrets
from infra.settings.stack import GIVEN_AT_RUN_TIME, NAMESPACE, PLATFORM, STACK

FILE: Final = Path(__file__).resolve().parent.parent / "stacks" / "schema.json"


def schema() -> dict[str, Any]:
    """What a committed `Pulumi.<stack>.yaml` may hold."""
    model = STACK.model_json_schema(by_alias=True)
    platform: dict[str, Any] = model["$defs"].pop(PLATFORM.__name__)
    properties = {**model["properties"], **platform["properties"]}
    del properties["platform"]
    sections: dict[str, Any] = {f"{NAMESPACE}:{name}": value for name, value in properties.items()}
    together = [f"{NAMESPACE}:{name}" for name in platform["required"] if name not in GIVEN_AT_RUN_TIME]
    # A secret stands in a file only as the engine encrypted it.
    sections[f"{NAMESPACE}:secrets"] = {
        "description": "Passwords, encrypted by `pulumi config set --secret`.",
        "type": "object",
        "properties": {"secure": {"type": "string"}},
        "required": ["secure"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of carbon-platform",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": sections,
                "patternProperties": {"^pulumi:": {}},
                "required": [f"{NAMESPACE}:{name}" for name in model["required"]],
                # A stack has all sections of a platform or none.
                "dependentRequired": {one: [other for other in together if other != one] for one in together},
                "additionalProperties": False,
            },
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": {name: d for name, d in model["$defs"].items() if name != GeneratedSecrets.__name__},
    }


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
