"""What is asked of a market whose days are all published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from workloads.kit import periods
from workloads.kit.contracts.markets import MARKETS
from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Point
from workloads.market_connectors.run import publish_feed
from workloads.market_connectors.settings import MarketRunSettings
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.rows import RawRow

NSW, DE = Feed(MARKETS["NSW1"]), Feed(MARKETS["DE-LU"])
AT_ONCE, LATER = datetime(2026, 6, 10, 19, 0, tzinfo=UTC), datetime(2026, 6, 10, 19, 59, tzinfo=UTC)
SETTINGS = MarketRunSettings(
    markets=("NSW1", "DE-LU"),
    kafka_bootstrap="nowhere:1",
    postgres_host="nowhere",
    postgres_user="nobody",
)


def points(feed: Feed, days: Sequence[date]) -> list[Point]:
    market = feed.market
    return [
        Point(start, end, market.symbol, 1.0)
        for local in days
        for start, end in periods.day(local, Resolution.parse(market.resolution_on(local)), market.time_zone)
    ]


class Topic:
    """Counts what is sent."""

    def __init__(self) -> None:
        self.sent = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        topic = self

        class Transaction:
            @staticmethod
            def send_all(outputs: Any) -> None:
                topic.sent += len(list(outputs))

        yield Transaction()


def run(feed: Feed, now: datetime, *, lacking: int) -> tuple[list[Days], int]:
    """The questions that a run asks where the topic has all but the last so many periods of the last days,
    and how many messages it sends."""
    last = feed.last_day(now)
    there = points(feed, [last - timedelta(days=n) for n in range(9, -1, -1)])
    ledger = Ledger()
    for point in there[: len(there) - lacking]:
        terms = feed.terms(Resolution.parse(feed.market.resolution_on(last)), "job")
        message: Any = check(RawRow(terms, b"", point.of, point.start, point.amount))
        ledger.note(message)
    asked: list[Days] = []

    def ask(_: Feed, days: Days) -> list[Point]:
        asked.append(days)
        return points(feed, days.each)

    topic: Any = Topic()
    publish_feed(
        *(SETTINGS, ask, None, False, "job", lambda: now, feed, True), *(ledger, topic, Counter[str]())
    )
    return asked, topic.sent


@pytest.mark.parametrize("now", [AT_ONCE, LATER])
def test_a_report_of_a_day_that_is_over_is_final_and_not_asked_for_again(now: datetime) -> None:
    """Decision 0028: AEMO is dear to ask, and what its daily report says stays."""
    assert run(NSW, now, lacking=0) == ([], 0)


@pytest.mark.parametrize("now", [AT_ONCE, LATER])
def test_a_report_that_lacks_one_interval_is_asked_for_at_any_minute(now: datetime) -> None:
    asked, sent = run(NSW, now, lacking=1)
    assert asked
    assert asked[-1].last == NSW.last_day(now)
    assert sent == 1


def test_an_auction_may_be_corrected_and_is_asked_for_once_an_hour() -> None:
    asked, sent = run(DE, AT_ONCE, lacking=0)
    assert (len(asked) > 0, sent) == (True, 0)
    assert run(DE, LATER, lacking=0) == ([], 0)
