"""Files of a real feature store: what the pages have, in each form, and from where one broke off."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient
from psycopg import sql

from tests.fixture_models import artifact
from tests.indicators import START, indicator
from tests.services.access import add_key, client, entitle, let_in
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tests.services.servers import until
from tests.services.test_data_api import add, items, settings, text
from tests.services.test_data_api_outlets import add_indicators
from workloads.data_api.app import create_app
from workloads.data_api.downloads import as_xlsx
from workloads.data_api.store import Store, StoreAway

pytestmark = pytest.mark.thorough

HOUR = timedelta(hours=1)
PATH = "/v1/downloads"


@pytest.fixture
def api(database: MigratedDatabase) -> Iterator[FlaskClient]:
    store = Store(settings(database, downloads=4))
    try:
        found = let_in(database, create_app(settings(database), store))
        until(lambda: found.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
        yield found
    finally:
        store.close()


def parquet(api: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(PATH, query_string={"format": "parquet", **query}, buffered=True)
    assert answer.status_code == 200, answer.text
    return pq.read_table(io.BytesIO(answer.data)).to_pylist()


def lines(api: FlaskClient, **query: Any) -> list[str]:
    answer = api.get(PATH, query_string=query, buffered=True)
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines(keepends=True)


def told(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """A row of a page as a file has it."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from told(value, f"{name}_")
        elif value is not None:
            is_time = isinstance(value, str) and value[10:11] == "T"
            yield f"{prefix}{name}", datetime.fromisoformat(value) if is_time else value


def known(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def revised(database: MigratedDatabase) -> None:
    for hour in range(12):
        for source in ("b", "a"):
            add(database, START + hour * HOUR, hour - 2.5, symbol=f"P{hour % 3}", source=source)
    for hour in (0, 4):
        again = START + hour * HOUR
        add(database, again, 99.0, symbol=f"P{hour % 3}", source="a", published=START + 2 * HOUR)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"revisions": "all"},
        {"as_of": text(START + HOUR)},
        {"start": text(START + 4 * HOUR)},
        {"source": "a"},
    ],
)
def test_a_parquet_file_of_prices_is_what_the_pages_give(
    database: MigratedDatabase, api: FlaskClient, query: dict[str, str]
) -> None:
    revised(database)
    pages = [row for symbol in ("P0", "P1", "P2") for row in items(api, symbol=symbol, **query)]
    pages.sort(key=lambda row: (row["source"], row["symbol"], row["delivery_start"], row["published_at"]))
    assert len(pages) >= 12
    assert known(parquet(api, **query)) == [dict(told(row)) for row in pages]


def test_a_file_of_indicators_is_what_the_pages_give(database: MigratedDatabase, api: FlaskClient) -> None:
    found = [indicator(hour, float(hour), name=name) for hour in range(48, 60) for name in ("load", "wind")]
    again = msgspec.structs.replace(
        found[0], value=-1.0, published_at=found[0].published_at + HOUR, correction=True
    )
    add_indicators(database, *found, again)
    for query in ({}, {"revisions": "all"}):
        pages = [
            row
            for name in ("load", "wind")
            for row in items(api, "/v1/indicators", zone="DE-LU", name=name, **query)
        ]
        made = known(parquet(api, dataset="indicators", **query))
        assert made == [dict(told(row)) for row in pages]
        assert len(made) == 24 + len(query)
    assert len(parquet(api, dataset="indicators", name="wind")) == 12
    assert parquet(api, dataset="indicators", kind="actual") == []
    head, first, *_ = lines(api, dataset="indicators")
    assert dict(zip(head.split(","), first.split(","), strict=True))["delivery_start"].endswith("T00:00:00Z")


