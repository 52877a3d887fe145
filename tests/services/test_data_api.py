"""data-api on a real feature store: what it tells as of an instant, page by page, and while it is away."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import sql

from tests.fixture_models import artifact, echoing
from tests.services.access import add_key, entitle, let_in
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tests.services.servers import Process, free_ports, until
from tools.embedded.process import START_SECONDS
from workloads.data_api.app import create_app
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.kit.contracts.declared.data_api import DATA_API

START = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROLE = DATA_API.role or ""


def settings(database: MigratedDatabase, **changed: Any) -> DataApiSettings:
    env = {name.lower(): value for name, value in database.env(ROLE).items()}
    return DataApiSettings.model_validate(env | {"catalogue_seconds": 0, "usage_seconds": 3600} | changed)


@pytest.fixture
def store(database: MigratedDatabase) -> Iterator[Store]:
    store = Store(settings(database))
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def api(database: MigratedDatabase, store: Store) -> FlaskClient:
    client = let_in(database, create_app(settings(database), store))
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
    product: str = "day-ahead",
    market: str = "power",
    withdrawn: str | None = None,
) -> None:
    """A price, as analytics-consumer writes it; known a day before its delivery unless it says when."""
    known = published or at - timedelta(days=1)
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " withdrawn, topic_partition, topic_offset)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'MWh', 'market', %s, %s, 0, 0)",
            (
                *(source, symbol, at, resolution, known, at + length, product, market, price, currency),
                *(published is not None, withdrawn),
            ),
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


def items(api: FlaskClient, path: str = "/v1/prices", /, **query: Any) -> list[dict[str, Any]]:
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
        "withdrawn": None,
        "replayed_from": None,
    }


def test_a_withdrawn_price_is_none_until_there_is_one_again(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    for hour in range(4):
        add(database, START + hour * HOUR, 10.0 + hour)
    revised, withdrawn, again = (START + timedelta(days=day) for day in (3, 4, 5))
    add(database, START + HOUR, 50.0, published=revised)
    add(database, START + HOUR, 50.0, published=withdrawn, withdrawn="source")
    add(database, START + 2 * HOUR, 12.0, published=withdrawn, withdrawn="platform")

    def prices(**query: Any) -> list[float]:
        return [item["price"] for item in items(api, symbol="DE-LU", **query)]

    held = [10.0, 13.0]
    for limit in (1, 2, 100):  # a page is full of prices that hold
        assert prices(limit=limit) == held
    (page, *_) = pages(api, {"symbol": "DE-LU", "limit": 2})
    assert ([one["price"] for one in page["items"]], page["next"]) == (held, None)
    assert prices(as_of=text(withdrawn)) == held
    assert prices(as_of=text(withdrawn - HOUR)) == [10.0, 50.0, 12.0, 13.0]
    assert prices(as_of=text(revised - HOUR)) == [10.0, 11.0, 12.0, 13.0]
    every = items(api, symbol="DE-LU", revisions="all", limit=2)
    assert [(one["price"], one["withdrawn"]) for one in every] == [
        *((10.0, None), (11.0, None), (50.0, None), (50.0, "source")),
        *((12.0, None), (12.0, "platform"), (13.0, None)),
    ]

    add(database, START + HOUR, 60.0, published=again)
    assert prices() == [10.0, 60.0, 13.0]
    assert prices(as_of=text(again - HOUR)) == held


def test_a_withdrawn_price_is_in_no_mean(database: MigratedDatabase, api: FlaskClient) -> None:
    for hour in range(24):
        add(database, START + hour * HOUR, 10.0)
    withdrawn, again = START + timedelta(days=4), START + timedelta(days=5)
    add(database, START, 250.0, published=START + timedelta(days=3))
    add(database, START, 250.0, published=withdrawn, withdrawn="source")
    query = {"symbol": "DE-LU", "start": text(START), "end": text(START + 24 * HOUR), "tz": "UTC"}

    def mean(**more: str) -> tuple[float, float]:
        (found,) = items(api, "/v1/aggregates", **query, **more)
        return found["mean"], found["covered_hours"]

    assert mean(as_of=text(withdrawn - HOUR)) == (20.0, 24)
    assert mean() == (10.0, 23)
    add(database, START, 34.0, published=again)
    assert mean() == (11.0, 24)
    assert mean(as_of=text(again - HOUR)) == (10.0, 23)


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
        api = let_in(database, create_app(settings(database), store))
        until(lambda: api.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
        with database.admin() as other, other.transaction():
            other.execute("LOCK TABLE features.commodity_prices_daily IN ACCESS EXCLUSIVE MODE")
            answer = api.get("/v1/prices?symbol=DE-LU")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "start" in answer.get_json()["remedy"]
        # So short a limit may be too short for a busy machine once more.
        until(lambda: api.get("/v1/prices?symbol=DE-LU").status_code == 200, "it answers again")
    finally:
        store.close()


def test_a_database_that_is_away_is_told_and_comes_back(database: MigratedDatabase) -> None:
    given = settings(database, store_wait_seconds=0.3)
    store = Store(given)
    try:
        api = let_in(database, create_app(given, store))
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
                sql.SQL(
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


def test_the_list_has_each_series_once(database: MigratedDatabase, api: FlaskClient) -> None:
    add(database, START, 1.0)
    add(database, START + HOUR, 1.0)
    add(database, START + HOUR, 2.0, published=START + 5 * HOUR)
    add(database, START, 1.0, resolution="PT15M", length=HOUR / 4)
    add(database, START, 1.0, symbol="FR", currency="GBP")
    add(database, START, 1.0, symbol="LATER", published=datetime.now(UTC) + timedelta(days=1))
    found = items(api, "/v1/instruments", limit=1)
    assert [(i["symbol"], i["resolution"], i["currency"]) for i in found] == [
        ("DE-LU", "PT15M", "EUR"),
        ("DE-LU", "PT1H", "EUR"),
        ("FR", "PT1H", "GBP"),
    ]
    assert found[1]["first_delivery"] == text(START)
    assert found[1]["last_delivery"] == text(START + 2 * HOUR)
    assert found[1]["last_published"] == text(START + 5 * HOUR)
    assert [i["symbol"] for i in items(api, "/v1/instruments", symbol="FR")] == ["FR"]
    assert items(api, "/v1/instruments", market="gas") == []


def value(number: int) -> float:
    """Of the `number`-th hour: negative at odd ones."""
    return -number if number % 2 else number


def fill(database: MigratedDatabase, first: datetime, hours: int) -> None:
    for number in range(hours):
        add(database, first + number * HOUR, value(number))


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        pytest.param(datetime(2024, 3, 30, 23, tzinfo=UTC), 23, id="the short day"),
        pytest.param(datetime(2024, 3, 31, 22, tzinfo=UTC), 24, id="a day in summer"),
        pytest.param(datetime(2024, 10, 26, 22, tzinfo=UTC), 25, id="the long day"),
    ],
)
def test_a_day_has_the_hours_of_its_clock(
    database: MigratedDatabase, api: FlaskClient, start: datetime, hours: int
) -> None:
    fill(database, start - 3 * HOUR, 30)
    query = {"symbol": "DE-LU", "start": text(start), "end": text(start + hours * HOUR)}
    (found,) = items(api, "/v1/aggregates", **query)
    values = [value(number) for number in range(3, 3 + hours)]
    assert (found["time_zone"], found["start"]) == ("Europe/Berlin", text(start))
    assert found["end"] == text(start + hours * HOUR)
    assert (found["hours"], found["covered_hours"], found["periods"]) == (hours, hours, hours)
    assert found["mean"] == pytest.approx(sum(values) / hours)
    assert (found["min"], found["max"]) == (min(values), max(values))


def test_base_is_peak_and_off_peak_together(database: MigratedDatabase, api: FlaskClient) -> None:
    # A week with the short Sunday, from Monday 00:00 in Berlin.
    start = datetime(2024, 3, 24, 23, tzinfo=UTC)
    fill(database, start, 170)
    query = {"symbol": "DE-LU", "start": text(start), "end": text(start + 167 * HOUR)}

    def week(profile: str) -> dict[str, Any]:
        (found,) = items(api, "/v1/aggregates", every="week", profile=profile, **query)
        return found

    base, peak, off = week("base"), week("peak"), week("off-peak")
    assert (base["hours"], peak["hours"], off["hours"]) == (167, 60, 107)
    assert (base["periods"], peak["periods"], off["periods"]) == (167, 60, 107)
    assert base["mean"] * 167 == pytest.approx(peak["mean"] * 60 + off["mean"] * 107)
    # Monday's peak is its hours 8 to 19.
    (monday, *_) = items(api, "/v1/aggregates", profile="peak", **query)
    assert monday["mean"] == pytest.approx(sum(map(value, range(8, 20))) / 12)


def test_aggregates_are_as_of_an_instant_and_say_what_they_lack(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    midnight = datetime(2024, 3, 1, 23, tzinfo=UTC)
    revised = midnight + timedelta(days=4)
    add(database, midnight, 10.0)
    add(database, midnight + HOUR, 20.0)
    add(database, midnight + HOUR, -40.0, published=revised)
    query = {"symbol": "DE-LU", "start": text(midnight), "end": text(midnight + 24 * HOUR)}
    (before,) = items(api, "/v1/aggregates", as_of=text(revised - HOUR), **query)
    (after,) = items(api, "/v1/aggregates", **query)
    assert (before["mean"], after["mean"]) == (15.0, -15.0)
    assert (after["hours"], after["covered_hours"]) == (24, 2)


def test_quarters_weigh_as_long_as_they_are(database: MigratedDatabase, api: FlaskClient) -> None:
    midnight = datetime(2024, 3, 1, 23, tzinfo=UTC)
    for quarter, price in enumerate((1.0, 2.0, 3.0, 6.0)):
        add(database, midnight + quarter * HOUR / 4, price, resolution="PT15M", length=HOUR / 4)
    query = {"symbol": "DE-LU", "start": text(midnight), "end": text(midnight + 2 * HOUR)}
    (hour,) = items(api, "/v1/aggregates", every="hour", **query)
    assert (hour["mean"], hour["periods"], hour["covered_hours"]) == (3.0, 4, 1.0)
    # In Tokyo this hour belongs to another day.
    tokyo = query | {
        "start": text(midnight - 8 * HOUR),
        "end": text(midnight + 16 * HOUR),
        "tz": "Asia/Tokyo",
    }
    (day,) = items(api, "/v1/aggregates", **tokyo)
    assert day["start"] == text(midnight - 8 * HOUR)


def test_pages_of_aggregates_are_of_one_instant(database: MigratedDatabase, api: FlaskClient) -> None:
    midnight = datetime(2024, 3, 1, 23, tzinfo=UTC)
    days = [midnight + timedelta(days=day) for day in range(5)]
    for number, day in enumerate(days):
        add(database, day, number)
    query = {
        "symbol": "DE-LU",
        "start": text(midnight),
        "end": text(days[-1] + timedelta(days=9)),
        "limit": 2,
    }
    seen: list[float] = []
    for page in pages(api, query, "/v1/aggregates"):
        seen += [item["mean"] for item in page["items"]]
        for day in days:
            add(database, day, 100, published=datetime.now(UTC))
    assert seen == [0, 1, 2, 3, 4]


def test_what_has_no_mean_in_common_is_refused(database: MigratedDatabase, api: FlaskClient) -> None:
    add(database, START, 1.0)
    add(database, START + HOUR, 1.0, source="exchange")
    days = timedelta(days=2)
    query = {"symbol": "DE-LU", "start": text(START - days), "end": text(START + days), "tz": "UTC"}
    answer = api.get("/v1/aggregates", query_string=query)
    assert answer.status_code == 422
    (one,) = answer.get_json()["errors"]
    assert one["field"] == "source"
    assert "auction, exchange" in one["detail"]
    assert api.get("/v1/aggregates", query_string=query | {"source": "auction"}).status_code == 200
    add(database, START + 2 * HOUR, 1.0, currency="GBP")
    answer = api.get("/v1/aggregates", query_string=query | {"source": "auction"})
    assert answer.get_json()["errors"][0]["field"] == "currency"


@pytest.mark.parametrize(
    ("resolution", "length", "query", "field"),
    [
        ("P1D", 24 * HOUR, {"every": "hour"}, "every"),
        ("P1D", 24 * HOUR, {"profile": "peak"}, "profile"),
        ("P1M", 31 * 24 * HOUR, {"every": "week"}, "every"),
        ("PT0S", 0 * HOUR, {"every": "day"}, "resolution"),
        ("PT45M", 0.75 * HOUR, {"every": "hour"}, "every"),
    ],
)
def test_prices_are_not_made_finer_than_they_are(
    database: MigratedDatabase,
    api: FlaskClient,
    resolution: str,
    length: timedelta,
    query: dict[str, str],
    field: str,
) -> None:
    # A Monday, within the hours of peak.
    at = datetime(2024, 3, 4, 9, tzinfo=UTC)
    add(database, at, 1.0, resolution=resolution, length=length)
    # From a Monday to another.
    start = at - timedelta(days=7, hours=9)
    window = {"symbol": "DE-LU", "start": text(start), "end": text(start + timedelta(days=14)), "tz": "UTC"}
    answer = api.get("/v1/aggregates", query_string=window | query)
    assert answer.status_code == 422
    assert (one := answer.get_json()["errors"][0])["field"] == field
    assert resolution in one["detail"]


def refused(api: FlaskClient, field: str, **query: Any) -> dict[str, Any]:
    answer = api.get("/v1/aggregates", query_string={"symbol": "DE-LU"} | query)
    assert answer.status_code == 422, answer.text
    (one,) = answer.get_json()["errors"]
    assert one["field"] == field
    return one


def test_bounds_that_would_leave_one_out_are_refused_by_the_nearest(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    january = datetime(2023, 12, 31, 23, tzinfo=UTC)
    add(database, january, 1.0)
    add(database, january + 24 * HOUR, 1.0)
    year = {"every": "month", "start": "2024-01-01T00:00:00Z", "end": "2024-12-31T23:00:00Z"}
    remedy = refused(api, "start", **year)["remedy"]
    assert "2024-01-01T00:00:00%2B01:00" in remedy
    assert "2024-02-01T00:00:00%2B01:00" in remedy
    year["start"] = "2024-01-01T00:00:00+01:00"
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", **year)
    assert (found["start"], found["hours"]) == (text(january), 744)
    assert "2025-01-01" in refused(api, "end", **year | {"end": "2025-01-01T00:00:00Z"})["remedy"]


def test_series_are_told_apart_by_the_question_and_not_by_its_page(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    midnight = datetime(2024, 3, 3, 23, tzinfo=UTC)  # of a Monday
    add(database, midnight, 1.0)
    add(database, midnight + 24 * HOUR, 2.0, resolution="PT15M", length=HOUR / 4)
    query = {"start": text(midnight), "end": text(midnight + 48 * HOUR), "limit": 1}
    assert "PT15M, PT1H" in refused(api, "resolution", **query)["detail"]
    # Neither is of the hours of peak; one that is, is the only one there.
    assert items(api, "/v1/aggregates", symbol="DE-LU", profile="peak", **query) == []
    add(database, midnight + 9 * HOUR, 3.0)
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", profile="peak", **query)
    assert (found["resolution"], found["mean"]) == ("PT1H", 3.0)


def test_products_have_no_mean_in_common(database: MigratedDatabase, api: FlaskClient) -> None:
    midnight = datetime(2024, 3, 3, 23, tzinfo=UTC)
    add(database, midnight, 10.0)
    add(database, midnight + HOUR, -500.0, product="intraday")
    query = {"start": text(midnight), "end": text(midnight + 24 * HOUR)}
    assert refused(api, "product", **query)["remedy"] == "give product=day-ahead"
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", product="intraday", **query)
    assert (found["mean"], found["product"]) == (-500.0, "intraday")


def test_days_are_those_of_the_market_of_what_is_asked_for(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    add(database, START, 1.0, source="elsewhere", market="gas")
    midnight = START - HOUR
    add(database, midnight, 2.0)
    query = {"start": text(midnight), "end": text(midnight + 24 * HOUR)}
    assert "source" in refused(api, "market", **query)["remedy"]
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", source="auction", **query)
    assert (found["time_zone"], found["mean"]) == ("Europe/Berlin", 2.0)
    utc = {"source": "elsewhere", "start": text(START), "end": text(START + 24 * HOUR)}
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", **utc)
    assert (found["time_zone"], found["mean"]) == ("UTC", 1.0)


def test_days_of_another_zone_are_refused_and_none_is_moved(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    day = datetime(2024, 4, 20, tzinfo=UTC)  # within a month of New York, and none of its days
    add(database, day, 1.0, resolution="P1D", length=24 * HOUR)
    query = {"every": "month", "start": "2024-04-01T00:00:00-04:00", "end": "2024-05-01T00:00:00-04:00"}
    one = refused(api, "every", tz="America/New_York", **query)
    assert "2024-04-20" in one["detail"]
    assert "tz" in one["remedy"]
    utc = {"every": "month", "start": "2024-04-01T00:00:00Z", "end": "2024-05-01T00:00:00Z", "tz": "UTC"}
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", **utc)
    assert (found["mean"], found["covered_hours"]) == (1.0, 24)


def test_no_price_is_cut_by_a_day_of_half_an_hour_more(database: MigratedDatabase, api: FlaskClient) -> None:
    midnight = datetime(2024, 4, 6, 13, tzinfo=UTC)  # of a day of 24.5 hours
    for quarter in range(98):
        add(database, midnight + quarter * HOUR / 4, 1.0, resolution="PT15M", length=HOUR / 4)
        if not quarter % 4:
            add(database, midnight + quarter * HOUR / 4, 1.0)
    query = {
        "start": text(midnight),
        "end": text(midnight + 24.5 * HOUR),
        "tz": "Australia/Lord_Howe",
        "every": "hour",
    }
    found = items(api, "/v1/aggregates", symbol="DE-LU", resolution="PT15M", **query)
    assert [i["covered_hours"] for i in found] == [i["hours"] for i in found] == [1.0] * 24 + [0.5]
    # Its last hour is half of the day after.
    assert refused(api, "every", resolution="PT1H", **query)


def test_a_day_that_was_skipped_is_no_fault(database: MigratedDatabase, api: FlaskClient) -> None:
    at = datetime(2011, 12, 29, 10, tzinfo=UTC)
    add(database, at, 5.0)
    query = {"start": text(at), "end": text(at + 48 * HOUR), "tz": "Pacific/Apia", "profile": "off-peak"}
    (found,) = items(api, "/v1/aggregates", symbol="DE-LU", **query)
    assert (found["mean"], found["hours"]) == (5.0, 12)


def test_predictions_have_the_outcome_that_was_known_at_the_instant(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    prices = echoing(3, 300)
    days = add_prices(database, "SYN-A", prices, start=start)
    add_predictions(database, artifact("SYN-A"), 4, days[-20:], prices)
    # The last session is revised: what was predicted the day before has another outcome from then on.
    revised = days[-1] + timedelta(days=30)
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) SELECT source, symbol, delivery_start, resolution, %s,"
            " delivery_end, product, market, price + 1000, currency, unit, provenance, true, 0, 0"
            " FROM features.commodity_prices_daily WHERE delivery_start = %s",
            (revised, days[-1]),
        )
        # One was made when its outcome was known already: it is no forecast.
        connection.execute(
            "UPDATE features.ml_predictions SET available_time = %s WHERE event_time = %s",
            (days[-10], days[-15]),
        )

    now = items(api, "/v1/predictions", symbol="SYN-A", limit=7)
    assert [i["event_time"] for i in now] == [text(day) for day in days[-20:]]
    assert now[-1]["outcome"] is None
    view = database.query(
        "SELECT event_time, realised_price, covered, abs_error, naive_abs_error"
        " FROM prediction_outcomes ORDER BY event_time"
    )
    # As of now, it is what the view says that training and alerts go by.
    assert [
        (i["event_time"], o["price"], o["covered"], o["error"], o["naive_error"])
        for i in now
        if (o := i["outcome"])
    ] == [(text(row[0]), *row[1:]) for row in view]
    assert len(view) == 18

    before = items(api, "/v1/predictions", symbol="SYN-A", as_of=text(revised - HOUR))
    assert before[-2]["outcome"]["price"] == pytest.approx(prices[-1])
    assert now[-2]["outcome"]["price"] == pytest.approx(prices[-1] + 1000)
    early = items(api, "/v1/predictions", symbol="SYN-A", as_of=text(days[-10] + timedelta(days=1)))
    assert len(early) == 11
    assert early[-1]["outcome"] is None
    assert early[-2]["outcome"]["price"] == pytest.approx(prices[-10])

    # As CSV, the outcome has columns of its own, empty where there is none.
    table = list(csv.DictReader(io.StringIO(api.get("/v1/predictions?symbol=SYN-A&format=csv").text)))
    assert float(table[0]["outcome_price"]) == now[0]["outcome"]["price"]
    assert table[-1]["outcome_covered"] == ""
    assert table[-1].keys() == table[0].keys()

    (record,) = items(api, "/v1/skill", symbol="SYN-A")
    assert (record["outcomes"], record["data"], record["model_version"]) == (18, "synthetic", 4)
    errors, naive = sum(row[3] for row in view), sum(row[4] for row in view)
    assert record["mean_absolute_error"] == pytest.approx(errors / 18)
    assert record["skill"] == pytest.approx(1 - errors / naive)
    assert record["coverage"] == pytest.approx(sum(row[2] for row in view) / 18)


def test_nothing_came_of_a_prediction_of_a_withdrawn_price(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    prices = echoing(3, 300)
    days = add_prices(database, "SYN-A", prices, start=datetime(2020, 1, 1, tzinfo=UTC))
    add_predictions(database, artifact("SYN-A"), 4, days[-3:], prices)
    withdrawn, again = days[-1] + timedelta(days=30), days[-1] + timedelta(days=40)
    of = {"symbol": "SYN-A", "source": "test", "resolution": "P1D", "length": timedelta(days=1)}
    add(database, days[-2], 1.0, **of, published=withdrawn, withdrawn="platform")

    def outcomes(**query: Any) -> list[float | None]:
        told = [one["outcome"] for one in items(api, "/v1/predictions", symbol="SYN-A", **query)]
        return [one and one["price"] for one in told]

    assert outcomes(as_of=text(withdrawn - HOUR)) == [prices[-2], prices[-1], None]
    # Of that period it is, and not of the one after it.
    assert outcomes() == [None, prices[-1], None]
    (record,) = items(api, "/v1/skill", symbol="SYN-A")
    assert record["outcomes"] == 1
    add(database, days[-2], 7.0, **of, published=again)
    assert outcomes() == [7.0, prices[-1], None]
    assert outcomes(as_of=text(again - HOUR)) == [None, prices[-1], None]


def test_another_source_is_no_outcome(database: MigratedDatabase, api: FlaskClient) -> None:
    """A hub and an exchange quote one symbol, in EUR and in JPY, days apart."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    prices = echoing(3, 300)
    days = add_prices(database, "SYN-A", prices, start=start)
    add_predictions(database, artifact("SYN-A"), 4, days[-2:], prices)
    add_prices(database, "SYN-A", prices * 100, start=start, source="exchange")
    # Later than any of its own, and before its own revision: neither the first period nor its price.
    add_prices(database, "SYN-A", [5100.0], start=days[-1] + timedelta(days=1), source="exchange")
    (known, waiting) = items(api, "/v1/predictions", symbol="SYN-A")
    assert known["outcome"]["price"] == prices[-1]
    assert known["outcome"]["delivery_start"] == text(days[-1])
    assert waiting["outcome"] is None
    (record,) = items(api, "/v1/skill", symbol="SYN-A")
    assert (record["outcomes"], record["mean_absolute_error"]) == (
        1,
        pytest.approx(known["outcome"]["error"]),
    )


