"""/graphql on a real feature store: what the routes answer, under the same rights, no statement a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from psycopg import sql

from tests.fixture_models import artifact, echoing
from tests.graphql import schema, whole
from tests.services.access import add_key, client, entitle
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tests.services.servers import until
from workloads.data_api.app import create_app
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.declared.data_api import DATA_API

SYMBOLS = ("SYN-A", "SYN-B", "SYN-C")


class Counting(Store):
    """Counts the statements that ask for rows of symbols."""

    statements = 0

    def rows(self, query: sql.Composed, values: Mapping[str, Any]) -> list[Row]:
        self.statements += "symbol" in values
        return super().rows(query, values)


@pytest.fixture
def store(database: MigratedDatabase) -> Iterator[Counting]:
    env = {name.lower(): value for name, value in database.env(DATA_API.role or "").items()}
    store = Counting(DataApiSettings.model_validate(env))
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def app(database: MigratedDatabase, store: Store) -> OpenAPI:
    env = {name.lower(): value for name, value in database.env(DATA_API.role or "").items()}
    given = {"catalogue_seconds": 3600, "access_seconds": 0, "usage_seconds": 3600}
    prices = echoing(3, 300)
    for number, symbol in enumerate(SYMBOLS):
        days = add_prices(database, symbol, prices * (1 + number), start=datetime(2020, 1, 1, tzinfo=UTC))
        add_predictions(database, artifact(symbol), 4, days[-9:], prices * (1 + number))
    return create_app(DataApiSettings.model_validate(env | given), store)


def known(database: MigratedDatabase, app: OpenAPI, tenant: str) -> FlaskClient:
    api = client(app, add_key(database, tenant))
    until(lambda: api.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
    return api


def data(api: FlaskClient, query: str) -> dict[str, Any]:
    answer = api.post("/graphql", json={"query": query})
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.get_json(), answer.text
    return answer.get_json()["data"]


def test_each_field_is_what_its_route_answers(database: MigratedDatabase, app: OpenAPI) -> None:
    entitle(database, pilot_one={}, pilot_two={"markets": ("power",)})
    of_symbol, at = 'symbol: "SYN-B"', "2020-10-20T00:00:00Z"
    asked = {
        "instruments": ("limit: 2", "limit=2"),
        "latest": (of_symbol, "symbol=SYN-B"),
        "prices": (f'{of_symbol}, limit: 3, as_of: "{at}"', f"symbol=SYN-B&limit=3&as_of={at}"),
        "indicators": ('zone: "DE-LU", name: "load"', "zone=DE-LU&name=load"),
        "predictions": (f'{of_symbol}, limit: 5, as_of: "{at}"', f"symbol=SYN-B&limit=5&as_of={at}"),
        "skill": (of_symbol, "symbol=SYN-B"),
        "markets": ("", ""),
        "units": ("", ""),
    }
    made = schema(app)
    assert made.query_type is not None
    assert set(made.query_type.fields) == set(asked)
    seen: dict[str, int] = {}
    for tenant in ("pilot-one", "pilot-two"):
        api = known(database, app, tenant)
        for field, (arguments, parameters) in asked.items():
            given = f"({arguments})" if arguments else ""
            found = data(api, f"{{{field}{given} {whole(made, field)}}}")[field]
            routed = api.get(f"/v1/{field}?{parameters}").get_json()
            assert found["items"] == routed["items"], field
            # A cursor is as of its own instant.
            assert (found["next"] is None) == (routed["next"] is None), field
            seen[field] = max(seen.get(field, 0), len(found["items"]))
            if tenant == "pilot-two" and field in ("prices", "predictions", "latest", "skill", "instruments"):
                assert found["items"] == [], "row security holds here, too"
    assert {field for field, rows in seen.items() if rows == 0} == {"indicators"}


def test_instruments_have_their_own_pages_by_a_statement_each_part(
    database: MigratedDatabase, app: OpenAPI, store: Counting
) -> None:
    entitle(database, pilot_one={})
    api = known(database, app, "pilot-one")
    of = 'as_of: "2020-10-20T00:00:00Z", start: "2020-10-01T00:00:00Z", limit: 4'
    api.get("/v1/instruments")
    before = store.statements
    for revisions in ("latest", "all"):
        parts = f'prices({of}, revisions: "{revisions}") {whole(schema(app), "prices")}'
        parts += f" predictions({of}) {whole(schema(app), 'predictions')}"
        items = data(api, f"{{instruments(limit: 9) {{items {{symbol {parts}}}}}}}")["instruments"]["items"]
        assert store.statements == before + 2
        assert [item["symbol"] for item in items] == list(SYMBOLS)
        for item in items:
            query = {"symbol": item["symbol"], "source": "test", "resolution": "P1D", "limit": 4}
            query |= {"as_of": "2020-10-20T00:00:00Z", "start": "2020-10-01T00:00:00Z"}
            assert item["predictions"] == api.get("/v1/predictions", query_string=query).get_json()
            query["revisions"] = revisions
            assert item["prices"] == api.get("/v1/prices", query_string=query).get_json()
            assert len(item["prices"]["items"]) == 4
            # It goes on at the route, and so at the field of its name.
            again = api.get("/v1/prices", query_string=query | {"cursor": item["prices"]["next"]})
            assert again.status_code == 200
            assert (
                again.get_json()["items"][0]["delivery_start"] > item["prices"]["items"][-1]["delivery_start"]
            )
        before = store.statements
