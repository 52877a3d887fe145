"""The hour that October repeats, where rows tell it by their order and some of them withdraw a price."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.price_pipeline.api import Api
from tests.unit.price_pipeline.terms import GERMAN_HOURS
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource, HttpSource
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.labels import Seen
from workloads.price_pipeline.repeated import told_apart
from workloads.price_pipeline.rows import Refused, Unobserved
from workloads.price_pipeline.sources import http
from workloads.price_pipeline.sources.file import FileSource

Make = Callable[..., CsvSource]

TERMS: dict[str, Any] = {
    **GERMAN_HOURS,
    "repeated": "in_order",
    "withdrawn": ["cancelled"],
    "columns": {"event_time": "t", "status": "s", "prices": {"p": "DE"}},
}
FIRST = datetime(2024, 10, 27, tzinfo=UTC)
SECOND = FIRST + timedelta(hours=1)


def read(config: CsvSource) -> list[Price | Refused | Unobserved]:
    seen = Seen()
    rows = FileSource(config, lambda: FIRST).rows(None, None)
    return [one for row in rows if not isinstance(one := check(row, seen), Unobserved)]  # type: ignore[misc]


def lines(order: str) -> str:
    """Rows of 02:00, by a word each: a price, or `x` for one that is withdrawn."""
    told = [
        f"2024-10-27 02:00,{40 if one == 'x' else one},{'cancelled' if one == 'x' else ''}" for one in order
    ]
    return "t,p,s\n" + "\n".join(["2024-10-27 01:00,7,", *told, "2024-10-27 03:00,9,"]) + "\n"


def of_the_hour(found: list[Any]) -> dict[datetime, float]:
    """The prices of the two hours, each the only one of its hour."""
    prices = [one for one in found if isinstance(one, Price) and one.withdrawn is None]
    held = {price.delivery_start: price.price for price in prices}
    assert len(held) == len(prices)
    return {start: price for start, price in held.items() if start in (FIRST, SECOND)}


@pytest.mark.parametrize("order", ["x12", "1x2", "12x", "xx12", "1x2x"])
@pytest.mark.parametrize("ordered", [False, True])
def test_a_withdrawn_row_beside_two_prices_is_no_hour_of_its_own(
    csv_source: Make, order: str, ordered: bool
) -> None:
    found = read(csv_source(lines(order), **TERMS, ordered=ordered))

    assert of_the_hour(found) == {FIRST: 1, SECOND: 2}
    assert not [one for one in found if isinstance(one, Refused)]


@pytest.mark.parametrize(
    ("order", "price", "withdrawn"), [("x2", {SECOND: 2}, FIRST), ("1x", {FIRST: 1}, SECOND)]
)
def test_where_each_hour_has_a_row_a_withdrawn_one_keeps_its_place(
    csv_source: Make, order: str, price: dict[datetime, float], withdrawn: datetime
) -> None:
    found = read(csv_source(lines(order), **TERMS))

    assert of_the_hour(found) == price
    assert [one.delivery_start for one in found if isinstance(one, Price) and one.withdrawn] == [withdrawn]


@pytest.mark.parametrize("order", ["xx1", "1xx", "x1x"])
def test_one_price_among_several_that_are_withdrawn_is_refused_with_them(
    csv_source: Make, order: str
) -> None:
    found = read(csv_source(lines(order), **TERMS))

    assert of_the_hour(found) == {}
    refused = [one for one in found if isinstance(one, Refused)]
    assert [one.line for one in refused] == [3, 4, 5]
    assert "'2024-10-27 02:00' is given 3 times" in refused[0].reason
    assert "`columns.repeated`" in refused[0].reason


def test_a_withdrawal_with_a_time_of_its_own_is_refused_where_either_hour_may_be_meant(
    csv_source: Make,
) -> None:
    """Published after both prices it takes one of them back, and nobody knows which."""
    columns = {**TERMS["columns"], "published_at": "k"}
    content = "t,p,s,k\n" + "".join(
        f"2024-10-27 02:00,{price},{status},2024-10-26T{hour}:00Z\n"
        for price, status, hour in ((1, "", 11), (2, "", 11), (1, "cancelled", 12))
    )
    found = read(csv_source(content, **TERMS | {"columns": columns, "publication": None}))

    assert of_the_hour(found) == {FIRST: 1, SECOND: 2}
    assert [one.line for one in found if isinstance(one, Refused)] == [4]


def test_quarters_and_symbols_have_their_own_order(csv_source: Make) -> None:
    columns = {"event_time": "t", "status": "s", "symbol": "z", "price": "p"}
    quarters = [f"2024-10-27 02:{minute:02}" for minute in (0, 15, 30, 45)]
    content = "t,z,p,s\n"
    for number, label in enumerate(quarters * 2):
        content += f"{label},DE,{number},\n{label},FR,{10 + number},{'cancelled' if number == 1 else ''}\n"
    content += "2024-10-27 02:15,FR,5,\n2024-10-27 03:00,FR,9,\n2024-10-27 03:00,DE,9,\n"
    found = read(csv_source(content, **TERMS | {"columns": columns, "resolution": "PT15M"}))

    given = [one for one in found if isinstance(one, Price) and one.withdrawn is None]
    prices = {(one.symbol, one.delivery_start): one.price for one in given}
    later = [FIRST + timedelta(minutes=15 * number) for number in range(8)]
    assert [prices["DE", start] for start in later] == list(range(8))
    # Three rows of 02:15, of which the withdrawn one came first.
    assert [prices["FR", start] for start in later] == [10, 15, 12, 13, 14, 5, 16, 17]


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    yield server
    server.close()


def test_a_cell_that_is_nothing_takes_no_other_row_with_it(csv_source: Make) -> None:
    config = csv_source(lines("x12"), **TERMS)
    nest: Any = []
    for _ in range(5_000):
        nest = [nest]
    rows = list(FileSource(config, lambda: FIRST).rows(None, None))
    spoilt = replace(rows[0], symbol=nest, event_time="2024-10-27 02:00")

    found = list(told_apart([spoilt, *rows], ordered=False))

    assert spoilt in found
    assert len(found) == len(rows) + 1


def test_the_rows_of_an_api_are_told_apart_likewise(api: Api) -> None:
    rows: list[dict[str, Any]] = [
        {"t": "2024-10-27 02:00", "p": 40, "s": "cancelled"},
        {"t": ["2024-10-27 02:00"], "p": 5},
        {"t": "2024-10-27 02:00", "p": 1},
        {"t": "2024-10-27 02:00", "p": 2},
    ]
    api.answer = lambda *_: (200, {}, json.dumps(rows))
    config = HttpSource.model_validate({"kind": "http", "name": "api", "url": f"{api.url}/p"} | TERMS)
    seen = Seen()
    found = [check(row, seen) for row in http.HttpSource(config).rows(None, None)]

    assert of_the_hour(found) == {FIRST: 1, SECOND: 2}
    assert len([one for one in found if isinstance(one, Refused)]) == 1
