"""/v1/curves over HTTP: quotes in, a curve out, and what is wrong with quotes by name."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.unit.data_api.conftest import KEY, SETTINGS, MemoryStore, StaticRegister, price
from tools.paths import ROOT
from workloads.data_api.app import create_app
from workloads.data_api.guard import Guard
from workloads.data_api.identity import Principal
from workloads.data_api.limits import Limits
from workloads.data_api.store import Store

MONTHS = [
    {"period": "2027-01", "price": 80},
    {"period": "2027-02", "price": 78},
    {"period": "2027-03", "price": 60},
]


@pytest.fixture
def client(app: OpenAPI) -> FlaskClient:
    return app.test_client()


def _ask(client: FlaskClient, status: int = 200, query: str = "", **body: Any) -> Any:
    response = client.post(f"/v1/curves{query}", json={"quotes": MONTHS, **body})
    assert response.status_code == status, response.text
    return response.get_json()


def test_quotes_in_a_curve_out(client: FlaskClient) -> None:
    made = _ask(client)
    assert len(made["items"]) == 2159  # an hour fewer than 90 days
    assert made["items"][0]["delivery_start"] == "2026-12-31T23:00:00Z"
    assert made["items"][-1]["delivery_end"] == "2027-03-31T22:00:00Z"
    january = [one["price"] for one in made["items"][: 31 * 24]]
    assert sum(january) / len(january) == pytest.approx(80, abs=1e-3)
    assert [one["off"] for one in made["quotes"]] == pytest.approx([0, 0, 0], abs=1e-3)
    assert made["time_zone"] == "Europe/Berlin"


def test_what_is_computed_counts_as_no_rows_of_the_month(
    register: StaticRegister, store: MemoryStore
) -> None:
    counted: list[int] = []

    class Counting:
        def take(self, _: Principal) -> None: ...

        def add(self, _: Principal, rows: int) -> None:
            counted.append(rows)

    guard = Guard(register, limits=cast("Limits", Counting()))
    client = create_app(SETTINGS, cast("Store", store), guard).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"
    assert len(_ask(client)["items"]) > 2000
    assert counted == [0]


def test_days_as_csv_of_each_scenario(client: FlaskClient) -> None:
    scenarios = [{"name": "colder", "steps": [{"kind": "shift", "amount": 5}]}]
    body = {"quotes": MONTHS, "resolution": "P1D", "scenarios": scenarios, "tz": "UTC"}
    answer = client.post("/v1/curves?format=csv", json=body)
    assert answer.content_type.startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [one["curve"] for one in rows] == ["quotes"] * 90 + ["colder"] * 90
    assert float(rows[90]["price"]) - float(rows[0]["price"]) == pytest.approx(5)


def test_positions_are_valued_against_each_curve(client: FlaskClient) -> None:
    scenarios = [{"name": "colder", "steps": [{"kind": "shift", "amount": 5}]}]
    positions = [{"period": "2027-02", "profile": "base", "megawatts": 10, "price": 70}]
    made = _ask(client, scenarios=scenarios, positions=positions, resolution="P1D")
    assert [(one["curve"], round(one["profit"])) for one in made["positions"]] == [
        ("quotes", 10 * 672 * 8),
        ("colder", 10 * 672 * 13),
    ]


def test_a_contradiction_is_refused_by_both_and_the_gap_or_met(client: FlaskClient) -> None:
    quotes = [*MONTHS, {"period": "2027-Q1", "price": 70}]
    refused = _ask(client, 422, quotes=quotes)
    (fault,) = refused["errors"]
    assert fault["value"] == "2027-Q1 base at 70"
    assert "2027-03 base at 60" in fault["detail"]
    assert fault["detail"].endswith("2.495 apart")
    assert "least-squares" in fault["remedy"]
    met = _ask(client, quotes=quotes, contradictions="least-squares")
    assert 0 < max(one["off"] for one in met["quotes"]) < 2.495


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"quotes": []}, "quotes", "at least 1 item"),
        ({"quotes": [{"period": "2027-13", "price": 1}]}, "quotes.0.period", "'2027-13' does not exist"),
        ({"quotes": [{"period": "2027"}]}, "quotes.0", "2027 base has to have a price"),
        ({"quotes": [{"period": "2027", "price": 1, "size": 5}]}, "quotes.0.size", "no such parameter"),
        ({"quote": MONTHS}, "quote", "no such parameter"),
        ({"tz": "Europe/Atlantis"}, "tz", "no IANA time zone"),
        ({"quotes": [{"period": "2027-02-28", "profile": "peak", "price": 1}]}, "quotes", "has no hours"),
        ({"quotes": [*MONTHS, {"period": "2090", "price": 1}]}, "quotes", "days, from the first to the last"),
        (
            {"positions": [{"period": "2028", "megawatts": 1, "price": 1}]},
            "positions.0",
            "not within the curve",
        ),
        (
            {"scenarios": [{"name": "quotes", "steps": [{"kind": "shift", "amount": 5}]}]},
            "scenarios",
            "the curve of the quotes alone",
        ),
        (
            {
                "quotes": [{"period": f"{year}", "price": 1} for year in range(2027, 2037)],
                "scenarios": [{"name": "a", "steps": [{"kind": "shift", "amount": 5}]}],
            },
            "scenarios",
            "prices are more than 100000",
        ),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, body: dict[str, Any], field: str, said: str) -> None:
    refused = _ask(client, 422, **body)
    fault = refused["errors"][0]
    assert fault["field"] == field
    assert said in fault["detail"]
    assert fault["remedy"]
    assert "None" not in fault["remedy"]


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"", 422, "no JSON object"),
        (b"[1]", 422, "no JSON object"),
        (b'{"quotes": ', 422, "no JSON object"),
        (b'{"quotes": [{"period": "2027", "price": NaN}]}', 422, "finite number"),
        (b"[" * 500_000, 422, "nested too deep"),
        (b" " * (1 << 20) + b"{}", 413, "too large"),
    ],
)
def test_a_body_that_is_none_is_a_problem(client: FlaskClient, data: bytes, status: int, said: str) -> None:
    answer = client.post("/v1/curves", data=data, content_type="application/json")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert said in json.loads(answer.data)["detail"]


def test_the_example_of_the_page_holds(client: FlaskClient) -> None:
    page = (ROOT / "docs/data-api.md").read_text()
    sent = r'^curl -s -H "@\$API_AUTH" "\$API(/v1/curves[^"]*)" -H "Content-Type: application/json"'
    ((path, body),) = re.findall(sent + r" -d '([^']+)'$", page, re.MULTILINE)
    answer = client.post(path, data=body, content_type="application/json")
    assert answer.status_code == 200, answer.text
    assert answer.text.count("outage,") == 365


def test_a_shape_of_a_symbol_without_hourly_prices_is_refused(
    client: FlaskClient, store: MemoryStore
) -> None:
    refused = _ask(client, 422, shape={"symbol": "WTI"})
    assert refused["errors"][0]["field"] == "shape.symbol"
    assert "no hourly prices of WTI" in refused["detail"]


def test_a_shape_in_a_zone_that_moves_its_clock_by_half_an_hour_is_refused(
    client: FlaskClient, store: MemoryStore
) -> None:
    hours = [price(24 * 35 + hour) for hour in range(48)]
    store.found = [hours[0] | {"first": hours[0]["delivery_start"], "last": hours[-1]["delivery_start"]}]
    asked = {"symbol": "DE-LU", "as_of": "2026-04-30T00:00:00Z"}
    refused = _ask(client, 422, shape=asked, tz="Australia/Lord_Howe", quotes=MONTHS[:1])
    assert refused["errors"][0]["field"] == "tz"
