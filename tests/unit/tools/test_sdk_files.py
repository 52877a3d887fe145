"""The Python client's files that are made from the API's document, and those that name the API's parts."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from carbon_client import __version__, events, frames, models

from tools.paths import ROOT
from tools.sdk import generate, postman, routes, schema
from tools.sdk import models as models_made
from workloads.data_api.answers import columns
from workloads.data_api.latest import Latest
from workloads.data_api.predictions import Prediction
from workloads.data_api.stream import events as sent
from workloads.kit.contracts.forecasts import DeliveryForecast, ForecastPeriod

DOCUMENT = schema.document()


def test_they_are_those_of_the_document() -> None:
    stale = [str(file) for file, text in generate.made().items() if file.read_text(encoding="utf-8") != text]
    assert stale == [], "make schema writes them anew"


def test_fields_of_a_class_are_those_of_its_schema_with_their_kind() -> None:
    for name, told in DOCUMENT["components"]["schemas"].items():
        made = {field.name: field for field in msgspec.structs.fields(getattr(models, name))}
        tag = getattr(models, name).__struct_config__.tag_field
        assert made.keys() | ({tag} if tag else set()) == told["properties"].keys(), name
        required = {field for field, one in made.items() if one.required}
        assert required == set(told.get("required", ())) - {tag}, name


def test_columns_of_frames_are_those_of_csv() -> None:
    for row, of in ((models.Latest, Latest), (models.Prediction, Prediction)):
        assert [column.name for column in frames.columns(row)] == list(columns(of))


def test_events_hold_what_the_stream_sends() -> None:
    assert [field.name for field in msgspec.structs.fields(events.StreamedPrediction)] == [
        name for name, _ in sent._PREDICTION
    ]
    for ours, theirs in (
        (events.DeliveryForecast, DeliveryForecast),
        (events.ForecastPeriod, ForecastPeriod),
    ):
        told = {name for name in theirs.__struct_fields__ if name != "schema_version"}
        assert set(ours.__struct_fields__) == told


def test_a_route_of_a_kind_that_has_no_method_is_named() -> None:
    other: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    other["paths"]["/v1/jobs/{id}"] = {
        "get": {"operationId": "job", "parameters": [{"name": "id", "in": "path"}], "responses": {}}
    }
    made = routes.text(other)
    (said,) = re.findall(r"No method is for (.+)\.", made)
    assert "/v1/jobs/{id}" in said.split(", ")
    assert "def job" not in made


def test_a_field_of_a_kind_that_is_unknown_is_not_guessed() -> None:
    other: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    other["components"]["schemas"]["Price"]["properties"]["price"] = {"type": "object"}
    with pytest.raises(ValueError, match="no Python type is known"):
        models_made.text(other)


def _requests(collection: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for item in collection["item"]:
        request = item["request"]
        parts = [f"{{{one[1:]}}}" if one.startswith(":") else one for one in request["url"]["path"]]
        yield "/" + "/".join(parts), request["method"].lower(), request


def test_the_collection_asks_each_route_and_shows_its_key_in_no_address() -> None:
    collection = json.loads(postman.text(DOCUMENT))
    found = {(path, verb): request for path, verb, request in _requests(collection)}
    assert found.keys() == {(path, verb) for path, one in DOCUMENT["paths"].items() for verb in one}
    for (path, verb), request in found.items():
        every = DOCUMENT["paths"][path][verb].get("parameters", ())
        told = {one["name"]: one for one in every if one["in"] == "query"}
        query = {one["key"]: one for one in request["url"]["query"]}
        assert query.keys() == told.keys()
        assert {name for name, one in query.items() if not one["disabled"]} == {
            name for name, one in told.items() if one["required"]
        }
        assert all(one["value"] for one in query.values() if not one["disabled"]), path
        assert "key}}" not in request["url"]["raw"]
    assert collection["auth"]["bearer"][0]["value"] == "{{key}}"
    assert [one["value"] for one in collection["variable"] if one["key"] == "key"] == [""]


def test_the_version_is_that_of_the_wheel() -> None:
    project = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == __version__


def _query(text: str) -> dict[str, list[str]]:
    """Path → parameters that the Power Query functions give it."""
    return {
        path: re.findall(r"(\w+) =", given)
        for path, given in re.findall(r'Rows\(\s*"([\w/]+)",\s*\[([^\]]*)\]', text)
    }


def test_power_query_names_routes_parameters_and_columns_that_there_are() -> None:
    text = (ROOT / "sdk" / "excel" / "CarbonPrices.pq").read_text(encoding="utf-8")
    asked = _query(text)
    assert asked.keys() == {"v1/prices"}
    for path, given in asked.items():
        told = {one["name"]: one for one in DOCUMENT["paths"][f"/{path}"]["get"]["parameters"]}
        assert set(given) <= told.keys()
        assert {name for name, one in told.items() if one["required"]} <= set(given)
        assert int(told["limit"]["schema"]["maximum"]) == 5000
        assert "cursor" in told
    # Each column, with its kind.
    kinds = dict(re.findall(r'\{"(\w+)", type (\w+)\}', text))
    price = DOCUMENT["components"]["schemas"]["Price"]
    assert list(kinds) == price["required"]
    for name, field in price["properties"].items():
        plain = {"number": "number", "boolean": "logical"}.get(field.get("type"), "text")
        assert kinds[name] == ("datetimezone" if "date-time" in json.dumps(field) else plain), name
    assert {"items", "next"} <= DOCUMENT["components"]["schemas"]["PricePage"]["properties"].keys()
    assert "page[items]" in text
    assert "page[next]" in text
    assert {"detail", "remedy", "request_id"} <= DOCUMENT["components"]["schemas"]["Problem"][
        "properties"
    ].keys()


def test_power_query_gives_the_key_in_the_header_alone() -> None:
    text = (ROOT / "sdk" / "excel" / "CarbonPrices.pq").read_text(encoding="utf-8")
    code = re.sub(r"//.*", "", text)
    assert [line.strip() for line in code.splitlines() if re.search(r"\bkey\b", line)] == [
        "key as text,",
        'Headers = [Authorization = "Bearer " & key, Accept = "application/json"],',
    ]


def test_the_example_that_follows_keeps_its_place_when_it_is_killed_while_it_writes_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = runpy.run_path(str(ROOT / "sdk/examples/follow.py"))
    place = tmp_path / "prices.place"
    follow["_keep"](place, "p1")

    def killed(self: Path, text: str, encoding: str) -> None:
        self.open("w", encoding=encoding).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        follow["_keep"](place, "p2")
    assert place.read_text(encoding="utf-8") == "p1"
