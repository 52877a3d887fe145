"""Prices in the unit and currency that a question asks for, and which there are."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.unit.data_api.conftest import MemoryStore, price


@pytest.fixture
def client(app: OpenAPI) -> FlaskClient:
    return app.test_client()


def _prices(client: FlaskClient, status: int = 200, **query: str) -> Any:
    answer = client.get("/v1/prices", query_string={"symbol": "DE-LU"} | query)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_prices_stay_as_they_came_by_default(client: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(0, 30.0)]
    made = _prices(client)
    assert (made["items"][0]["price"], made["items"][0]["unit"], made["conversion"]) == (30.0, "MWh", [])


def test_prices_per_another_unit_say_by_what(client: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(0, 30.0), price(1, -30.0)]
    made = _prices(client, unit="MMBtu")
    # A MMBtu is 0.293071 MWh.
    assert [one["price"] for one in made["items"]] == pytest.approx([8.79213, -8.79213], abs=1e-5)
    assert {(one["currency"], one["unit"]) for one in made["items"]} == {("EUR", "MMBtu")}
    assert any("Btu" in one for one in made["conversion"])


def test_pence_are_pounds_without_a_rate(client: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(0, 250.0) | {"currency": "GBp", "unit": "therm"}]
    made = _prices(client, currency="GBP")
    assert (made["items"][0]["price"], made["items"][0]["currency"]) == (2.5, "GBP")
    assert made["conversion"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ({"currency": "USD"}, "currency", "needs a dated rate of EUR in USD"),
        ({"currency": "USD", "unit": "MMBtu"}, "currency", "needs a dated rate"),
        ({"unit": "bbl"}, "unit", "two of one dimension"),
        ({"unit": "furlong"}, "unit", "is not known"),
        ({"unit": "a/b"}, "unit", "pattern"),
    ],
)
def test_what_nothing_leads_to_is_refused(
    client: FlaskClient, store: MemoryStore, query: dict[str, str], field: str, said: str
) -> None:
    store.found = [price(0)]
    (fault,) = _prices(client, 422, **query)["errors"]
    assert fault["field"] == field
    assert said in fault["detail"]
    assert fault["remedy"]


def test_markets_and_units_are_listed(client: FlaskClient) -> None:
    markets = {one["market"]: one for one in client.get("/v1/markets").get_json()["items"]}
    assert markets["power"]["time_zone"] == "Europe/Berlin"
    assert markets["power"]["peak_weekdays"] == "Monday Tuesday Wednesday Thursday Friday"
    assert (markets["other"]["time_zone"], markets["other"]["peak_end"]) == ("UTC", "20:00")
    units = {one["unit"]: one for one in client.get("/v1/units").get_json()["items"]}
    assert units["MWh"]["factor"] / units["kWh"]["factor"] == 1000
    assert client.get("/v1/units?format=csv").text.startswith("unit,dimension,factor,source\r\n")
