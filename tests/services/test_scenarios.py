"""Saved scenarios on a real database: each tenant its own, nothing replaced unseen, each change recorded."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from psycopg import sql

from tests.services.access import add_key, client, entitle
from tests.services.clients import MigratedDatabase
from tests.services.servers import until
from tests.services.test_access import ROLE, settings
from workloads.data_api import scenarios
from workloads.data_api.app import create_app
from workloads.data_api.store import Store

pytestmark = pytest.mark.thorough

WRITES = ("read", "write")
CURVES: dict[str, Any] = {
    "quotes": [{"period": "2027-01", "price": 80}, {"period": "2027-02", "bid": 77.5, "ask": 78.5}],
    "scenarios": [{"name": "colder", "steps": [{"kind": "shift", "amount": 5}]}],
    "positions": [{"period": "2027-02", "megawatts": -10, "price": 76}],
}


@pytest.fixture
def app(database: MigratedDatabase) -> Iterator[OpenAPI]:
    store = Store(settings(database))
    try:
        entitle(database, pilot_one={}, pilot_two={})
        yield create_app(settings(database), store)
    finally:
        store.close()


@pytest.fixture
def api(database: MigratedDatabase, app: OpenAPI) -> FlaskClient:
    made = client(app, add_key(database, "pilot-one", scopes=WRITES))
    until(lambda: made.get("/v1/scenarios").status_code == 200, "the store is reached")
    return made


def put(api: FlaskClient, name: str, curves: Any = None, **query: Any) -> Any:
    return api.put(f"/v1/scenarios/{name}", json=CURVES if curves is None else curves, query_string=query)


def names(api: FlaskClient) -> list[str]:
    return [one["name"] for one in api.get("/v1/scenarios").get_json()["items"]]


def test_what_is_saved_is_what_curves_takes_and_the_whole_tenant_has_it(
    database: MigratedDatabase, app: OpenAPI, api: FlaskClient
) -> None:
    saved = put(api, "Winter 27")
    assert saved.status_code == 200, saved.text
    colleague = client(app, add_key(database, "pilot-one"))
    assert names(colleague) == ["Winter 27"]
    found = colleague.get("/v1/scenarios/Winter 27").get_json()
    assert found["curves"] == CURVES
    assert found["saved_at"] == saved.get_json()["saved_at"]
    made = colleague.post("/v1/curves", json=found["curves"])
    assert {one["curve"] for one in made.get_json()["items"]} == {"quotes", "colder"}
    assert put(colleague, "other").status_code == 403  # it only reads
    assert api.delete("/v1/scenarios/Winter 27").status_code == 204
    assert api.delete("/v1/scenarios/Winter 27").status_code == 404
    assert colleague.get("/v1/scenarios/Winter 27").status_code == 404


def test_each_tenant_has_its_own_and_the_database_says_so_too(
    database: MigratedDatabase, app: OpenAPI, api: FlaskClient
) -> None:
    other = client(app, add_key(database, "pilot-two", scopes=WRITES))
    assert put(api, "mine").status_code == 200
    assert names(other) == []
    assert other.get("/v1/scenarios/mine").status_code == 404
    assert other.delete("/v1/scenarios/mine").status_code == 404
    assert put(other, "mine", {"quotes": [{"period": "2028", "price": 1}]}).status_code == 200
    assert api.get("/v1/scenarios/mine").get_json()["curves"] == CURVES

    # The role itself, whatever it asks.
    with database.connect(ROLE) as connection:
        for tenant, seen in (("", []), ("pilot-two", ["pilot-two"])):
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL carbon.tenant = {}").format(sql.Literal(tenant)))
                found = connection.execute("SELECT tenant_id FROM features.scenarios").fetchall()
                assert [name for (name,) in found] == seen
                changed = connection.execute("UPDATE features.scenarios SET name = name")
                assert changed.rowcount == len(seen)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute(
                "INSERT INTO features.scenarios (tenant_id, name, curves, saved_at, saved_by)"
                " VALUES ('pilot-one', 'foisted', '{}', now(), 'x')"
            )


def test_nobody_replaces_what_he_has_not_seen(database: MigratedDatabase, api: FlaskClient) -> None:
    first = put(api, "a").get_json()["saved_at"]
    # Asked again, as after an answer that was lost, it is the same.
    assert put(api, "a").get_json()["saved_at"] == first
    changed = {**CURVES, "positions": []}
    refused = put(api, "a", changed)
    assert refused.status_code == 409
    assert "replaces" in refused.get_json()["remedy"]
    second = put(api, "a", changed, replaces=first)
    assert second.status_code == 200
    stale = put(api, "a", CURVES, replaces=first)
    assert (stale.status_code, stale.get_json()["errors"][0]["field"]) == (409, "replaces")
    assert api.get("/v1/scenarios/a").get_json()["curves"] == changed
    assert put(api, "b", replaces=first).status_code == 409

    events = database.query(
        "SELECT action, subject, tenant_id FROM access_events"
        " WHERE starts_with(action, 'scenario.') ORDER BY at"
    )
    assert events == [("scenario.save", "a", "pilot-one")] * 2
    unseen = api.delete("/v1/scenarios/a", query_string={"saved_at": first})
    assert (unseen.status_code, unseen.get_json()["errors"][0]["field"]) == (409, "saved_at")
    assert api.get("/v1/scenarios/a").get_json()["curves"] == changed
    seen = second.get_json()["saved_at"]
    assert api.delete("/v1/scenarios/a", query_string={"saved_at": seen}).status_code == 204
    (last,) = database.query("SELECT action, detail->>'saved_at' FROM access_events ORDER BY at DESC LIMIT 1")
    assert last[0] == "scenario.delete"
    assert datetime.fromisoformat(last[1]) == datetime.fromisoformat(seen)
    assert put(api, "c").status_code == 200
    assert api.delete("/v1/scenarios/c").status_code == 204


def test_there_are_only_so_many_even_at_once(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "MOST", 5)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: put(api, f"s{n}").status_code, range(12)))
    assert (answers.count(200), answers.count(409)) == (5, 7)
    assert len(names(api)) == 5
    # One that is there may still be changed.
    kept = names(api)[0]
    seen = api.get(f"/v1/scenarios/{kept}").get_json()["saved_at"]
    assert put(api, kept, {**CURVES, "positions": []}, replaces=seen).status_code == 200


@pytest.mark.parametrize(
    ("name", "curves", "said"),
    [
        ("a", {"quotes": []}, "quotes"),
        ("a", {"quotes": [{"period": "2027-13", "price": 1}]}, "2027-13"),
        ("a", {**CURVES, "more": 1}, "more"),
        ("a", [], "body"),
        (" a", CURVES, "name"),
        ("a ", CURVES, "name"),
        ("<b>", CURVES, "name"),
        ("a" * 65, CURVES, "name"),
        ("\u00e4", CURVES, "name"),
    ],
)
def test_what_curves_would_not_take_is_not_saved(api: FlaskClient, name: str, curves: Any, said: str) -> None:
    refused = put(api, name, curves)
    assert refused.status_code == 422, refused.text
    assert said in refused.text
    assert names(api) == []


def test_one_that_is_too_large_is_refused_by_its_size(
    api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "MOST_BYTES", 100)
    refused = put(api, "a")
    assert refused.status_code == 422
    assert "more than 100" in refused.get_json()["detail"]


def test_no_other_site_saves_in_a_persons_name(
    database: MigratedDatabase, app: OpenAPI, api: FlaskClient
) -> None:
    visitor = app.test_client()
    same = {"Sec-Fetch-Site": "same-origin"}
    key = add_key(database, "pilot-one", scopes=WRITES)
    assert visitor.post("/hub/login", data={"key": key}, headers=same).status_code == 302
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        assert visitor.put("/v1/scenarios/a", json=CURVES, headers=headers).status_code == 401
        assert visitor.delete("/v1/scenarios/a", headers=headers).status_code == 401
    assert visitor.put("/v1/scenarios/a", json=CURVES, headers=same).status_code == 200
    assert names(api) == ["a"]
