"""Every market of the table, asked by its own library in the market's own format; and what faults come to.

The libraries run in the environment of market-connectors' image, behind a proxy that has no other host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.markets.all import KEYS, Stood, everything
from tests.markets.platform import Connectors
from tests.markets.world import Answer, Fault, World, empty, half, refusing
from workloads.kit.contracts.declared.market_connectors import MARKET_CONNECTORS
from workloads.kit.contracts.markets import MARKETS, hosts

pytestmark = pytest.mark.thorough

AMERICA = [name for name, market in MARKETS.items() if market.library == "gridstatus"]
FORMATS = ["CH", "AESO-POOL", "CAISO-SP15", "GB-INDEX", "NSW1", "NYISO-NYC", "SPP-NORTH-HUB"]
"""A market of each format and client; not IESO's, whose library itself tries again for half a minute."""


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, Stood]]]:
    world, stood = everything(tmp_path_factory.mktemp("markets"))
    yield world, stood
    world.close()


@pytest.fixture
def world(everywhere: tuple[World, dict[str, Stood]]) -> Iterator[World]:
    world, stood = everywhere
    world.asked.clear()
    world.refused.clear()
    sites = dict(world.sites)
    yield world
    world.sites = sites
    world.once.clear()
    world.always = world.callers = None
    for one in stood.values():
        one.market.missing.clear()


@pytest.fixture
def stood(everywhere: tuple[World, dict[str, Stood]]) -> dict[str, Stood]:
    return everywhere[1]


@pytest.fixture
def connectors(world: World, tmp_path: Path) -> Connectors:
    return Connectors(world, tmp_path, list(MARKETS), KEYS)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def truth(one: Stood, *of: date) -> list[tuple[str, str, float]]:
    rows = (row for day in of for row in one.market.day(one.name, day))
    return [(start.isoformat(), end.isoformat(), price) for start, end, price in rows]


def given(lines: list[dict[str, Any]], name: str) -> list[tuple[str, str, float]]:
    symbol = MARKETS[name].symbol
    mine = (line for line in lines if line["feed"] == name and symbol in line)
    return [(line["start"], line["end"], line[symbol]) for line in mine]


def errors(lines: list[dict[str, Any]]) -> dict[str, str]:
    return {line["feed"]: line["error"] for line in lines if "error" in line}


def test_there_are_thirty_markets_and_each_is_stood_in(stood: dict[str, Stood]) -> None:
    assert len(MARKETS) >= 30
    assert set(stood) == set(MARKETS)
    assert {"CAISO-SP15", "ERCOT-HB-NORTH", "MISO-INDIANA"} < set(MARKETS)
    assert {"EPEX SPOT", "Nord Pool", "TGE"} < {market.operator for market in MARKETS.values()}


def test_every_market_of_the_table_gives_its_prices_through_its_library(
    connectors: Connectors, world: World, stood: dict[str, Stood]
) -> None:
    first, last = date(2026, 6, 10), date(2026, 6, 11)

    lines = connectors.look("--from", str(first), "--to", str(last))

    assert errors(lines) == {}
    for name, one in stood.items():
        assert given(lines, name) == truth(one, first, last), name
    # No library asked a host that the table does not name, and none that it names was left out.
    assert {asked.host for asked in world.asked} == set(hosts(MARKETS.values()))
    assert world.refused == {}


@pytest.mark.parametrize(
    ("first", "names", "hours"),
    [
        (date(2026, 3, 8), AMERICA, 23),
        (date(2026, 11, 1), AMERICA, 25),
        (date(2026, 3, 29), ["CH", "GB-INDEX", "PL"], 23),
        (date(2026, 10, 25), ["CH", "GB-INDEX", "PL"], 25),
    ],
)
def test_days_of_23_and_25_hours_are_whole(
    connectors: Connectors, stood: dict[str, Stood], first: date, names: list[str], hours: int
) -> None:
    lines = connectors.look("--from", str(first), "--to", str(first), "--market", *names)

    assert errors(lines) == {}
    for name in names:
        found = given(lines, name)
        assert found == truth(stood[name], first), name
        fixed = MARKETS[name].zone == "Etc/GMT+5"
        length = datetime.fromisoformat(found[-1][1]) - datetime.fromisoformat(found[0][0])
        assert length == timedelta(hours=24 if fixed else hours), name


