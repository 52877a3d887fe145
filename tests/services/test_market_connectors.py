"""market-connectors from a market's own format to topic and table, on real Kafka and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.markets import entsoe
from tests.markets.entsoe import Entsoe
from tests.markets.platform import Connectors
from tests.markets.truth import Market
from tests.markets.world import World, half, refusing
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, running
from tests.services.servers import until
from workloads.kit.contracts import topics
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.markets import MARKETS
from workloads.kit.contracts.messages import Price
from workloads.market_connectors.feeds import Feed

pytestmark = pytest.mark.thorough

DEAD = topics.dead_letter(topics.COMMODITY_PRICES)
BERLIN = ZoneInfo("Europe/Berlin")
DE_LU = "10Y1001A1001A82H"
BACKFILL = ("--from", "2025-10-25", "--to", "2025-10-27")


@pytest.fixture
def topic_client(kafka: KafkaClient) -> Iterator[KafkaClient]:
    """All topics under their real names, empty."""
    with declared_topics(kafka):
        yield kafka


@pytest.fixture
def site() -> Entsoe:
    return Entsoe({DE_LU: Market(BERLIN, quarters_from=date(2025, 10, 1))})


@pytest.fixture
def world(site: Entsoe, tmp_path: Path) -> Iterator[World]:
    made = World({entsoe.HOST: site}, tmp_path / "markets")
    yield made
    made.close()


@pytest.fixture
def connectors(
    world: World, topic_client: KafkaClient, database: MigratedDatabase, tmp_path: Path
) -> Connectors:
    env = {"KAFKA_BOOTSTRAP": topic_client.bootstrap, **database.env("market_connectors")}
    return Connectors(world, tmp_path, ["DE-LU"], {"entsoe": entsoe.KEY}, env)


def prices(kafka: KafkaClient) -> list[Price]:
    decoded = [msgspec.json.decode(one.raw, type=Price) for one in kafka.read(topics.COMMODITY_PRICES)]
    return sorted(decoded, key=lambda price: (price.delivery_start, price.published_at))


def truth(site: Entsoe, *days: date) -> list[tuple[datetime, datetime, float]]:
    return list(entsoe.expected(DE_LU, site.zones[DE_LU], list(days)))


def said(found: list[Price]) -> list[tuple[datetime, datetime, float]]:
    return [(price.delivery_start, price.delivery_end, price.price) for price in found]


def test_a_zones_days_are_on_the_topic_and_in_the_table_and_a_second_run_asks_for_nothing(
    connectors: Connectors,
    site: Entsoe,
    world: World,
    topic_client: KafkaClient,
    database: MigratedDatabase,
    tmp_path: Path,
) -> None:
    connectors.run(*BACKFILL)

    found = prices(topic_client)
    days = [date(2025, 10, 25), date(2025, 10, 26), date(2025, 10, 27)]
    assert said(found) == truth(site, *days)
    assert len(found) == 96 + 100 + 96
    one = found[0]
    assert (one.source, one.symbol, one.market) == ("entsoe-py.DE-LU", "POWER-DE-LU", "DE-LU")
    assert (one.product, one.currency, one.unit, one.resolution) == ("day-ahead", "EUR", "MWh", "PT15M")
    # Known on the day before, in Berlin's summer: 12:57 is 10:57 UTC.
    assert one.published_at == datetime(2025, 10, 24, 10, 57, tzinfo=UTC)
    forecasts = [
        msgspec.json.decode(record.raw, type=Indicator)
        for record in topic_client.read(topics.MARKET_INDICATORS)
    ]
    assert {(f.zone, f.name, f.kind, f.unit) for f in forecasts} == {
        ("DE-LU", name, "forecast", "MW") for name in ("load", "solar", "wind-onshore")
    }
    assert len(forecasts) == 3 * len(found)

    asked = len(world.asked)
    connectors.run(*BACKFILL)
    assert len(world.asked) == asked
    assert len(prices(topic_client)) == len(found)

    with running("workloads.analytics_consumer", topic_client, database, tmp_path) as group:
        group.finish()
    stored = database.query(
        "SELECT count(*), min(price), max(price) FROM commodity_prices_daily WHERE symbol = 'POWER-DE-LU'"
    )
    amounts = [price.price for price in found]
    assert stored == [(len(found), min(amounts), max(amounts))]


def test_a_run_without_a_range_brings_what_is_published_and_then_only_what_is_new_or_changed(
    connectors: Connectors, site: Entsoe, world: World, topic_client: KafkaClient
) -> None:
    market = site.zones[DE_LU]
    last = Feed(MARKETS["DE-LU"]).last_day(datetime.now(UTC))
    market.until = last
    before = [last - timedelta(days=n) for n in (4, 3, 2, 1)]
    connectors.run("--from", str(before[0]), "--to", str(before[-1]))
    first = prices(topic_client)
    assert said(first) == truth(site, *before)

    market.revisions = {before[2]: 1}
    connectors.run(AGAIN_MINUTES="0")
    news = [price for price in prices(topic_client) if price not in first]
    assert said([price for price in news if not price.correction]) == truth(site, last)
    corrected = [price for price in news if price.correction]
    assert said(corrected) == truth(site, before[2])
    assert all(price.published_at > datetime.now(UTC) - timedelta(minutes=5) for price in corrected)

    there, asked = prices(topic_client), len(world.asked)
    market.revisions = {before[2]: 1, last: 1}
    connectors.run(AGAIN_MINUTES="0")
    # Before a forecast of tomorrow is due it is there already, or is looked for again.
    assert "A44" not in [one.query["documentType"] for one in world.asked[asked:]]
    assert prices(topic_client) == there

    # The hour's first run asks what may have been corrected before the next auction.
    connectors.run(AGAIN_MINUTES="60")
    news = [price for price in prices(topic_client) if price not in there]
    assert all(price.correction for price in news)
    assert said(news) == truth(site, last)


def test_a_run_that_stays_brings_a_day_that_is_published_meanwhile(
    connectors: Connectors, site: Entsoe, world: World, topic_client: KafkaClient
) -> None:
    market, last = site.zones[DE_LU], Feed(MARKETS["DE-LU"]).last_day(datetime.now(UTC))
    market.until = last - timedelta(days=1)
    connectors.run("--from", str(last - timedelta(days=4)), "--to", str(market.until))
    begun = len(world.asked)

    def asked() -> int:
        return sum(one.query["documentType"] == "A44" for one in world.asked[begun:])

    with ThreadPoolExecutor() as threads:
        # Whatever the time is, its publication is as if it had just been due.
        env = {"STAY_SECONDS": "20", "PASS_SECONDS": "0.5", "PRESS_MINUTES": "100000"}
        run = threads.submit(connectors.run, **env)
        until(lambda: asked() >= 2, "the run looks again")
        market.until = last
        until(
            lambda: any(p.delivery_start >= market.bounds(last)[0] for p in prices(topic_client)), "it came"
        )
        came = asked()
        run.result()
    assert said(prices(topic_client)) == truth(site, *(last - timedelta(days=n) for n in (4, 3, 2, 1, 0)))
    # What is there is not asked for again.
    assert asked() - came <= 1


def test_what_was_corrected_long_after_comes_when_its_days_are_asked_for_again(
    connectors: Connectors, site: Entsoe, topic_client: KafkaClient
) -> None:
    connectors.run(*BACKFILL)
    first = prices(topic_client)
    day = date(2025, 10, 26)
    site.zones[DE_LU].revisions = {day: 1}
    connectors.run(*BACKFILL)
    assert prices(topic_client) == first
    connectors.run(*BACKFILL, "--again")
    news = [price for price in prices(topic_client) if price not in first]
    assert all(price.correction for price in news)
    assert said(news) == truth(site, day)


def test_what_a_fault_held_back_is_named_and_comes_with_the_next_run(
    connectors: Connectors,
    site: Entsoe,
    world: World,
    topic_client: KafkaClient,
    database: MigratedDatabase,
) -> None:
    days = [date(2025, 10, 25), date(2025, 10, 26), date(2025, 10, 27)]
    world.always = refusing(401)
    done = connectors.command("run", *BACKFILL)
    assert done.returncode == 1
    assert "give a key that it takes in the secret entsoe" in done.stdout
    assert entsoe.KEY not in done.stdout + done.stderr

    world.always = half
    done = connectors.command("run", *BACKFILL)
    assert done.returncode == 1
    assert "XML that are not whole" in done.stdout
    assert prices(topic_client) == []

    world.always = None
    site.zones[DE_LU].missing = {days[1]}
    done = connectors.command("run", *BACKFILL)
    assert done.returncode == 1
    assert "DE-LU is not whole: 2025-10-26 is missing" in done.stdout
    assert said(prices(topic_client)) == truth(site, days[0], days[2])
    ((detail,),) = database.query("SELECT detail FROM job_runs ORDER BY id DESC LIMIT 1")
    assert detail["sources"]["DE-LU"]["published"] == 2 * 96

    site.zones[DE_LU].missing = set()
    world.once.extend([refusing(429, Retry_After="0"), refusing(503)])
    connectors.run(*BACKFILL)
    assert said(prices(topic_client)) == truth(site, *days)
    assert topic_client.read(DEAD) == []
