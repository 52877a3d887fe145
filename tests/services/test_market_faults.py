"""Every market of the table under every fault: nothing that it did not say is published, and nothing is lost.

The libraries run in the environment of market-connectors' image; topics are real.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.markets.all import KEYS, Stood, everything
from tests.markets.platform import Connectors
from tests.markets.world import Answer, Fault, World, empty, half, refusing
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics
from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.market_connectors import MARKET_JOBS
from workloads.kit.contracts.markets import MARKETS, hosts
from workloads.kit.contracts.messages import Price

pytestmark = pytest.mark.thorough

DAY = date(2026, 6, 10)
PATIENT = "IESO-ONTARIO"
"""Its library itself tries again for half a minute, which a fault that stays would take for each day."""
OTHERS = [name for name in MARKETS if name != PATIENT]
Given = tuple[str, str, float]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[World, dict[str, Stood]]]:
    world, stood = everything(tmp_path / "markets")
    yield world, stood
    world.close()


@pytest.fixture
def world(both: tuple[World, dict[str, Stood]]) -> World:
    return both[0]


@pytest.fixture
def stood(both: tuple[World, dict[str, Stood]]) -> dict[str, Stood]:
    return both[1]


@pytest.fixture
def connectors(world: World, tmp_path: Path) -> Connectors:
    return Connectors(world, tmp_path, list(MARKETS), KEYS)


def truth(one: Stood, day: date) -> list[Given]:
    rows = one.market.day(one.name, day)
    return [(start.isoformat(), end.isoformat(), price) for start, end, price in rows]


def looked(
    connectors: Connectors, names: list[str], day: date = DAY
) -> tuple[dict[str, list[Given]], dict[str, str]]:
    """Market → its prices, and feed → what was said of it."""
    lines = connectors.look("--from", str(day), "--to", str(day), "--market", *names)
    given: dict[str, list[Given]] = {name: [] for name in names}
    for line in lines:
        symbol = MARKETS[line["feed"]].symbol if line["feed"] in MARKETS else ""
        if symbol in line:
            given[line["feed"]].append((line["start"], line["end"], line[symbol]))
    return given, {line["feed"]: line["error"] for line in lines if "error" in line}


def part(share: float) -> Fault:
    """The first part, as if it were all."""
    return lambda answer: Answer(answer.body[: int(len(answer.body) * share)], answer.kind)


def page(_: Answer) -> Answer:
    """What a server says while it is mended, as if it were the answer."""
    return Answer(b"<html><body><h1>Down for maintenance</h1></body></html>", "text/html")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (refusing(401), "it answered 401"),
        (refusing(429, Retry_After="3600"), "429, try again after 3600"),
        (refusing(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(days=1))), "429, try again"),
        (refusing(503), "it answered 503"),
        (empty, ""),
        (page, ""),
    ],
    ids=["401", "429 in seconds", "429 as a date", "503", "empty", "a page of maintenance"],
)
def test_a_market_that_gives_nothing_is_named_and_nothing_comes_of_it(
    connectors: Connectors, world: World, fault: Fault, said: str
) -> None:
    world.always = fault

    given, errors = looked(connectors, OTHERS)

    assert {name: rows for name, rows in given.items() if rows} == {}
    assert set(OTHERS) <= set(errors)
    # One host that asked to wait is not asked by the next market of it.
    told = ("asked not to be asked again", said) if "429" in said else (said,)
    assert [name for name in OTHERS if not any(one in errors[name] for one in told)] == []
    assert not any(key in str(errors) for key in KEYS.values())


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.98])
def test_of_a_file_that_breaks_off_only_what_the_market_said_comes(
    connectors: Connectors, world: World, stood: dict[str, Stood], share: float
) -> None:
    world.always = part(share)

    given, _ = looked(connectors, OTHERS)

    wrong = {name: set(rows) - set(truth(stood[name], DAY)) for name, rows in given.items()}
    assert {name: rows for name, rows in wrong.items() if rows} == {}


@pytest.mark.parametrize("fault", ["429", "503", "502"])
def test_what_passes_is_waited_out_by_every_library(
    connectors: Connectors, world: World, stood: dict[str, Stood], fault: str
) -> None:
    """The first answer of each host is a refusal that asks to come again at once."""
    told = {"429": refusing(429, Retry_After="0"), "503": refusing(503), "502": refusing(502)}[fault]
    for host, site in list(world.sites.items()):
        world.sites[host] = _once(site, told)

    given, errors = looked(connectors, list(MARKETS))

    assert errors == {}
    for name, one in stood.items():
        assert given[name] == truth(one, DAY), name


def _once(site: Callable[[Any], Answer], fault: Fault) -> Callable[[Any], Answer]:
    first = [True]

    def answer(asked: Any) -> Answer:
        given = site(asked)
        if first:
            first.clear()
            return fault(given)
        return given

    return answer


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)])
def test_days_of_23_and_25_hours_are_whole_in_every_market(
    connectors: Connectors, stood: dict[str, Stood], day: date
) -> None:
    given, errors = looked(connectors, list(MARKETS), day)

    assert errors == {}
    for name, one in stood.items():
        assert given[name] == truth(one, day), name


@pytest.fixture
def topic_client(kafka: KafkaClient) -> Iterator[KafkaClient]:
    with declared_topics(kafka):
        yield kafka


def test_through_faults_and_revisions_every_markets_day_is_on_the_topic_once(
    world: World,
    stood: dict[str, Stood],
    topic_client: KafkaClient,
    database: MigratedDatabase,
    tmp_path: Path,
) -> None:
    env = {"KAFKA_BOOTSTRAP": topic_client.bootstrap, **database.env("market_connectors")}
    connectors = Connectors(world, tmp_path, OTHERS, KEYS, env)

    def run(*more: str) -> set[int]:
        asked = ("run", "--from", str(DAY), "--to", str(DAY), *more)
        return {connectors.command(*asked, "--group", group).returncode for group in MARKET_JOBS}

    def published() -> Counter[tuple[str, str, str, float, bool]]:
        found = (
            msgspec.json.decode(one.raw, type=Price) for one in topic_client.read(topics.COMMODITY_PRICES)
        )
        return Counter(
            (p.market, p.delivery_start.isoformat(), p.delivery_end.isoformat(), p.price, p.correction)
            for p in found
        )

    def said(correction: bool) -> Counter[tuple[str, str, str, float, bool]]:
        return Counter((name, *row, correction) for name in OTHERS for row in truth(stood[name], DAY))

    first = said(False)
    world.always = half
    assert run() == {1}
    assert published() <= first

    world.always = None
    assert run() == {0}
    assert published() == first
    assert run() == {0}
    assert published() == first

    for name in OTHERS:
        stood[name].market.revisions = {DAY: 1}
    assert run("--again") == {0}
    assert published() == first + said(True)
    assert topic_client.read(topics.dead_letter(topics.COMMODITY_PRICES)) == []
    assert set(hosts(MARKETS[name] for name in OTHERS)) == {one.host for one in world.asked}