def test_what_moved_a_forecast_is_named_the_most_first(database: MigratedDatabase, api: FlaskClient) -> None:
    prices = echoing(3, 300)
    days = add_prices(database, "SYN-A", prices, start=datetime(2020, 1, 1, tzinfo=UTC))
    add_predictions(database, artifact("SYN-A"), 4, days[-3:], prices)
    with database.admin() as connection:
        for day, moved in ((days[-1], """{"load": 1.5, "wind-solar": -12.25}"""), (days[-2], "{}")):
            connection.execute(
                "UPDATE features.ml_predictions SET moved_by = %s WHERE event_time = %s", (moved, day)
            )
    (unsaid, nothing, said) = items(api, "/v1/predictions", symbol="SYN-A")
    most_first = [{"by": -12.25, "input": "wind-solar"}, {"by": 1.5, "input": "load"}]
    assert [one["moved_by"] for one in (unsaid, nothing, said)] == [None, None, most_first]
    table = list(csv.DictReader(io.StringIO(api.get("/v1/predictions?symbol=SYN-A&format=csv").text)))
    assert [row["moved_by"] for row in table] == ["", "", json.dumps(most_first)]


def test_it_runs_as_its_container_runs_it(database: MigratedDatabase, tmp_path: Path) -> None:
    add(database, START, -3.0)
    entitle(database, pilot_one={})
    key = add_key(database, "pilot-one")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    given = {"PORT": str(port), "WORKERS": "2", "METRICS_DIR": str(tmp_path / "metrics")}
    process = Process(
        [sys.executable, "-m", "workloads.data_api"], tmp_path / "api.log", database.env(ROLE) | given
    )

    def get(path: str, credential: str = key) -> tuple[int, str]:
        assert process.running(), process.tail()
        try:
            asked = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {credential}"})
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    try:
        until(lambda: get("/readyz")[0] == 200, "it is ready", 2 * START_SECONDS)
        until(lambda: get("/v1/prices?symbol=DE-LU")[0] == 200, "it reaches the store", START_SECONDS)
        assert '"price":-3.0' in get("/v1/prices?symbol=DE-LU")[1]
        assert get("/v1/prices?symbol=DE-LU&as_of=yesterday")[0] == 422
        status, told = get(f"/v1/prices?symbol={'x' * 5000}")
        assert (status, json.loads(told)["errors"][0]["field"]) == (414, "path")
        status, told = get("/v1/prices?symbol=DE-LU", "x" * 9000)
        assert (status, json.loads(told)["errors"][0]["field"]) == (431, "headers")
        figures = get("/metrics")[1]
        assert 'carbon_data_api_request_seconds_count{code="200",endpoint="prices"}' in figures
        assert 'carbon_data_api_refused_total{reason="invalid"} 1.0' in figures
    finally:
        process.stop()


