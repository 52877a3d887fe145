"""Australia's regions from AEMO's own formats to the topic, by nemosis as a program of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.markets import aemo
from tests.markets.aemo import Aemo
from tests.markets.platform import Connectors
from tests.markets.truth import Market
from tests.markets.world import World, refusing
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics
from workloads.kit.contracts import topics
from workloads.kit.contracts.markets import MARKETS, NEM_REGIONS, NEM_ZONE
from workloads.kit.contracts.messages import Price
from workloads.market_connectors.feeds import Feed

pytestmark = pytest.mark.thorough

NSW = MARKETS["NSW1"]
GROUP = ("--group", NSW.group)


@pytest.fixture
def regions() -> dict[str, Market]:
    zone = ZoneInfo(NEM_ZONE)
    return {
        name: Market(zone, resolution="PT30M", fives_from=date(2021, 10, 1), revisions={})
        for name in NEM_REGIONS
    }


@pytest.fixture
def world(regions: dict[str, Market], tmp_path: Path) -> Iterator[World]:
    made = World({aemo.HOST: Aemo(regions)}, tmp_path / "markets")
    yield made
    made.close()


@pytest.fixture
def connectors(world: World, tmp_path: Path) -> Connectors:
    return Connectors(world, tmp_path, list(NEM_REGIONS), {})


def test_what_is_recent_comes_of_the_daily_reports_at_the_price_that_holds(
    connectors: Connectors, regions: dict[str, Market], world: World
) -> None:
    last = Feed(NSW).last_day(datetime.now(UTC))
    first = last - timedelta(days=1)

    lines = connectors.look(*GROUP, "--from", str(first), "--to", str(last), "--market", "NSW1")

    expected = [row for day in (first, last) for row in regions["NSW1"].day("NSW1", day)]
    assert len(expected) == 2 * 288
    found = [(line["start"], line["end"], line[NSW.symbol]) for line in lines]
    assert found == [(start.isoformat(), end.isoformat(), price) for start, end, price in expected]
    assert any("/Reports/Current/Daily_Reports/" in one.path for one in world.asked)


def test_a_server_that_asks_to_wait_is_not_asked_again_by_the_library(
    connectors: Connectors, world: World
) -> None:
    world.always = refusing(429, Retry_After="3600")

    lines = connectors.look(*GROUP, "--from", "2026-06-10", "--to", "2026-06-10", "--market", "NSW1", "QLD1")

    assert ["429, try again after 3600" in line["error"] for line in lines] == [True, False]
    assert "asked not to be asked again" in lines[1]["error"]
    assert len(world.asked) == 1


def test_a_month_is_on_the_topic_once_and_a_correction_is_one(
    connectors: Connectors,
    regions: dict[str, Market],
    world: World,
    kafka: KafkaClient,
    database: MigratedDatabase,
) -> None:
    first, last = date(2026, 1, 30), date(2026, 2, 1)
    of = (*GROUP, "--market", "NSW1", "--from", str(first), "--to", str(last))
    connectors.env = {"KAFKA_BOOTSTRAP": kafka.bootstrap, **database.env("market_connectors")}
    with declared_topics(kafka):
        connectors.run(*of)
        asked = len(world.asked)
        connectors.run(*of)
        assert len(world.asked) == asked
        regions["NSW1"].revisions = {last: 1}
        connectors.run(*of, "--again")
        published = [msgspec.json.decode(one.raw, type=Price) for one in kafka.read(topics.COMMODITY_PRICES)]
        assert kafka.read(topics.dead_letter(topics.COMMODITY_PRICES)) == []

    assert len(published) == 4 * 288
    one = min(published, key=lambda price: price.delivery_start)
    assert (one.source, one.symbol, one.market) == ("nemosis.NSW1", "POWER-NSW1", "NSW1")
    assert (one.product, one.currency, one.unit, one.resolution) == ("real-time", "AUD", "MWh", "PT5M")
    # In Sydney it is summer; market time is that of Brisbane.
    assert one.delivery_start == datetime(2026, 1, 29, 14, tzinfo=UTC)
    assert one.published_at == datetime(2026, 1, 30, 18, 10, tzinfo=UTC)
    now = {
        price.delivery_start: price.price for price in sorted(published, key=lambda price: price.published_at)
    }
    assert [now[start] for start, _, _ in regions["NSW1"].day("NSW1", last)] == [
        price for _, _, price in regions["NSW1"].day("NSW1", last)
    ]
