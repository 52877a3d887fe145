"""ENTSO-E's answers in which a day is there more than once, or in parts, through entsoe-py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.markets import entsoe
from tests.markets.america import zipped
from tests.markets.entsoe import Entsoe, Row
from tests.markets.platform import Connectors
from tests.markets.truth import Market
from tests.markets.world import World

pytestmark = pytest.mark.thorough

BERLIN = ZoneInfo("Europe/Berlin")
DE_LU = "10Y1001A1001A82H"
CHANGE = date(2025, 10, 1)
"""From this day on the auction clears quarters of an hour."""


@pytest.fixture
def site() -> Entsoe:
    return Entsoe({DE_LU: Market(BERLIN, quarters_from=CHANGE)})


@pytest.fixture
def world(site: Entsoe, tmp_path: Path) -> Iterator[World]:
    made = World({entsoe.HOST: site}, tmp_path / "markets")
    yield made
    made.close()


@pytest.fixture
def connectors(world: World, tmp_path: Path) -> Connectors:
    return Connectors(world, tmp_path, ["DE-LU"], {"entsoe": entsoe.KEY})


def look(connectors: Connectors, first: date, last: date) -> tuple[list[tuple[str, str, float]], str]:
    """Prices, and what was said beside them."""
    lines = connectors.look("--from", str(first), "--to", str(last))
    mine: list[dict[str, Any]] = [line for line in lines if line["feed"] == "DE-LU"]
    rows = [(line["start"], line["end"], line["POWER-DE-LU"]) for line in mine if "start" in line]
    return rows, " ".join(line["error"] for line in mine if "error" in line)


def told(rows: list[Row]) -> list[tuple[str, str, float]]:
    return [(start.isoformat(), end.isoformat(), amount) for start, end, amount in rows]


def hours(market: Market, day: date, name: str = "hours") -> list[Row]:
    return Market(market.zone).day(name, day)


def quarters(market: Market, day: date, name: str = "quarters") -> list[Row]:
    return Market(market.zone, resolution="PT15M").day(name, day)


def test_days_in_two_lengths_around_the_change_and_a_second_auction(
    connectors: Connectors, site: Entsoe
) -> None:
    market = site.zones[DE_LU]
    days = [CHANGE + timedelta(days=n) for n in range(-2, 3)]
    for day in days:
        in_hours = entsoe.prices(DE_LU, market, day, rows=hours(market, day), length="PT60M", auction=1)
        in_quarters = entsoe.prices(
            DE_LU, market, day, rows=quarters(market, day), length="PT15M", auction=1, curve="A01"
        )
        second = entsoe.prices(
            DE_LU, market, day, rows=quarters(market, day, "second"), length="PT15M", auction=2
        )
        site.instead[DE_LU, day] = [second, in_quarters, in_hours]

    rows, said = look(connectors, days[0], days[-1])

    assert said == ""
    assert rows == told(
        [row for day in days for row in (quarters(market, day) if day >= CHANGE else hours(market, day))]
    )


@pytest.mark.parametrize(("curve", "lacking"), [("A03", 0), ("A01", 30)])
def test_of_curve_a03_what_repeats_is_left_out_and_is_there_and_of_a01_it_is_missing(
    connectors: Connectors, site: Entsoe, curve: str, lacking: int
) -> None:
    market, day = site.zones[DE_LU], CHANGE
    own = market.day(DE_LU, day)
    # A run of one price up to the end of the day, one within it, and one over midnight of UTC.
    flat = dict.fromkeys(range(5, 25), own[5][2]) | dict.fromkeys(range(85, 96), own[85][2])
    rows = [(start, end, flat.get(n, amount)) for n, (start, end, amount) in enumerate(own)]
    given = entsoe.prices(DE_LU, market, day, rows=rows, curve="A03").replace(
        "<curveType>A03<", f"<curveType>{curve}<"
    )
    site.instead[DE_LU, day] = [given]

    found, said = look(connectors, day, day)

    if curve == "A03":
        assert (found, said) == (told(rows), "")
    else:
        assert set(found) <= set(told(rows))
        assert f"{day} has {96 - 19 - 10} of 96 periods" in said


def test_more_series_than_a_page_holds_all_come(connectors: Connectors, site: Entsoe, world: World) -> None:
    market, first = site.zones[DE_LU], date(2025, 10, 2)
    days = [first + timedelta(days=n) for n in range(60)]
    for day in [first - timedelta(days=1), *days]:
        # In halves, as if each were published by itself.
        rows = market.day(DE_LU, day)
        middle = rows[48][0]
        parts = [(rows[:48], (rows[0][0], middle)), (rows[48:], (middle, rows[-1][1]))]
        whole = entsoe.prices(DE_LU, market, day)
        head, _, _ = whole.partition("<Period>")
        site.instead[DE_LU, day] = [
            f"{head}{entsoe.period(bounds, 'PT15M', _points(part))}</TimeSeries>" for part, bounds in parts
        ]

    found, said = look(connectors, days[0], days[-1])

    assert said == ""
    assert found == told([row for day in days for row in market.day(DE_LU, day)])
    assert {one.query.get("offset") for one in world.asked if one.query["documentType"] == "A44"} == {
        "0",
        "100",
    }


def _points(rows: list[Row]) -> str:
    return "".join(
        f"<Point><position>{n}</position><price.amount>{amount}</price.amount></Point>"
        for n, (_, _, amount) in enumerate(rows, 1)
    )


def test_one_series_may_have_periods_of_two_lengths(connectors: Connectors, site: Entsoe) -> None:
    market, day = site.zones[DE_LU], CHANGE
    in_quarters, in_hours = market.day(DE_LU, day)[:48], hours(market, day)[12:]
    start, middle, end = in_quarters[0][0], in_hours[0][0], in_hours[-1][1]
    head, _, _ = entsoe.prices(DE_LU, market, day).partition("<Period>")
    parts = entsoe.period((start, middle), "PT15M", _points(in_quarters)) + entsoe.period(
        (middle, end), "PT60M", _points(in_hours)
    )
    site.instead[DE_LU, day] = [f"{head}{parts}</TimeSeries>"]

    assert look(connectors, day, day) == (told([*in_quarters, *in_hours]), "")


def test_what_is_refused_is_named_and_holds_no_other_day_back(connectors: Connectors, site: Entsoe) -> None:
    market = site.zones[DE_LU]
    good, twice, minutes, zloty, second = (CHANGE + timedelta(days=n) for n in range(1, 6))
    changed = [(start, end, amount + 1) for start, end, amount in market.day(DE_LU, twice)]
    site.instead |= {
        (DE_LU, twice): [
            entsoe.prices(DE_LU, market, twice),
            entsoe.prices(DE_LU, market, twice, rows=changed),
        ],
        (DE_LU, minutes): [entsoe.prices(DE_LU, market, minutes, length="PT1M")],
        (DE_LU, zloty): [entsoe.prices(DE_LU, market, zloty, currency="PLN")],
        (DE_LU, second): [entsoe.prices(DE_LU, market, second, auction=2)],
    }

    found, said = look(connectors, good, second)

    assert found == told(market.day(DE_LU, good))
    assert f"{twice} has two numbers of 96 periods" in said
    assert "periods of 1min" in said
    assert "DE-LU came in PLN, and the table of markets has EUR" in said
    assert f"{second} came of auction 2 alone" in said
    assert all(f"{day} is missing" in said for day in (twice, minutes, zloty, second))


@pytest.mark.parametrize("packed", [False, True], ids=["one after another", "in an archive"])
def test_several_documents_in_one_answer_are_refused_whole(
    connectors: Connectors, world: World, packed: bool
) -> None:
    day = CHANGE

    def two(answer: Any) -> Any:
        if packed:
            return replace(answer, body=zipped("1.xml", answer.body.decode()), kind="application/zip")
        return replace(answer, body=answer.body + b"\n" + answer.body)

    world.always = two

    found, said = look(connectors, day, day)

    assert found == []
    assert ("no time series" if packed else "XML that are not whole") in said
