"""The runs that publish: each feed that is due, or all feeds of a range of days."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.market import Market
from workloads.kit.periods import Resolution
from workloads.kit.producer import TransactionalProducer
from workloads.market_connectors.asking import asking, transport
from workloads.market_connectors.feeds import Feed, feeds
from workloads.market_connectors.points import Days, at, local_day
from workloads.market_connectors.progress import Progress
from workloads.market_connectors.settings import MarketRunSettings, MarketSettings
from workloads.market_connectors.source import Ask, MarketSource, Missing, known_whole
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
    nothing is; then, for as long as the run stays, what is published meanwhile. With one: of these days
    whatever is not known to be whole, so that the same command goes on where it was ended. Raises as
    `job.each`.

    Args:
        of: the job that runs.
        again: ask for days of the range that are whole, too, for what was corrected since.
    """
    chosen = [feed for market in markets for feed in feeds(market)]
    way = transport(settings, markets)
    progress = Progress(len(chosen))
    ask = progress.asking(asking(settings, way))
    days = {"first": asked[0].isoformat(), "last": asked[1].isoformat()} if asked else {}
    progress.begins({**days, "stays_seconds": 0 if asked else settings.stay_seconds})
    with way.installed():
        job.each(
            settings,
            _works(
                *(settings, chosen, partial(publish_feed, settings, ask, asked, again, of.name, clock)),
                *(asked, progress),
            ),
            job=of,
            published={market.source for market in markets},
            messages=sorted({feed.message for feed in chosen}, key=lambda message: message.topic),
            said={"backfill": [day.isoformat() for day in asked]} if asked else {},
        )


def _works(
    settings: MarketRunSettings,
    chosen: Sequence[Feed],
    publish_: Callable[..., bool],
    asked: Range | None,
    progress: Progress,
) -> Iterator[tuple[str, job.Work]]:
    """All feeds once, and while the run stays those again of which something new may be there. One that
    failed waits for the next run."""
    ends = time.monotonic() + (settings.stay_seconds if asked is None else 0)
    open_ = {feed.name: feed for feed in chosen}

    def work(feed: Feed, first: bool) -> job.Work:
        def once(ledger: Ledger, producer: TransactionalProducer, tally: Counter[str]) -> bool:
            try:
                return publish_(feed, first, ledger, producer, tally)
            except Missing:
                raise
            except Exception:
                del open_[feed.name]
                raise

        return once

    for feed in chosen:
        progress.looks()
        yield feed.name, work(feed, True)
    while time.monotonic() + settings.pass_seconds < ends and open_:
        progress.stays(ends - time.monotonic())
        time.sleep(settings.pass_seconds)
        for feed in list(open_.values()):
            yield feed.name, work(feed, False)


def publish_feed(
    settings: MarketRunSettings,
    ask: Ask,
    asked: Range | None,
    again: bool,
    name: str,
    clock: Clock,
    feed: Feed,
    first: bool,
    ledger: Ledger,
    producer: TransactionalProducer,
    tally: Counter[str],
) -> bool:
    """Publish what the ledger lacks of a feed; False where the market is not to be asked."""
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
    # What is published a day or more later is final, and dear to ask for.
    idle = not asked and (
        not first or now.minute >= settings.again_minutes or feed.market.publication_day > 0
    )
    if days.last < days.first or (idle and known(days)):
        return first
    if not first:
        newest = max(marks.values(), default=None)
        if newest is None or not pressing(feed, newest, settings, now):
            return False
        zone = feed.market.time_zone
        days = Days(days.last if feed.publication else local_day(newest, zone), days.last, zone)
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
    return True


def pressing(feed: Feed, newest: datetime, settings: MarketSettings, now: datetime) -> bool:
    """Whether something is just being published that the topic has not: a day, or the next live period.

    Args:
        newest: delivery start that was published last.
    """
    market, zone = feed.market, feed.market.time_zone
    if feed.publication is None:
        length = Resolution.parse(market.resolution_on(local_day(now, zone))).clock
        assert length is not None, "periods of a market are parts of a day"
        return now >= newest + 2 * length
    last = feed.last_day(now)
    since = now - at(last + timedelta(days=feed.publication_day), feed.publication, zone)
    return local_day(newest, zone) < last and since <= timedelta(minutes=settings.press_minutes)


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