def test_a_file_of_predictions_has_what_came_of_them(database: MigratedDatabase, api: FlaskClient) -> None:
    prices = 80 + np.cumsum(np.random.default_rng(1).normal(size=400))
    for symbol in ("SYN-A", "SYN-B"):
        days = add_prices(database, symbol, prices, start=datetime(2024, 1, 1, tzinfo=UTC))
        add_predictions(database, artifact(symbol), 4, days[-20:], prices)
    pages = [row for symbol in ("SYN-A", "SYN-B") for row in items(api, "/v1/predictions", symbol=symbol)]
    for row in pages:
        row.pop("outcome") if row["outcome"] is None else None
    made = known(parquet(api, dataset="predictions"))
    assert made == [dict(told(row)) for row in pages]
    assert sum("outcome_price" in row for row in made) >= 30
    assert made[:20] == known(parquet(api, dataset="predictions", symbol="SYN-A"))
    whole = lines(api, dataset="predictions", as_of=text(datetime.now(UTC)))
    assert len(whole) == 41
    rest = lines(api, dataset="predictions", as_of=text(datetime.now(UTC)), after=whole[27].rstrip("\n"))
    assert rest == whole[28:]


@pytest.mark.parametrize(
    ("revisions", "symbol", "rows"),
    [("latest", None, 24), ("all", None, 26), ("latest", "P0", 8), ("all", "P0", 9)],
)
def test_a_file_that_broke_off_goes_on_after_any_line(
    database: MigratedDatabase, api: FlaskClient, revisions: str, symbol: str | None, rows: int
) -> None:
    revised(database)
    asked = {"revisions": revisions} | ({"symbol": symbol} if symbol else {})
    whole = api.get(PATH, query_string=asked, buffered=True)
    asked["as_of"] = whole.headers["X-As-Of"]
    # What arrives meanwhile, even a revision that was published before, moves nothing and doubles nothing.
    add(database, START + 50 * HOUR, 1.0, symbol="P9", published=datetime.now(UTC) + HOUR)
    all_lines = whole.text.splitlines(keepends=True)
    assert len(all_lines) == 1 + rows
    for at in range(1, len(all_lines)):
        assert lines(api, **asked, after=all_lines[at].rstrip("\n")) == all_lines[at + 1 :]


def test_a_file_is_only_of_what_its_tenant_is_entitled_to(database: MigratedDatabase) -> None:
    revised(database)
    add(database, START, 7.0, symbol="COAL", market="coal")
    entitle(database, pilot_one={"markets": ("coal",)})
    store = Store(settings(database))
    try:
        api = client(create_app(settings(database), store), add_key(database, "pilot-one"))
        until(lambda: api.get(f"{PATH}/columns").status_code == 200, "the store is reached")
        for query in ({}, {"revisions": "all"}, {"symbol": "P0"}):
            found = parquet(api, **query)
            assert {row["symbol"] for row in found} == ({"COAL"} if "symbol" not in query else set())
        after = next(csv.reader([lines(api)[1]]))
        after[0], after[1] = "A", "A"
        rest = lines(api, as_of=text(datetime.now(UTC)), after=",".join(after))
        assert len(rest) == 1
    finally:
        store.close()


def test_whoever_asks_for_the_head_alone_is_told_of_a_refusal_and_nothing_is_made(
    database: MigratedDatabase, api: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in range(3):
        add(database, START + hour * HOUR, 1.0)
    store = Store(settings(database))
    try:
        few = let_in(database, create_app(settings(database, xlsx_rows=2), store))
        monkeypatch.setattr(as_xlsx, "blocks", None)
        until(lambda: few.get("/v1/prices?symbol=NONE").status_code == 200, "the store is reached")
        assert few.head(PATH, query_string={"format": "xlsx"}).status_code == 422
        found = few.head(PATH, query_string={"format": "xlsx", "end": text(START + 2 * HOUR)})
        assert found.status_code == 200
        assert found.headers["Content-Disposition"] == 'attachment; filename="prices.xlsx"'
        assert "Content-Length" not in found.headers  # else a program would take the file for an empty one
        # Each gave its turn back.
        assert len(few.get(PATH, buffered=True).text.splitlines()) == 4
    finally:
        store.close()


def test_a_database_that_is_behind_by_a_migration_is_away_and_not_a_fault_of_ours(
    database: MigratedDatabase,
) -> None:
    store = Store(settings(database))
    try:
        until(lambda: bool(store.rows(sql.SQL("SELECT 1 AS one").format(), {})), "the store is reached")
        with pytest.raises(StoreAway):
            store.rows(sql.SQL("SELECT * FROM features.not_there_yet").format(), {})
    finally:
        store.close()
