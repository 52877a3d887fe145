"""What else data-api gives out of a real feature store: indicators, other units, curves with a shape."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from flask.testing import FlaskClient

from tests.indicators import START, indicator
from tests.services.access import let_in
from tests.services.clients import MigratedDatabase
from tests.services.servers import until
from tests.services.test_data_api import add, items, settings, text
from workloads.data_api.app import create_app
from workloads.data_api.store import Store
from workloads.kit.contracts.indicators import Indicator

pytestmark = pytest.mark.thorough

HOUR = timedelta(hours=1)
LOAD = {"zone": "DE-LU", "name": "load"}


@pytest.fixture
def api(database: MigratedDatabase) -> Iterator[FlaskClient]:
    store = Store(settings(database))
    try:
        client = let_in(database, create_app(settings(database), store))
        until(lambda: client.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
        yield client
    finally:
        store.close()


def add_indicators(database: MigratedDatabase, *found: Indicator) -> None:
    names = [name for name in Indicator.__struct_fields__ if name != "schema_version"]
    columns = [*names, "topic_partition", "topic_offset"]
    statement = (
        f"INSERT INTO features.market_indicators ({', '.join(columns)})"
        f" VALUES ({', '.join(['%s'] * len(columns))})"
    )
    with database.admin() as connection:
        for one in found:
            fields = msgspec.structs.asdict(one)
            connection.execute(statement.encode(), [*(fields[name] for name in names), 0, 0])


def test_indicators_are_those_known_at_the_instant(database: MigratedDatabase, api: FlaskClient) -> None:
    first = indicator(48, 50_000.0)
    later = msgspec.structs.replace(
        first, value=51_000.0, published_at=first.published_at + 2 * HOUR, correction=True
    )
    actual = indicator(48, 49_500.0, kind="actual")
    wind = indicator(48, 9_000.0, name="wind")
    add_indicators(database, first, later, actual, wind)

    def values(**query: str) -> list[tuple[str, float]]:
        return [(one["kind"], one["value"]) for one in items(api, "/v1/indicators", **LOAD, **query)]

    assert values() == [("actual", 49_500.0), ("forecast", 51_000.0)]
    assert values(as_of=text(first.published_at)) == [("forecast", 50_000.0)]
    assert values(as_of=text(first.published_at - HOUR)) == []
    assert values(kind="forecast", revisions="all") == [("forecast", 50_000.0), ("forecast", 51_000.0)]
    assert values(end=text(first.delivery_start)) == []
    assert values(start=text(first.delivery_start), source="s", resolution="PT1H") == values()
    assert items(api, "/v1/indicators", zone="DE-LU", name="wind")[0]["unit"] == "MW"
    asked = api.get("/v1/indicators", query_string={**LOAD, "format": "csv"}).text.splitlines()
    assert asked[0].startswith("zone,name,kind,source,resolution,delivery_start")
    assert len(asked) == 3


@pytest.mark.parametrize("revisions", ["latest", "all"])
def test_pages_of_indicators_lose_and_double_nothing(
    database: MigratedDatabase, api: FlaskClient, revisions: str
) -> None:
    found = [
        indicator(hour, float(hour), source=source, kind=kind)
        for hour in range(10)
        for source in ("b", "a")
        for kind in ("forecast", "actual")
    ]
    again = [
        msgspec.structs.replace(one, value=-1.0, published_at=one.published_at + HOUR, correction=True)
        for one in found[::3]
    ]
    add_indicators(database, *found, *again)
    whole = items(api, "/v1/indicators", **LOAD, revisions=revisions, limit=5000)
    assert len(whole) == len(found) + (len(again) if revisions == "all" else 0)
    for limit in (1, 7):
        assert items(api, "/v1/indicators", **LOAD, revisions=revisions, limit=limit) == whole


def test_the_latest_of_a_series_is_beside_the_same_hour_a_day_earlier(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    for hour in range(30):
        add(database, START + hour * HOUR, 10.0 + hour)
    last = START + 29 * HOUR
    add(database, last, -4.0, published=last - HOUR)  # revised
    add(database, last - 24 * HOUR, 500.0, currency="GBP", source="other")
    add(database, last, 1.0, symbol="FR", published=last)
    # Known to nobody yet.
    add(database, last + HOUR, 7.0, published=datetime.now(UTC) + 2 * HOUR)
    found = {(one["symbol"], one["source"]): one for one in items(api, "/v1/latest")}
    one = found["DE-LU", "auction"]
    assert (one["price"], one["delivery_start"], one["published_at"]) == (-4.0, text(last), text(last - HOUR))
    assert (one["previous_price"], one["previous_start"]) == (15.0, text(last - 24 * HOUR))
    assert (one["change"], one["forecast"]) == (-19.0, None)
    assert (found["DE-LU", "other"]["price"], found["DE-LU", "other"]["currency"]) == (500.0, "GBP")
    assert (found["FR", "auction"]["change"], found["FR", "auction"]["previous_start"]) == (None, None)
    assert [one["symbol"] for one in items(api, "/v1/latest", limit=1)] == ["DE-LU", "DE-LU", "FR"]


def test_the_latest_of_a_product_is_what_no_revision_made_another_one(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    add(database, START, 50.0)
    add(database, START + HOUR, 60.0)
    add(database, START + HOUR, 99.0, product="intraday", published=START)
    found = {one["product"]: one["price"] for one in items(api, "/v1/latest")}
    assert found == {"day-ahead": 50.0, "intraday": 99.0}


def test_the_latest_of_a_series_was_not_withdrawn(database: MigratedDatabase, api: FlaskClient) -> None:
    for hour in range(27):
        add(database, START + hour * HOUR, 10.0 + hour)
    last, withdrawn = START + 26 * HOUR, START + 30 * HOUR
    add(database, last, 99.0, published=withdrawn - HOUR)
    add(database, last, 99.0, published=withdrawn, withdrawn="source")
    # The same hour a day earlier, too; and of another series all there was.
    add(database, last - 25 * HOUR, 11.0, published=withdrawn, withdrawn="platform")
    add(database, START, 1.0, symbol="FR")
    add(database, START, 1.0, symbol="FR", published=withdrawn, withdrawn="source")

    (one,) = items(api, "/v1/latest")
    assert (one["price"], one["delivery_start"]) == (35.0, text(last - HOUR))
    assert (one["previous_price"], one["change"]) == (None, None)
    (listed,) = items(api, "/v1/instruments")
    assert (listed["first_delivery"], listed["last_delivery"]) == (text(START), text(last))
    assert listed["last_published"] == text(withdrawn)

    for number, at in enumerate((last, last - 25 * HOUR)):
        add(database, at, 40.0 - number, published=withdrawn + HOUR)
    (one,) = items(api, "/v1/latest")
    assert (one["price"], one["delivery_start"], one["previous_price"]) == (40.0, text(last), 12.0)
    (listed,) = items(api, "/v1/instruments")
    assert listed["last_delivery"] == text(last + HOUR)


def test_the_forecast_of_the_latest_is_the_last_that_its_price_was_in(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    published = START - timedelta(days=1)
    add(database, START, 40.0, published=published)
    with database.admin() as connection:
        # From the revision before; from this one; and again, as of a withdrawal in its window.
        for prediction, hours in ((1.0, -1), (2.0, 0), (3.0, 5)):
            known = published + hours * HOUR
            connection.execute(
                "INSERT INTO features.ml_predictions (source, symbol, event_time, price_available_time,"
                " available_time, market, provenance, horizon_sessions, price, predicted_return, prediction,"
                " lower, upper, nominal_level, model_name, model_version, model_alias, skill, resolution)"
                " VALUES ('auction', 'DE-LU', %s, %s, %s, 'power', 'market', 1, 40, 0, %s, 0, 9, 0.9, 'm', 1,"
                " 'champion', 'none', 'PT1H')",
                (START, known, known, prediction),
            )
    (one,) = items(api, "/v1/latest")
    assert one["forecast"]["prediction"] == 3.0
    with database.admin() as connection:
        connection.execute("DELETE FROM features.ml_predictions WHERE prediction > 1")
    (one,) = items(api, "/v1/latest")
    assert one["forecast"] is None


def test_the_change_of_an_hour_is_by_the_clock_of_the_market(
    database: MigratedDatabase, api: FlaskClient
) -> None:
    # 12:00 in Berlin on the day that the clock went forward, and the two hours around 24 hours before.
    noon = datetime(2024, 3, 31, 10, tzinfo=UTC)
    add(database, noon - 24 * HOUR, 1.0)
    add(database, noon - 23 * HOUR, 2.0)
    add(database, noon, 7.0)
    (one,) = items(api, "/v1/latest")
    assert (one["previous_start"], one["change"]) == (text(noon - 23 * HOUR), 5.0)


def test_aggregates_per_another_unit(database: MigratedDatabase, api: FlaskClient) -> None:
    for hour in range(24):
        add(database, START + hour * HOUR, 10.0 + hour)
    query = {"symbol": "DE-LU", "start": text(START), "end": text(START + 24 * HOUR), "tz": "UTC"}
    (plain,) = items(api, "/v1/aggregates", **query)
    (shown,) = items(api, "/v1/aggregates", **query, unit="kWh")
    assert shown["unit"] == "kWh"
    for name in ("mean", "min", "max"):
        assert shown[name] == pytest.approx(plain[name] / 1000)


def test_a_curve_has_the_shape_of_a_symbols_history(database: MigratedDatabase, api: FlaskClient) -> None:
    for hour in range(24 * 28):
        at = START + hour * HOUR
        add(database, at, 100.0 if (at.hour + 1) % 24 >= 12 else 50.0)  # by Berlin's winter clock
    body = {"quotes": [{"period": "2027-01", "price": 70}], "shape": {"symbol": "DE-LU"}}
    made = api.post("/v1/curves", json=body).get_json()
    day = [one["price"] for one in made["items"][:24]]
    assert [round(one - day[0]) for one in day] == [0] * 12 + [50] * 12
    early = body | {"shape": {"symbol": "DE-LU", "as_of": text(START)}}
    refused = api.post("/v1/curves", json=early)
    assert refused.status_code == 422
    assert "no hourly prices of DE-LU are known" in refused.get_json()["detail"]


def test_a_download_has_what_the_pages_have(database: MigratedDatabase, api: FlaskClient) -> None:
    for hour in range(30):
        add(database, START + hour * HOUR, hour - 2.5, symbol=f"P{hour % 3}")
    add(database, START, 99.0, symbol="P0", published=START + 2 * HOUR)
    # Withdrawn, one of them for a while.
    for hour in (1, 4):
        at = START + hour * HOUR
        add(database, at, hour - 2.5, symbol="P1", published=START + 3 * HOUR, withdrawn="source")
    add(database, START + 4 * HOUR, 7.0, symbol="P1", published=START + 5 * HOUR)

    def lines(path: str, **query: str) -> list[dict[str, str]]:
        answer = api.get(path, query_string={"format": "csv", **query}, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, answer.text
        found = gzip.decompress(answer.data) if answer.content_encoding == "gzip" else answer.data
        return list(csv.DictReader(io.StringIO(found.decode())))

    def told(rows: list[dict[str, str]]) -> list[dict[str, object]]:
        times = ("delivery_start", "delivery_end", "published_at")
        return [
            {
                **row,
                "price": float(row["price"]),
                **{name: datetime.fromisoformat(row[name]) for name in times},
            }
            for row in rows
        ]

    for query in (
        *({}, {"revisions": "all"}, {"end": text(START + 9 * HOUR)}),
        *({"as_of": text(START + hour * HOUR)} for hour in (1, 3)),
    ):
        pages = [row for symbol in ("P0", "P1", "P2") for row in lines("/v1/prices", symbol=symbol, **query)]
        assert told(lines("/v1/downloads", **query)) == told(pages)
    # In the order of either index.
    for whose in ({"symbol": "P1"}, {"symbol": "P1", "source": "auction"}):
        for hour, rows in ((2, 9), (3, 7), (5, 9)):
            known = lines("/v1/downloads", **whose, as_of=text(START + hour * HOUR))
            assert len(known) == rows
            assert {row["withdrawn"] for row in known} == {""}
    told_of = [row["withdrawn"] for row in lines("/v1/downloads", symbol="P1", revisions="all")]
    assert sorted(told_of) == [""] * 11 + ["source"] * 2
    assert lines("/v1/downloads", symbol="NONE") == []


def test_one_download_at_a_time_and_its_turn_comes_back(database: MigratedDatabase, api: FlaskClient) -> None:
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) SELECT 's', 'BIG', at, 'PT1H', at - interval '1 day',"
            " at + interval '1 hour', 'day-ahead', 'power', 1, 'EUR', '=MWh', 'market', false, 0, 0"
            " FROM generate_series(timestamptz '2000-01-01', '2020-01-01', '1 hour') AS at"
        )
    held = api.get("/v1/downloads?symbol=BIG", buffered=False)
    first = next(held.iter_encoded())
    assert first.startswith(b"symbol,source,")
    busy = api.get("/v1/downloads?symbol=BIG")
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "2")
    held.close()
    whole = api.get("/v1/downloads?symbol=BIG")
    assert whole.data.count(b"\n") == 175_322
    assert b",'=MWh," in whole.data  # no formula of a spreadsheet