def test_a_database_that_is_frozen_is_given_up_on_and_found_again(database: MigratedDatabase) -> None:
    store = Store(settings(database, store_timeout_seconds=0.5, store_connections=1))
    try:
        client = let_in(database, create_app(settings(database), store))
        ask = "/v1/prices?symbol=NONE"
        until(lambda: client.get(ask).status_code == 200, "the store is reached")
        of_pool = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND application_name = %s"
        [(backend,)] = database.query(of_pool, [ROLE, DATA_API.name])
        os.kill(backend, signal.SIGSTOP)
        with ThreadPoolExecutor() as asking:
            # Its only connection is given up, and the question asked on another.
            answer = asking.submit(client.get, ask)
            try:
                assert answer.result(60).status_code == 200
            finally:
                os.kill(backend, signal.SIGCONT)
    finally:
        store.close()


@pytest.mark.parametrize("path", ["prices", "predictions", "skill", "aggregates"])
def test_an_end_before_the_start_is_refused(api: FlaskClient, path: str) -> None:
    query = {"symbol": "DE-LU", "start": "2024-03-02T00:00:00Z", "end": "2024-03-01T00:00:00Z"}
    answer = api.get(f"/v1/{path}", query_string=query)
    assert answer.status_code == 422
    (one,) = answer.get_json()["errors"]
    assert (one["field"], one["remedy"]) == ("end", "give a later time")
    assert "2024-03-02" in one["detail"]
