"""Who gets what from data-api on a real database: by its own check, and by row security without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from psycopg import sql

from tests.services.access import ALL, add_key, client, entitle
from tests.services.clients import MigratedDatabase
from tests.services.servers import until
from workloads.data_api import identity
from workloads.data_api.app import create_app
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.platform import GRANTS

NOW = datetime.now(UTC)
"""When the tests were read. They may run an hour later: no distance to a limit is less than half a day."""
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ROLE = DATA_API.role or ""

Ask = Callable[..., list[dict[str, Any]]]


def settings(database: MigratedDatabase) -> DataApiSettings:
    env = {name.lower(): value for name, value in database.env(ROLE).items()}
    quick = {"catalogue_seconds": 0, "access_seconds": 0, "usage_seconds": 3600}
    return DataApiSettings.model_validate(env | quick)


@pytest.fixture
def store(database: MigratedDatabase) -> Iterator[Store]:
    store = Store(settings(database))
    try:
        until(lambda: _reached(store), "the store is reached")
        yield store
    finally:
        store.close()


def _reached(store: Store) -> bool:
    try:
        return bool(store.rows(sql.SQL("SELECT 1 AS one").format(), {}))
    except Exception:
        return False


@pytest.fixture
def app(database: MigratedDatabase, store: Store) -> OpenAPI:
    return create_app(settings(database), store)


def add(
    database: MigratedDatabase,
    symbol: str,
    market: str,
    start: datetime,
    published: datetime,
    price: float = 1.0,
) -> None:
    """A price of an hour."""
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) VALUES ('auction', %s, %s, 'PT1H', %s, %s, 'day-ahead', %s, %s,"
            " 'EUR', 'MWh', 'market', false, 0, 0)",
            (symbol, start, published, start + timedelta(hours=1), market, price),
        )


def items(api: FlaskClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()["items"]


def test_a_key_opens_what_its_tenant_bought_and_no_other(database: MigratedDatabase, app: OpenAPI) -> None:
    add(database, "DE-LU", "power", NOW - DAY, NOW - 2 * DAY)
    entitle(database, pilot_one={}, pilot_two={"products": ("hub", "downloads")})
    one, two = (client(app, add_key(database, tenant)) for tenant in ("pilot-one", "pilot-two"))

    assert [item["price"] for item in items(one, "/v1/prices", symbol="DE-LU")] == [1.0]

    refused = two.get("/v1/prices?symbol=DE-LU")
    assert refused.status_code == 403
    assert refused.content_type == "application/problem+json"
    (error,) = refused.get_json()["errors"]
    assert (error["field"], error["value"]) == ("product", "api")
    assert "hub, downloads" in error["remedy"]

    nobody = app.test_client().get("/v1/prices?symbol=DE-LU")
    assert nobody.status_code == 401
    assert nobody.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_ends_when_it_is_revoked_or_expires_or_its_tenant_goes(
    database: MigratedDatabase, app: OpenAPI
) -> None:
    entitle(database, pilot_one={}, pilot_three={})
    for key, why in (
        (add_key(database, "pilot-one", expires=-MINUTE), "expired"),
        (add_key(database, "pilot-one", revoked=True), "revoked"),
        (add_key(database, "pilot-nine"), "tenant"),
    ):
        answer = client(app, key).get("/v1/prices?symbol=DE-LU")
        assert answer.status_code == 401
        assert why in answer.get_json()["detail"]
    leaving = client(app, add_key(database, "pilot-three"))
    assert leaving.get("/v1/prices?symbol=DE-LU").status_code == 200
    entitle(database, pilot_one={})
    assert leaving.get("/v1/prices?symbol=DE-LU").status_code == 401


def test_a_tenant_sees_its_markets_its_depth_and_what_is_old_enough(
    database: MigratedDatabase, app: OpenAPI
) -> None:
    add(database, "DE-LU", "power", NOW - 40 * DAY, NOW - 41 * DAY, 1)
    add(database, "DE-LU", "power", NOW - 3 * DAY, NOW - 4 * DAY, 2)
    add(database, "DE-LU", "power", NOW - 3 * DAY, NOW - 5 * MINUTE, 3)
    add(database, "TTF", "gas", NOW - 3 * DAY, NOW - 4 * DAY, 4)
    entitle(
        database,
        pilot_one={},
        pilot_two={"markets": ("power",), "history_days": 30, "delay_minutes": 720},
        pilot_three={"markets": ()},
    )
    whole, less, none = (
        client(app, add_key(database, tenant)) for tenant in ("pilot-one", "pilot-two", "pilot-three")
    )

    def prices(api: FlaskClient, symbol: str, **query: Any) -> list[float]:
        return [item["price"] for item in items(api, "/v1/prices", symbol=symbol, **query)]

    assert (prices(whole, "DE-LU"), prices(whole, "TTF")) == ([1, 3], [4])
    # The revision is too new, the oldest day too old, the other market another's.
    assert (prices(less, "DE-LU"), prices(less, "TTF")) == ([2], [])
    assert prices(less, "DE-LU", as_of=NOW.isoformat(), revisions="all") == [2]
    assert prices(none, "DE-LU") == []

    assert {i["symbol"] for i in items(whole, "/v1/instruments")} == {"DE-LU", "TTF"}
    (only,) = items(less, "/v1/instruments")
    assert only["symbol"] == "DE-LU"
    assert datetime.fromisoformat(only["last_published"]) == NOW - 4 * DAY
    assert items(none, "/v1/instruments") == []

    answer = less.get("/v1/prices?symbol=DE-LU").get_json()
    assert datetime.fromisoformat(answer["as_of"]) <= datetime.now(UTC) - 720 * MINUTE


def test_the_list_has_what_a_tenant_sees_of_a_series_and_no_series_without(
    database: MigratedDatabase, app: OpenAPI
) -> None:
    """The list is made of look-ups: each has to stop at what the tenant sees."""
    add(database, "DE-LU", "power", NOW - 40 * DAY, NOW - 41 * DAY)
    add(database, "DE-LU", "power", NOW - 20 * DAY, NOW - 21 * DAY)
    add(database, "DE-LU", "power", NOW - 2 * DAY, NOW - 3 * DAY)
    add(database, "DE-LU", "power", NOW - 1 * DAY, NOW - 2 * MINUTE)
    add(database, "OVER", "power", NOW - 40 * DAY, NOW - 41 * DAY)
    add(database, "NEW", "power", NOW - 1 * DAY, NOW - 2 * MINUTE)
    # Earlier it was of another market: a series of its own, of the same symbol and source.
    add(database, "DE-LU", "gas", NOW - 50 * DAY, NOW - 51 * DAY)
    entitle(
        database,
        pilot_one={},
        pilot_two={"markets": ("power",), "history_days": 30, "delay_minutes": 720},
    )
    whole, less = (client(app, add_key(database, tenant)) for tenant in ("pilot-one", "pilot-two"))

    def listed(api: FlaskClient) -> dict[tuple[str, str], tuple[datetime, ...]]:
        names = ("first_delivery", "last_delivery", "last_published")
        return {
            (one["symbol"], one["market"]): tuple(datetime.fromisoformat(one[name]) for name in names)
            for one in items(api, "/v1/instruments")
        }

    hour = timedelta(hours=1)
    all_ = listed(whole)
    assert set(all_) == {("DE-LU", "gas"), ("DE-LU", "power"), ("NEW", "power"), ("OVER", "power")}
    assert all_["DE-LU", "power"] == (NOW - 40 * DAY, NOW - DAY + hour, NOW - 2 * MINUTE)
    assert all_["DE-LU", "gas"] == (NOW - 50 * DAY, NOW - 50 * DAY + hour, NOW - 51 * DAY)
    assert listed(less) == {
        ("DE-LU", "power"): (NOW - 20 * DAY, NOW - 2 * DAY + hour, NOW - 3 * DAY),
    }
    # What reads past row security tells of entitled markets alone, and nobody else at all.
    with database.connect(ROLE) as connection:
        for tenant, seen in (("", set[str]()), ("pilot-two", {"power"}), ("pilot-one", {"gas", "power"})):
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL carbon.tenant = {}").format(sql.Literal(tenant)))
                found = connection.execute("SELECT market FROM features.price_series()").fetchall()
                assert {market for (market,) in found} == seen
    with database.connect("model_server") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM features.price_series()")


def test_predictions_and_the_record_are_bound_too(database: MigratedDatabase, app: OpenAPI) -> None:
    made, outcome = NOW - 3 * DAY, NOW - DAY
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.ml_predictions (source, symbol, event_time, price_available_time,"
            " available_time, market, provenance, horizon_sessions, price, predicted_return, prediction,"
            " lower, upper, nominal_level, model_name, model_version, model_alias, skill, resolution)"
            " VALUES ('auction', 'DE-LU', %s, %s, %s, 'power', 'market', 1, 10, 0, 10, 9, 11, 0.9, 'm', 1,"
            " 'champion', 'none', 'PT1H')",
            (made, made - DAY, made),
        )
    add(database, "DE-LU", "power", NOW - 2 * DAY, outcome, 10.5)
    entitle(
        database,
        pilot_one={},
        pilot_two={"markets": ("gas",)},
        pilot_three={"delay_minutes": 2 * 24 * 60},
        pilot_four={"history_days": 2},
    )
    one, two, three, four = (
        client(app, add_key(database, f"pilot-{number}")) for number in ("one", "two", "three", "four")
    )
    for path in ("/v1/predictions", "/v1/skill"):
        assert items(one, path, symbol="DE-LU")
        assert items(two, path, symbol="DE-LU") == []
        assert items(four, path, symbol="DE-LU") == []
    # It knows the prediction, and not yet what came of it.
    assert [one["outcome"] for one in items(three, "/v1/predictions", symbol="DE-LU")] == [None]
    assert items(three, "/v1/skill", symbol="DE-LU") == []


def test_pages_and_etags_of_one_tenant_are_no_others(database: MigratedDatabase, app: OpenAPI) -> None:
    for hour in range(3):
        add(database, "DE-LU", "power", NOW - DAY + timedelta(hours=hour), NOW - 2 * DAY)
    entitle(database, pilot_one={}, pilot_two={})
    one, two = (client(app, add_key(database, tenant)) for tenant in ("pilot-one", "pilot-two"))
    query = {"symbol": "DE-LU", "limit": "2", "as_of": (NOW - timedelta(hours=1)).isoformat()}
    first = one.get("/v1/prices", query_string=query)
    assert "Authorization" in first.headers["Vary"]
    assert "private" in first.headers["Cache-Control"]
    assert two.get("/v1/prices", query_string=query).headers["ETag"] != first.headers["ETag"]
    asked = query | {"cursor": first.get_json()["next"]}
    assert two.get("/v1/prices", query_string=asked).status_code == 422
    assert one.get("/v1/prices", query_string=asked).status_code == 200
    known = {"If-None-Match": first.headers["ETag"]}
    assert two.get("/v1/prices", query_string=query, headers=known).status_code == 200


def test_the_database_refuses_what_the_code_lets_through(
    database: MigratedDatabase, store: Store, app: OpenAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, "DE-LU", "power", NOW - 40 * DAY, NOW - 41 * DAY)
    add(database, "TTF", "gas", NOW - DAY, NOW - 2 * DAY)
    entitle(database, pilot_two={"products": ("hub",), "markets": ("power",), "history_days": 30})
    api = client(app, add_key(database, "pilot-two"))
    monkeypatch.setattr("workloads.data_api.guard.entitled", lambda *_: None)
    for symbol in ("DE-LU", "TTF"):
        assert items(api, "/v1/prices", symbol=symbol) == []

    # Without the application at all: its role, whatever it asks and whomever it names.
    with database.connect(ROLE) as connection:
        for table in ("commodity_prices_daily", "ml_predictions", "prediction_outcomes"):
            counted = f"SELECT count(*) FROM features.{table}"
            assert connection.execute(counted.encode()).fetchone() == (0,)
        for name in ("", "no-such-tenant", "pilot-two"):
            with connection.transaction():
                connection.execute(
                    sql.SQL("SET LOCAL carbon.tenant = {}").format(sql.Literal(name)),
                )
                counted = "SELECT count(*) FROM features.commodity_prices_daily"
                assert connection.execute(counted.encode()).fetchone() == (0,)
        connection.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("SELECT * FROM features.commodity_prices_daily")


def test_a_transaction_tells_nothing_to_the_next(database: MigratedDatabase, store: Store) -> None:
    """A pooled connection that was one tenant's is nobody's when it is given back."""
    add(database, "DE-LU", "power", NOW - DAY, NOW - 2 * DAY)
    entitle(database, pilot_one={})
    count = sql.SQL("SELECT count(*)::int AS n FROM features.commodity_prices_daily").format()
    one = identity.Principal(
        tenant="pilot-one",
        key="k",
        scopes=frozenset(),
        entitlement=Entitlement.model_validate(ALL),
    )
    identity.admit(one)
    try:
        assert store.rows(count, {}) == [{"n": 1}]
    finally:
        identity.admit(None)
    assert store.rows(count, {}) == [{"n": 0}]


def test_other_roles_see_and_write_every_row_as_before(database: MigratedDatabase) -> None:
    add(database, "DE-LU", "power", NOW - DAY, NOW + DAY)
    readers = [role for role, tables in GRANTS.items() if "commodity_prices_daily" in tables and role != ROLE]
    assert len(readers) > 3
    for role in readers:
        with database.connect(role) as connection:
            counted = "SELECT count(*) FROM features.commodity_prices_daily"
            assert connection.execute(counted.encode()).fetchone() == (1,), role
    for role, tables in GRANTS.items():
        if "prediction_outcomes" in tables:
            with database.connect(role) as connection:
                connection.execute("SELECT count(*) FROM features.prediction_outcomes")


def test_every_view_that_the_role_may_read_reads_with_its_rights(database: MigratedDatabase) -> None:
    """A view reads as its owner else, who sees every row; one that is replaced forgets what it was told."""
    found = database.query(
        "SELECT c.relname, coalesce('security_invoker=true' = ANY (c.reloptions), false) FROM pg_class c"
        " WHERE c.relkind = 'v' AND c.relnamespace = 'features'::regnamespace"
        " AND has_table_privilege(%s, c.oid, 'SELECT')",
        (ROLE,),
    )
    assert found
    assert [name for name, invoker in found if not invoker] == []
