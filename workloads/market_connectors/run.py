"""The runs that publish: each feed that is due, or all feeds of a range of days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.market import Market
from workloads.kit.producer import TransactionalProducer
from workloads.market_connectors.asking import asking, transport
from workloads.market_connectors.feeds import Feed, feeds
from workloads.market_connectors.points import Days, local_day
from workloads.market_connectors.settings import MarketRunSettings, MarketSettings
from workloads.market_connectors.source import Ask, MarketSource, known_whole
from workloads.price_pipeline import job
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.publish import Window, publish
from workloads.price_pipeline.reading import Reading

Clock = Callable[[], datetime]
Range = tuple[date, date]
"""Local days of each market, both included."""

_LIVE_LOOK_BACK: Final = timedelta(hours=12)
"""How far before its newest price a market of live prices is asked again."""


def run(
    settings: MarketRunSettings,
    markets: Sequence[Market],
    asked: Range | None,
    of: Declaration,
    clock: Clock,
    *,
    again: bool = False,
) -> None:
    """Publish what the topics lack of these markets.

    Without a range: of each feed from its look-back on, where something is due, and once an hour where
    nothing is. With one: of these days
    whatever is not known to be whole, so that the same command goes on where it was ended. Raises as
    `job.each`.

    Args:
        of: the job that runs.
        again: ask for days of the range that are whole, too, for what was corrected since.
    """
    chosen = [feed for market in markets for feed in feeds(market)]
    way = transport(settings, markets)
    ask = asking(settings, way)
    with way.installed():
        job.each(
            settings,
            [
                (feed.name, partial(_publish, settings, feed, ask, asked, again, of.name, clock))
                for feed in chosen
            ],
            job=of,
            published={market.source for market in markets},
            messages=sorted({feed.message for feed in chosen}, key=lambda message: message.topic),
            said={"backfill": [day.isoformat() for day in asked]} if asked else {},
        )


def _publish(
    settings: MarketRunSettings,
    feed: Feed,
    ask: Ask,
    asked: Range | None,
    again: bool,
    name: str,
    clock: Clock,
    ledger: Ledger,
    producer: TransactionalProducer,
    tally: Counter[str],
) -> None:
    now, source = clock(), feed.market.source
    marks = {series: mark for series in feed.series if (mark := ledger.newest(source, series)) is not None}
    there = {*marks, *map(feed.series_of, feed.required)}
    known = partial(known_whole, feed, there, partial(ledger.has, source))
    if asked:
        days = Days(asked[0], min(asked[1], feed.last_day(now)), feed.market.time_zone)
        window = Window(days.start, days.end)
    else:
        days = due(feed, max(marks.values(), default=None), settings, now)
        window = Window(look_back=timedelta(days=settings.look_back_days + 2))
    idle = not asked and now.minute >= settings.again_minutes
    if days.last < days.first or (idle and known(days)):
        return
    found = MarketSource(
        *(feed, days, ask),
        known=known if asked and not again else lambda _: False,
        now=now,
        workload=name,
        newest=marks,
    )
    reading = Reading(found)
    publish(
        reading, window, ledger, producer, clock, transaction_rows=settings.transaction_rows, counts=tally
    )
    if reading.incomplete is not None:
        raise reading.incomplete
    reading.require_prices(tally)


def due(feed: Feed, newest: datetime | None, settings: MarketSettings, now: datetime) -> Days:
    """The days that a run without a range looks at, up to the last that is published by now.

    Args:
        newest: delivery start that was published last.
    """
    zone = feed.market.time_zone
    if newest is None:
        first = local_day(now, zone) - timedelta(days=settings.first_days)
    elif feed.publication is None:
        # Asked every few minutes: yesterday only while it is young.
        first = local_day(newest - _LIVE_LOOK_BACK, zone)
    else:
        first = local_day(newest, zone) - timedelta(days=settings.look_back_days)
    return Days(first, feed.last_day(now), zone)
