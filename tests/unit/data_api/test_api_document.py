"""The committed OpenAPI document is that of the routes, and changes only as its clients survive it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from workloads.data_api import document

PRICES = "/v1/prices"


def test_the_committed_document_is_that_of_the_routes() -> None:
    assert document.FILE.read_text() == document.text(document.current()), (
        "run python -m workloads.data_api.document"
    )


def _parameter(made: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in made["paths"][PRICES]["get"]["parameters"] if one["name"] == name]
    return found


def _fields(made: dict[str, Any]) -> dict[str, Any]:
    return made["components"]["schemas"]["Price"]["properties"]


def _no_path(made: dict[str, Any]) -> None:
    made["paths"]["/v1/spot"] = made["paths"].pop(PRICES)


def _no_parameter(made: dict[str, Any]) -> None:
    made["paths"][PRICES]["get"]["parameters"].remove(_parameter(made, "source"))


def _required(made: dict[str, Any]) -> None:
    _parameter(made, "source")["required"] = True


def _new_and_required(made: dict[str, Any]) -> None:
    made["paths"][PRICES]["get"]["parameters"].append(
        {"name": "area", "in": "query", "required": True, "schema": {"type": "string"}}
    )


def _fewer_choices(made: dict[str, Any]) -> None:
    _parameter(made, "revisions")["schema"]["enum"].remove("all")


def _lower_limit(made: dict[str, Any]) -> None:
    _parameter(made, "limit")["schema"]["maximum"] = 10


def _other_default(made: dict[str, Any]) -> None:
    _parameter(made, "revisions")["schema"]["default"] = "all"


def _no_field(made: dict[str, Any]) -> None:
    del _fields(made)["unit"]


def _maybe_missing(made: dict[str, Any]) -> None:
    made["components"]["schemas"]["Price"]["required"].remove("unit")


def _other_type(made: dict[str, Any]) -> None:
    _fields(made)["price"] = {"type": "string"}


def _maybe_null(made: dict[str, Any]) -> None:
    _fields(made)["price"] = {"anyOf": [{"type": "number"}, {"type": "null"}]}


def _another_choice(made: dict[str, Any]) -> None:
    _fields(made)["provenance"]["enum"].append("guess")


def _no_csv(made: dict[str, Any]) -> None:
    del made["paths"][PRICES]["get"]["responses"]["200"]["content"]["text/csv"]


def _other_problem(made: dict[str, Any]) -> None:
    del made["components"]["schemas"]["Fault"]["properties"]["field"]


def _sent(made: dict[str, Any], name: str) -> dict[str, Any]:
    return made["components"]["schemas"][name]


def _nothing_sent(made: dict[str, Any]) -> None:
    del _sent(made, "CurvesBody")["properties"]["tz"]


def _more_to_send(made: dict[str, Any]) -> None:
    _sent(made, "Quote")["required"].append("profile")


def _fewer_quotes(made: dict[str, Any]) -> None:
    _sent(made, "CurvesBody")["properties"]["quotes"]["maxItems"] = 10


def _no_such_step(made: dict[str, Any]) -> None:
    steps = _sent(made, "Scenario")["properties"]["steps"]["items"]["oneOf"]
    steps.remove({"$ref": "#/components/schemas/Outage"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_nothing_sent, "body.tz is gone"),
        (_more_to_send, "body.quotes[].profile has to be given"),
        (_fewer_quotes, "body.quotes takes less"),
        (_no_such_step, "body.scenarios[].steps[] takes less"),
        (_no_path, "/v1/prices is gone"),
        (_no_parameter, "parameter source is gone"),
        (_required, "source has to be given"),
        (_new_and_required, "area is new"),
        (_fewer_choices, "revisions takes less"),
        (_lower_limit, "limit takes less"),
        (_other_default, "revisions means something else"),
        (_no_field, "unit is gone"),
        (_maybe_missing, "unit may be missing"),
        (_other_type, "price may be what it was not"),
        (_maybe_null, "price may be what it was not"),
        (_another_choice, "provenance may be what it was not"),
        (_no_csv, "text/csv"),
        (_other_problem, "field is gone"),
    ],
)
def test_a_change_that_clients_do_not_survive_is_refused(
    change: Callable[[dict[str, Any]], None], named: str
) -> None:
    old = json.loads(document.FILE.read_text())
    new = copy.deepcopy(old)
    change(new)
    assert any(named in reason for reason in document.incompatible(old, new))


def test_what_only_adds_is_compatible() -> None:
    old = json.loads(document.FILE.read_text())
    new = copy.deepcopy(old)
    new["paths"]["/v1/more"] = new["paths"][PRICES]
    _fields(new)["venue"] = {"type": "string"}
    new["components"]["schemas"]["Price"]["required"].append("venue")
    _parameter(new, "limit")["schema"]["maximum"] = 10_000
    _parameter(new, "revisions")["schema"]["enum"].append("first")
    new["paths"][PRICES]["get"]["parameters"].append(
        {"name": "area", "in": "query", "required": False, "schema": {"type": "string"}}
    )
    _sent(new, "CurvesBody")["properties"]["label"] = {"type": "string"}
    _sent(new, "CurvesBody")["properties"]["quotes"]["maxItems"] = 10_000
    _sent(new, "Scenario")["properties"]["steps"]["items"]["oneOf"].append({"type": "null"})
    assert document.incompatible(old, new) == []


def test_a_document_that_is_refused_is_not_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = document.FILE.read_text()
    changed = json.loads(before)
    _no_field(changed)
    monkeypatch.setattr(document, "current", lambda: changed)
    assert document.main() == 1
    assert "unit is gone" in capsys.readouterr().err
    assert document.FILE.read_text() == before
