"""data-api on a real feature store: what it tells as of an instant, page by page, and while it is away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.services.clients import MigratedDatabase
from tests.services.servers import until
from workloads.data_api.app import create_app
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.kit import db
from workloads.kit.contracts.declared.data_api import DATA_API

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROLE = DATA_API.role or ""


def settings(database: MigratedDatabase, **changed: Any) -> DataApiSettings:
    env = {name.lower(): value for name, value in database.env(ROLE).items()}
    return DataApiSettings.model_validate(env | {"catalogue_seconds": 0} | changed)


@pytest.fixture
def store(database: MigratedDatabase) -> Iterator[Store]:
    store = Store(settings(database))
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def api(database: MigratedDatabase, store: Store) -> FlaskClient:
    client = create_app(settings(database), store).test_client()
    # The pool connects in the background.
    until(lambda: client.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
    return client


def add(
    database: MigratedDatabase,
    at: datetime,
    price: float,
    *,
    symbol: str = "DE-LU",
    source: str = "auction",
    length: timedelta = HOUR,
    resolution: str = "PT1H",
    published: datetime | None = None,
    currency: str = "EUR",
) -> None:
    """A price, as analytics-consumer writes it; known a day before its delivery unless it says when."""
    known = published or at - timedelta(days=1)
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'day-ahead', 'power', %s, %s, 'MWh', 'market', %s, 0, 0)",
            (source, symbol, at, resolution, known, at + length, price, currency, published is not None),
        )


def pages(api: FlaskClient, query: dict[str, Any], path: str = "/v1/prices") -> Iterator[dict[str, Any]]:
    """All pages of a question."""
    cursor: dict[str, str] = {}
    while True:
        answer = api.get(path, query_string=query | cursor)
        assert answer.status_code == 200, answer.text
        yield answer.get_json()
        if (following := answer.get_json()["next"]) is None:
            return
        cursor = {"cursor": following}


def items(api: FlaskClient, path: str = "/v1/prices", **query: Any) -> list[dict[str, Any]]:
    return [item for page in pages(api, query, path) for item in page["items"]]


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def test_the_role_may_read_and_nothing_else(database: MigratedDatabase, store: Store) -> None:
    with database.connect(ROLE) as connection:
        for statement in ("DELETE FROM {}", "UPDATE {} SET price = 0", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.format("features.commodity_prices_daily").encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM features.job_runs")


def test_prices_are_those_known_at_the_instant(database: MigratedDatabase, api: FlaskClient) -> None:
    add(database, START, -500.0)
    add(database, START + HOUR, 0.0)
    revised = START + timedelta(days=3)
    add(database, START, 12.5, published=revised)

    def prices(**query: Any) -> list[float]:
        return [item["price"] for item in items(api, symbol="DE-LU", **query)]

    assert prices(as_of=text(START - timedelta(days=2))) == []
    assert prices(as_of=text(revised - HOUR)) == [-500.0, 0.0]
    # Known by the instant, so the instant itself counts.
    assert prices(as_of=text(revised)) == [12.5, 0.0]
    assert prices() == [12.5, 0.0]
    assert prices(revisions="all") == [-500.0, 12.5, 0.0]
    assert prices(start=text(START + HOUR)) == [0.0]
    assert prices(end=text(START + HOUR)) == [12.5]

    (first, _) = items(api, symbol="DE-LU")
    assert first == {
        "symbol": "DE-LU",
        "source": "auction",
        "market": "power",
        "product": "day-ahead",
        "resolution": "PT1H",
        "delivery_start": text(START),
        "delivery_end": text(START + HOUR),
        "published_at": text(revised),
        "price": 12.5,
        "currency": "EUR",
        "unit": "MWh",
        "provenance": "market",
        "correction": True,
        "replayed_from": None,
    }


@pytest.mark.parametrize("revisions", ["latest", "all"])
def test_pages_lose_and_double_nothing_while_prices_arrive(
    database: MigratedDatabase, api: FlaskClient, revisions: str
) -> None:
    for hour in range(24):
        for source in ("auction", "exchange"):
            add(database, START + hour * HOUR, hour, source=source)
    query = {"symbol": "DE-LU", "limit": 7, "revisions": revisions}
    seen: list[tuple[str, str, float]] = []
    for number, page in enumerate(pages(api, query)):
        seen += [(i["delivery_start"], i["source"], i["price"]) for i in page["items"]]
        # Before and after where the reader is: an older period of another source, and a revision of each.
        add(database, START - (number + 1) * HOUR, -1, published=START - timedelta(days=9))
        add(database, START + number * HOUR, 1000 + number, published=datetime.now(UTC))
        add(database, START + (23 - number) * HOUR, 2000 + number, published=datetime.now(UTC))
    assert seen == [
        (text(START + hour * HOUR), source, hour) for hour in range(24) for source in ("auction", "exchange")
    ]


def test_other_series_of_a_symbol_are_told_apart(database: MigratedDatabase, api: FlaskClient) -> None:
    add(database, START, 1.0)
    add(database, START, 2.0, source="exchange")
    add(database, START, 3.0, resolution="PT15M", length=HOUR / 4)
    add(database, START, 4.0, symbol="FR")
    found = [(i["source"], i["resolution"], i["price"]) for i in items(api, symbol="DE-LU", limit=1)]
    assert found == [("auction", "PT15M", 3.0), ("auction", "PT1H", 1.0), ("exchange", "PT1H", 2.0)]
    assert [i["price"] for i in items(api, symbol="DE-LU", source="exchange")] == [2.0]
    assert [i["price"] for i in items(api, symbol="DE-LU", resolution="PT15M")] == [3.0]


def test_an_answer_is_new_when_a_revision_is(database: MigratedDatabase, api: FlaskClient) -> None:
    add(database, START, 1.0)
    first = api.get("/v1/prices?symbol=DE-LU")
    assert "no-cache" in first.headers["Cache-Control"]
    known = {"If-None-Match": first.headers["ETag"]}
    assert api.get("/v1/prices?symbol=DE-LU", headers=known).status_code == 304
    add(database, START, 2.0, published=START)
    assert api.get("/v1/prices?symbol=DE-LU", headers=known).status_code == 200
    long_ago = api.get("/v1/prices", query_string={"symbol": "DE-LU", "as_of": text(START - HOUR)})
    assert "max-age" in long_ago.headers["Cache-Control"]
    assert long_ago.get_json()["items"][0]["price"] == 1.0


def test_csv_holds_the_same(database: MigratedDatabase, api: FlaskClient) -> None:
    add(database, START, -1.25)
    answer = api.get("/v1/prices?symbol=DE-LU", headers={"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    (item,) = items(api, symbol="DE-LU")
    assert list(row) == list(item)
    assert (row["price"], row["delivery_start"], row["replayed_from"]) == ("-1.25", text(START), "")


def test_what_the_database_does_not_finish_in_time_is_told_as_such(
    database: MigratedDatabase,
) -> None:
    add(database, START, 1.0)
    store = Store(settings(database, store_timeout_seconds=0.2))
    try:
        api = create_app(settings(database), store).test_client()
        until(lambda: api.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
        with database.admin() as other, other.transaction():
            other.execute("LOCK TABLE features.commodity_prices_daily IN ACCESS EXCLUSIVE MODE")
            answer = api.get("/v1/prices?symbol=DE-LU")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "start" in answer.get_json()["remedy"]
        assert api.get("/v1/prices?symbol=DE-LU").status_code == 200
    finally:
        store.close()


def test_a_database_that_is_away_is_told_and_comes_back(database: MigratedDatabase) -> None:
    given = settings(database, store_wait_seconds=0.3)
    store = Store(given)
    try:
        api = create_app(given, store).test_client()
        until(lambda: api.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
        with database.server.connect() as admin:
            admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false".encode())
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database.name,)
            )
            answer = api.get("/v1/prices?symbol=DE-LU")
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert answer.get_json()["detail"] == "the database does not answer"
            assert api.get("/readyz").status_code == 200
            admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true".encode())
        until(lambda: api.get("/v1/prices?symbol=NONE").status_code == 200, "it answers again", 60)
    finally:
        store.close()


def test_a_session_behind_a_pooler_is_read_only_and_bounded_all_the_same(store: Store) -> None:
    """No option of the session: what a transaction says for itself."""
    found: list[dict[str, Any]] = []

    def read() -> bool:
        try:
            found[:] = store.rows(
                db.sql.SQL(
                    "SELECT current_setting('transaction_read_only') AS only,"
                    " current_setting('statement_timeout') AS most"
                ).format(),
                {},
            )
        except Exception:
            return False
        return True

    until(read, "the store is reached")
    assert found == [{"only": "on", "most": "5s"}]
