from __future__ import annotations

import copy
from typing import Any

import pytest

from workloads.kit.contracts import schema
from workloads.kit.contracts.messages import MESSAGES


def test_the_committed_schemas_are_those_of_the_messages() -> None:
    committed = {file.name: file.read_text() for file in schema.DIRECTORY.glob("*.json")}
    current = {name: schema.text(content) for name, content in schema.generate().items()}
    assert {name: committed.get(name) for name in current} == current, (
        "run python -m workloads.kit.contracts.schema"
    )
    assert {name.split(".v")[0] for name in current} == set(MESSAGES)


def _price() -> dict[str, Any]:
    return copy.deepcopy(schema.generate()["commodity-prices.v1.json"])


def _fields(content: dict[str, Any]) -> dict[str, Any]:
    return content["$defs"]["Price"]["properties"]


def _without(content: dict[str, Any]) -> None:
    del _fields(content)["unit"]
    content["$defs"]["Price"]["required"].remove("unit")


def _renamed(content: dict[str, Any]) -> None:
    _fields(content)["value"] = _fields(content).pop("price")


def _retyped(content: dict[str, Any]) -> None:
    _fields(content)["price"] = {"type": "string"}


def _narrowed(content: dict[str, Any]) -> None:
    _fields(content)["provenance"]["enum"].remove("replay")


def _no_longer_optional(content: dict[str, Any]) -> None:
    _fields(content)["replayed_from"] = {"format": "date-time", "type": "string"}


def _newly_required(content: dict[str, Any]) -> None:
    _fields(content)["venue"] = {"type": "string"}
    content["$defs"]["Price"]["required"].append("venue")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without, "unit"),
        (_renamed, "price"),
        (_retyped, "price"),
        (_narrowed, "provenance"),
        (_no_longer_optional, "replayed_from"),
        (_newly_required, "venue"),
    ],
)
def test_a_change_that_old_messages_do_not_survive_is_refused(change: Any, named: str) -> None:
    changed = _price()
    change(changed)
    assert any(named in reason for reason in schema.incompatible(_price(), changed))


def test_an_optional_field_and_a_further_alternative_are_compatible() -> None:
    changed = _price()
    _fields(changed)["venue"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    _fields(changed)["provenance"]["enum"].append("estimate")
    _fields(changed)["price"] = {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert schema.incompatible(_price(), changed) == []


def test_the_writer_leaves_the_file_alone_when_the_change_is_incompatible(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "DIRECTORY", tmp_path)
    assert schema.main() == 0
    file = tmp_path / "commodity-prices.v1.json"
    before = _price()
    _fields(before)["venue"] = {"type": "string"}
    file.write_text(schema.text(before))
    assert schema.main() == 1
    assert file.read_text() == schema.text(before)
    assert "venue" in capsys.readouterr().err