def test_a_day_that_the_market_has_not_is_named_and_those_around_it_come(
    connectors: Connectors, stood: dict[str, Stood]
) -> None:
    first, gone, last = days(date(2026, 6, 9), date(2026, 6, 11))
    for name in FORMATS:
        stood[name].market.missing.add(gone)

    lines = connectors.look("--from", str(first), "--to", str(last), "--market", *FORMATS)

    for name in FORMATS:
        assert given(lines, name) == truth(stood[name], first, last), name
    # Of live markets a day may have nothing.
    of_days = [name for name in FORMATS if MARKETS[name].publication]
    assert set(errors(lines)) == set(of_days)
    assert all(f"{gone} is missing" in error for error in errors(lines).values())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (refusing(401), "it answered 401"),
        (refusing(429, Retry_After="3600"), "it answered 429, try again after 3600"),
        (refusing(503), "it answered 503"),
        (empty, ""),
    ],
    ids=["401", "429", "503", "empty"],
)
def test_a_market_that_does_not_give_is_an_error_that_says_why_and_no_price_comes(
    connectors: Connectors, world: World, fault: Fault, said: str
) -> None:
    world.always = fault

    lines = connectors.look("--from", "2026-06-10", "--to", "2026-06-10", "--market", *FORMATS)

    assert set(errors(lines)) == set(FORMATS)
    assert all(said in error for error in errors(lines).values()), errors(lines)
    assert all("error" in line for line in lines)
    assert not any(key in str(lines) for key in KEYS.values())


def test_half_an_answer_gives_no_price_that_the_market_did_not_say(
    connectors: Connectors, world: World, stood: dict[str, Stood]
) -> None:
    world.always = half
    day = date(2026, 6, 10)

    lines = connectors.look("--from", str(day), "--to", str(day), "--market", *FORMATS)

    for name in FORMATS:
        assert set(given(lines, name)) <= set(truth(stood[name], day)), name
    assert set(errors(lines)) == set(FORMATS)


def test_prices_in_another_currency_than_the_tables_are_refused_by_name(
    connectors: Connectors, world: World
) -> None:
    world.always = lambda answer: replace(answer, body=answer.body.replace(b">EUR<", b">PLN<"))

    lines = connectors.look("--from", "2026-06-10", "--to", "2026-06-10", "--market", "PL")

    assert "PL came in PLN, and the table of markets has EUR" in errors(lines)["PL"]
    # Forecasts have no currency.
    assert {line["feed"] for line in lines if "start" in line} == {"PL/load", "PL/wind-solar"}


def test_a_server_that_asks_to_wait_is_asked_again_when_it_said(
    connectors: Connectors, world: World, stood: dict[str, Stood]
) -> None:
    day = date(2026, 6, 10)
    for name in ("CH", "GB-INDEX", "SPP-NORTH-HUB"):  # requests, urllib3 by itself, and urllib
        soon = format_datetime(datetime.now().astimezone())
        world.once.extend([refusing(429, Retry_After="0"), refusing(503, Retry_After=soon), refusing(502)])

        lines = connectors.look("--from", str(day), "--to", str(day), "--market", name)

        assert errors(lines) == {}, name
        assert given(lines, name) == truth(stood[name], day)


def test_a_server_that_says_nothing_is_asked_again(
    connectors: Connectors, world: World, stood: dict[str, Stood]
) -> None:
    day, over = date(2026, 6, 10), Event()
    connectors.seconds = 120

    def silent(answer: Answer) -> Answer:
        over.wait()
        return answer

    try:
        for name in ("CH", "GB-INDEX", "SPP-NORTH-HUB"):  # requests, urllib3 by itself, and urllib
            world.once.append(silent)
            lines = connectors.look(
                *("--from", str(day), "--to", str(day), "--market", name), SILENCE_MAX_SECONDS="5"
            )
            assert errors(lines) == {}, name
            assert given(lines, name) == truth(stood[name], day)
    finally:
        over.set()


def test_a_host_that_is_no_markets_is_not_reached(connectors: Connectors, world: World) -> None:
    del world.sites["data.elexon.co.uk"], world.sites["portal.spp.org"]
    lines = connectors.look(
        "--from", "2026-06-10", "--to", "2026-06-10", "--market", "GB-INDEX", "SPP-NORTH-HUB"
    )
    assert set(errors(lines)) == {"GB-INDEX", "SPP-NORTH-HUB"}
    assert set(world.refused) == {"data.elexon.co.uk", "portal.spp.org"}


def test_every_client_shows_the_proxy_the_workloads_name_and_password(
    connectors: Connectors, world: World, stood: dict[str, Stood], tmp_path: Path
) -> None:
    day, names = date(2026, 6, 10), ["CH", "GB-INDEX", "SPP-NORTH-HUB"]
    world.callers = {MARKET_CONNECTORS.name: "p@ss/w: %r?d#"}
    password = tmp_path / "proxy-password"
    env = {"EGRESS_PROXY_URL": world.proxy, "EGRESS_PASSWORD_FILE": str(password)}
    asked = ("--from", str(day), "--to", str(day), "--market")

    password.write_text("another\n")
    assert set(errors(connectors.look(*asked, *names, **env))) == set(names)
    assert world.asked == []

    password.write_text(world.callers[MARKET_CONNECTORS.name])
    for name in names:
        # What is asked again shows them again.
        world.once.append(refusing(503, Retry_After="0"))
        lines = connectors.look(*asked, name, **env)
        assert errors(lines) == {}, name
        assert given(lines, name) == truth(stood[name], day), name
    # They are the proxy's to see, and not the markets'.
    assert not any("proxy-authorization" in map(str.lower, one.headers) for one in world.asked)
