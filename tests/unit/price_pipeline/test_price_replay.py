"""The replay's steps: every withheld price once, in order, from wherever the topic stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit.contracts.messages import Price
from workloads.kit.periods import Resolution
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import RawRow, Terms
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.replay import Anchor, ReplaySource

NOW = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
START = NOW.replace(microsecond=0)
EACH = timedelta(seconds=30)

Withheld = list[tuple[str, list[tuple[Price, RawRow]]]]


def withheld(**series: list[date]) -> Withheld:
    found: Withheld = []
    for source, days in series.items():
        terms = Terms(source, "crude", "USD", "bbl", "market", publication_lag=timedelta(days=1))
        rows = [RawRow(terms, b"", f"WTI-{source}", day.isoformat(), "50") for day in days]
        prices = [price for row in rows if isinstance(price := check(row), Price)]
        found.append((source, list(zip(prices, rows, strict=True))))
    return found


def source(
    held: Withheld, now: datetime, anchor: Anchor | None = None, each: timedelta = EACH
) -> ReplaySource:
    return ReplaySource(held, each, anchor, lambda: now)


def published(replay: ReplaySource) -> list[Price]:
    prices = [check(row) for row in replay.rows(None, None)]
    assert all(isinstance(price, Price) for price in prices)
    return [price for price in prices if isinstance(price, Price)]


DAILY = [date(2015, 1, day) for day in (5, 6, 7, 8, 9, 12)]


def test_the_first_step_is_now_and_no_other_is_due() -> None:
    (price,) = published(source(withheld(daily=DAILY), NOW))

    assert price == Price(
        source="daily-replay",
        market="crude",
        symbol="WTI-daily",
        product="spot",
        delivery_start=START,
        delivery_end=START + EACH,
        resolution="P1D",
        published_at=START,
        price=50.0,
        currency="USD",
        unit="bbl",
        provenance="replay",
        replayed_from=datetime(2015, 1, 5, tzinfo=UTC),
    )


def test_of_the_revisions_of_a_price_the_last_is_replayed() -> None:
    terms = Terms("daily", "crude", "USD", "bbl", "market")
    rows = [
        RawRow(terms, b"", "WTI", "2015-01-05", price, published_at=known)
        for price, known in (("51", "2015-01-08T00:00Z"), ("50", "2015-01-07T00:00Z"))
    ]
    held = [(price, row) for row in rows if isinstance(price := check(row), Price)]
    assert [price.price for price in published(source([("daily", held)], NOW))] == [51.0]


def test_a_quote_is_replayed_as_one() -> None:
    terms = Terms("quotes", "crude", "USD", "bbl", "market", resolution=Resolution.parse("PT0S"))
    row = RawRow(terms, b"", "WTI", "2015-01-05 10:00", "50")
    price = check(row)
    assert isinstance(price, Price)
    (replayed,) = published(source([("quotes", [(price, row)])], NOW))
    assert (replayed.delivery_start, replayed.delivery_end) == (START, START)


def test_a_monthly_price_goes_with_the_first_step_from_its_date_on_and_after_the_last_in_sequence() -> None:
    held = withheld(daily=DAILY, monthly=[date(2015, 1, day) for day in (1, 7, 10, 15, 31)])
    anchor = Anchor("daily-replay", "WTI-daily", datetime(2015, 1, 5, tzinfo=UTC), START)

    steps = {
        (price.source, price.replayed_from.date().day): (price.delivery_start - START) // EACH
        for price in published(source(held, START + timedelta(days=1), anchor))
        if price.replayed_from
    }

    assert steps == {
        **{("daily-replay", day): step for step, day in enumerate((5, 6, 7, 8, 9, 12))},
        ("monthly-replay", 1): 0,
        ("monthly-replay", 7): 2,
        ("monthly-replay", 10): 5,
        ("monthly-replay", 15): 6,
        ("monthly-replay", 31): 7,
    }


dates = st.lists(st.dates(date(2015, 1, 1), date(2015, 6, 30)), unique=True, max_size=25)


@given(dates.filter(bool), dates, st.lists(st.tuples(st.integers(1, 900), st.integers(1, 120)), max_size=12))
def test_restarts_at_any_time_with_any_interval_publish_each_price_once_and_in_order(
    daily: list[date], monthly: list[date], restarts: list[tuple[int, int]]
) -> None:
    held = withheld(daily=sorted(daily), monthly=sorted(monthly))
    topic: dict[tuple[str, datetime], Price] = {}
    true_dates: dict[tuple[str, datetime | None], datetime] = {}
    anchor, now = None, NOW

    for later, seconds in [*restarts, (60 * 60 * 24, 1)]:
        for price in published(source(held, now, anchor, timedelta(seconds=seconds))):
            # What the ledger knows is not published: the step that it stands at is looked at again.
            known = topic.setdefault((price.source, price.delivery_start), price)
            assert known == msgspec.structs.replace(price, delivery_end=known.delivery_end)
            assert (
                true_dates.setdefault((price.source, price.replayed_from), price.delivery_start)
                == price.delivery_start
            )
            assert price.delivery_start <= now
            if price.replayed_from:
                anchor = Anchor(price.source, price.symbol, price.replayed_from, price.delivery_start)
        now += timedelta(seconds=later)

    last = source(held, now, anchor, timedelta(seconds=1))
    for price in published(last):
        topic.setdefault((price.source, price.delivery_start), price)
    assert last.finished
    for name, prices in held:
        ours = sorted(
            (p for p in topic.values() if p.source == f"{name}-replay"), key=lambda p: p.delivery_start
        )
        assert [p.replayed_from for p in ours] == sorted(price.delivery_start for price, _ in prices)


def test_it_says_when_the_next_step_is_due_and_when_there_is_none() -> None:
    held = withheld(daily=DAILY[:2])
    anchor = Anchor("daily-replay", "WTI-daily", datetime(2015, 1, 5, tzinfo=UTC), START)

    first = source(held, START + timedelta(seconds=10), anchor)
    assert (first.steps, first.due, first.finished, first.seconds_to_next()) == (2, 1, False, 20.0)

    ended = source(held, START + timedelta(seconds=30), anchor)
    assert (ended.due, ended.finished) == (2, True)
    assert len(published(ended)) == 2


def test_a_clock_that_went_back_publishes_nothing_anew() -> None:
    anchor = Anchor("daily-replay", "WTI-daily", datetime(2015, 1, 7, tzinfo=UTC), START)

    assert published(source(withheld(daily=DAILY), START - timedelta(hours=1), anchor)) == []


def test_a_topic_that_holds_another_replay_is_named() -> None:
    anchor = Anchor("daily-replay", "WTI-daily", datetime(2014, 1, 7, tzinfo=UTC), START)

    with pytest.raises(SourceError, match=r"daily-replay WTI-daily of 2014-01-07.*restore the file"):
        source(withheld(daily=DAILY), NOW, anchor)


def test_nothing_withheld_is_said() -> None:
    with pytest.raises(SourceError, match="nothing is withheld"):
        source(withheld(daily=[]), NOW)
