from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from tests import prices
from workloads.kit import codec
from workloads.kit.contracts import schema
from workloads.kit.contracts.messages import Price

EXAMPLE = prices.price(0, 46.5)


def test_the_committed_schemas_are_those_of_the_messages() -> None:
    committed = {file.name: file.read_text() for file in schema.DIRECTORY.glob("*.json")}
    current = {name: schema.text(content) for name, content in schema.generate().items()}
    assert {name: committed.get(name) for name in current} == current, (
        "run python -m workloads.kit.contracts.schema"
    )
    assert {name.split(".v")[0] for name in current} == set(schema.MESSAGES)


def _price() -> dict[str, Any]:
    return copy.deepcopy(schema.generate()["commodity-prices.v2.json"])


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
    for full in (False, True):
        assert any(named in reason for reason in schema.incompatible(_price(), changed, full=full))


def test_an_optional_field_is_compatible_both_ways() -> None:
    changed = _price()
    _fields(changed)["venue"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert schema.incompatible(_price(), changed, full=True) == []


def _further_value(content: dict[str, Any]) -> None:
    _fields(content)["provenance"]["enum"].append("estimate")


def _further_type(content: dict[str, Any]) -> None:
    plain = _fields(content)["price"]
    _fields(content)["price"] = {"anyOf": [plain, {"type": "null"}]}


def _no_longer_required(content: dict[str, Any]) -> None:
    content["$defs"]["Price"]["required"].remove("unit")


@pytest.mark.parametrize(
    ("change", "named"),
    [(_further_value, "provenance"), (_further_type, "price"), (_no_longer_required, "unit")],
)
def test_what_old_readers_refuse_is_compatible_only_where_no_message_outlives_them(
    change: Any, named: str
) -> None:
    changed = _price()
    change(changed)
    assert schema.incompatible(_price(), changed, full=False) == []
    reasons = schema.incompatible(_price(), changed, full=True)
    assert any(named in reason for reason in reasons)
    assert all("readers of before" in reason for reason in reasons)


def test_messages_of_the_topics_that_are_kept_for_ever_are_fully_compatible() -> None:
    kept = {name for name in schema.generate() if schema.kept_for_ever(name)}
    assert kept == {"commodity-prices.v2.json", "market-indicators.v1.json", "platform-audit.v1.json"}


def test_a_reader_of_before_takes_a_message_with_a_field_that_came_later() -> None:
    raw = msgspec.json.encode(
        msgspec.to_builtins(EXAMPLE) | {"venue": "exchange", "curve": [1, {"deep": None}]}
    )
    assert codec.decoder(Price)(raw) == EXAMPLE


def test_the_writer_leaves_the_file_alone_when_the_change_is_incompatible(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "DIRECTORY", tmp_path)
    assert schema.main() == 0
    file = tmp_path / "commodity-prices.v2.json"
    before = _price()
    _fields(before)["venue"] = {"type": "string"}
    file.write_text(schema.text(before))
    assert schema.main() == 1
    assert file.read_text() == schema.text(before)
    assert "venue" in capsys.readouterr().err


def test_the_writer_asks_old_readers_too_of_a_topic_that_is_kept_for_ever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "DIRECTORY", tmp_path)
    schema.main()
    for name in ("commodity-prices.v2.json", "ml-predictions.v1.json"):
        before = json.loads((tmp_path / name).read_text())
        [message] = before["$defs"].values()
        message["properties"]["provenance"]["enum"].remove("replay")
        (tmp_path / name).write_text(schema.text(before))
    assert schema.main() == 1
    refused = capsys.readouterr().err
    assert "commodity-prices.v2.json: for readers of before: field provenance" in refused
    assert "ml-predictions" not in refused
