"""JSON Schemas of the messages: `python -m workloads.kit.contracts.schema` writes them to `schemas/`.

A file is `<topic>.v<schema_version>.json`. A change within a version has to be compatible, or the writer
refuses it (exit 1): new readers take old messages (BACKWARD), and on a topic that is kept for ever old
readers take new messages as well (FULL), since its messages outlive every reader. Any other change is a new
`schema_version`, whose file stands beside the old one; readers of the old version halt on it.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.api_events import ApiCall
from workloads.kit.contracts.customers import CustomerEvent
from workloads.kit.contracts.forecasts import DeliveryForecast
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import Analytics, AuditEvent, Prediction, Price
from workloads.kit.contracts.quality import QualityAlert
from workloads.kit.contracts.topics import DECLARED
from workloads.kit.contracts.warehouse import StagedRows

Schema = dict[str, Any]

DIRECTORY: Final = Path(__file__).parent / "schemas"

MESSAGES: Final[Mapping[str, tuple[type[msgspec.Struct], ...]]] = {
    Price.topic: (Price,),
    Indicator.topic: (Indicator,),
    topics.COMMODITY_ANALYTICS: (Analytics,),
    topics.ML_PREDICTIONS: (Prediction, DeliveryForecast),
    topics.API_EVENTS: (ApiCall,),
    CustomerEvent.topic: (CustomerEvent,),
    topics.PLATFORM_AUDIT: (AuditEvent,),
    QualityAlert.topic: (QualityAlert,),
    StagedRows.topic: (StagedRows,),
}
"""Topic -> what its messages are, told apart by their `schema_version`."""

_IGNORED: Final = frozenset({"title", "description", "default"})


def generate() -> dict[str, Schema]:
    """File name → schema, of every message as it is defined now."""
    return {f"{topic}.v{_version(schema)}.json": schema for topic, schema in _schemas()}


def text(schema: Schema) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def incompatible(old: Schema, new: Schema, *, full: bool) -> list[str]:
    """Why messages of `old` might be refused or misread by readers of `new`; empty if they are not.

    A field may be added if it is not required, and a field's type may be widened by further alternatives.
    `full` asks the same of messages of `new` for readers of `old`: then no type may be widened, and no field
    that was required be left out.
    """
    reasons = _refused(old, new)
    if full:
        reasons += [f"for readers of before: {reason}" for reason in _refused(new, old, gone=False)]
    return reasons


def _refused(written: Schema, read: Schema, *, gone: bool = True) -> list[str]:
    """Why readers of `read` might not take messages of `written`; `gone` counts what they would not see."""
    before, after = _message(written), _message(read)
    reasons: list[str] = []
    for name, field in before["properties"].items():
        if name not in after["properties"]:
            reasons += [f"field {name} is gone"] if gone else []
        elif not _alternatives(field) <= _alternatives(after["properties"][name]):
            reasons.append(f"field {name} takes less than is written")
    wanted = set(after["required"]) - set(before["required"])
    reasons += [f"field {name} is required and may not be there" for name in sorted(wanted)]
    return reasons


def kept_for_ever(name: str) -> bool:
    """Whether the topic that a schema file is of keeps its messages for ever."""
    topic = name.rpartition(".v")[0]
    return any(declared.name == topic and declared.retention_ms == -1 for declared in DECLARED)


def main() -> int:
    DIRECTORY.mkdir(exist_ok=True)
    refused = 0
    for name, schema in generate().items():
        file = DIRECTORY / name
        full = kept_for_ever(name)
        reasons = incompatible(json.loads(file.read_text()), schema, full=full) if file.exists() else []
        for reason in reasons:
            print(f"{name}: {reason}: give the message a new schema_version", file=sys.stderr)
        if reasons:
            refused += 1
        else:
            file.write_text(text(schema))
    return 1 if refused else 0


def _schemas() -> list[tuple[str, Schema]]:
    return [(topic, _of(message)) for topic, versions in MESSAGES.items() for message in versions]


def _of(message: type[msgspec.Struct]) -> Schema:
    schema = msgspec.json.schema(message)
    for definition in schema["$defs"].values():
        # Python 3.13 takes the indentation out of docstrings, 3.11 does not.
        definition["description"] = inspect.cleandoc(definition["description"])
    return schema


def _message(schema: Schema) -> Mapping[str, Any]:
    return schema["$defs"][schema["$ref"].rpartition("/")[2]]


def _version(schema: Schema) -> int:
    return _message(schema)["properties"]["schema_version"]["enum"][0]


def _alternatives(field: Schema) -> set[str]:
    """What a field takes, one text an alternative."""
    plain = {name: value for name, value in field.items() if name not in _IGNORED}
    if "anyOf" in plain:
        return set[str]().union(*map(_alternatives, plain["anyOf"]))
    if "enum" in plain:
        return {json.dumps(value) for value in plain["enum"]}
    return {json.dumps(plain, sort_keys=True)}


if __name__ == "__main__":
    sys.exit(main())
