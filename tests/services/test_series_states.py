"""What consumers keep of their series in PostgreSQL: a restart from it goes on like who never stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests import prices
from tests.services.clients import MigratedDatabase
from workloads.analytics_consumer import rows
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.records import Output, Record, Transient
from workloads.kit.series_states import Pace, SeriesStates
from workloads.kit.series_store import SeriesStore

GROUP = "g"
HISTORY = 300
OFTEN = Pace(records=1, seconds=3600, share=0)


def topic(count: int, seed: int) -> list[Record[Price]]:
    """One partition: prices in order, corrections of any age, late ones that are known since late or since
    long, older revisions that come later, repeats, prices said anew without a later publication, and two
    sources of one series."""
    choose = random.Random(seed)
    sent: list[Price] = []
    for offset in range(count):
        symbol = choose.choice(["SYN-A", "SYN-A", "SYN-A", "SYN-B"])
        price = prices.price(offset, choose.uniform(10, 90), symbol=symbol, source=choose.choice("sst"))
        old = choose.choice(sent[-500:]) if sent else price
        what = choose.random()
        if what < 0.05:
            price = msgspec.structs.replace(
                price,
                delivery_start=old.delivery_start,
                delivery_end=old.delivery_end,
                symbol=old.symbol,
            )
        elif what < 0.1:
            shift = timedelta(hours=choose.randrange(1, 23))
            start, end = old.delivery_start - shift, old.delivery_end - shift
            price = msgspec.structs.replace(old, delivery_start=start, delivery_end=end, price=price.price)
        elif what < 0.2:
            price = msgspec.structs.replace(old, price=price.price, published_at=price.published_at)
        elif what < 0.25:
            price = msgspec.structs.replace(old, price=price.price)
        elif what < 0.3:
            price = old
        sent.append(price)
    return [prices.record(offset, one) for offset, one in enumerate(sent)]


class Tables:
    """What a consumer's tables hold, by key."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def save(self, effects: Effects) -> None:
        keys = (len(rows.PriceKey._fields), len(rows.Key._fields), len(rows.Key._fields))
        for table, (written, key) in enumerate(
            zip((effects.prices, effects.trends, effects.indicators), keys, strict=True)
        ):
            self.rows |= {(table, *row[:key]): tuple(row) for row in written}


def without_a_stop(records: Sequence[Record[Price]], batches: Sequence[int]) -> tuple[Tables, list[Output]]:
    tables, outputs, at = Tables(), list[Output](), 0
    handler = AnalyticsHandler(tables.save, history=HISTORY)
    for size in batches:
        outputs += handler.process(records[at : at + size])
        handler.committed([1])
        at += size
    return tables, outputs


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_changes_no_row_and_no_message(database: MigratedDatabase, seed: int) -> None:
    choose = random.Random(seed)
    records = topic(1_500, seed)
    batches: list[int] = []
    while sum(batches) < len(records):
        batches.append(min(choose.choice([1, 7, 40]), len(records) - sum(batches)))
    expected, messages = without_a_stop(records, batches)

    tables, sent, committed, read_again, recalled = Tables(), list[Output](), 0, 0, 0
    settings = database.settings("analytics_consumer")
    left = list(batches)
    while left:
        with Database(settings, application_name="test") as connection:
            handler = AnalyticsHandler(tables.save, history=HISTORY)
            states = handler.states(connection, GROUP, Pace(records=60, seconds=3600, share=0))
            start = states.recall({1: committed}).get(1, 0)
            recalled += start > 0
            if start < committed:
                handler.restore(records[start:committed])
                handler.committed([1])
            read_again += committed - start
            for _ in range(choose.randrange(1, 30)):
                if not left:
                    break
                outputs = handler.process(records[committed : committed + left[0]])
                if choose.random() < 0.05:
                    break  # killed: its rows are there, its messages and its offset are not
                sent += outputs
                committed += left.pop(0)
                handler.committed([1])
                if choose.random() < 0.05:
                    break  # killed before the state was kept
                states.keep([1])
    assert tables.rows == expected.rows
    assert sent == messages
    assert recalled > 5
    assert read_again < recalled * 150


def store(count: int = 5) -> SeriesStore:
    made = SeriesStore(margin=4, history=10)
    made.restore([prices.record(n, prices.price(n, float(n + 1), symbol="SYN-A")) for n in range(count)])
    made.settle([1])
    return made


def kept(database: Database, of: SeriesStore, pace: Pace = OFTEN) -> SeriesStates:
    states = SeriesStates(database, GROUP, of, pace)
    states.keep([1])
    return states


def recalled(database: Database, end: int, of: SeriesStore | None = None, group: str = GROUP) -> int | None:
    fresh = SeriesStore(margin=4, history=10) if of is None else of
    return SeriesStates(database, group, fresh, OFTEN).recall({1: end}).get(1)


def test_a_state_of_a_later_offset_is_not_taken_and_goes(database: MigratedDatabase) -> None:
    with Database(database.settings("analytics_consumer"), application_name="test") as connection:
        kept(connection, store())
        fresh = SeriesStore(margin=4, history=10)
        assert recalled(connection, 4, fresh) is None
        assert not fresh.series(1)
        assert recalled(connection, 5) is None


def test_a_state_is_its_own_groups_and_of_its_own_history(database: MigratedDatabase) -> None:
    with Database(database.settings("analytics_consumer"), application_name="test") as connection:
        kept(connection, store())
        assert recalled(connection, 5, group="other") is None
        assert recalled(connection, 7) == 5
        assert recalled(connection, 5, SeriesStore(margin=4, history=11)) is None


@pytest.mark.parametrize(
    "harm",
    ["DELETE FROM consumer_series WHERE symbol = 'SYN-A'", r"UPDATE consumer_series SET sessions = '\x93'"],
)
def test_a_state_with_a_row_missing_or_spoilt_is_not_taken(database: MigratedDatabase, harm: str) -> None:
    with Database(database.settings("analytics_consumer"), application_name="test") as connection:
        kept(connection, store())
        with connection.transaction() as direct:
            direct.execute(harm.encode())
        fresh = SeriesStore(margin=4, history=10)
        assert recalled(connection, 5, fresh) is None
        assert fresh.next_offset(1) == 0
        assert not fresh.series(1)


def test_who_lost_the_partition_does_not_set_its_state_back(database: MigratedDatabase) -> None:
    with Database(database.settings("analytics_consumer"), application_name="test") as connection:
        slow = store()
        states = kept(connection, slow)
        slow.restore([prices.record(5, prices.price(5, 6.0, symbol="SYN-A"))])
        slow.settle([1])
        kept(connection, store(9))
        states.keep([1])
        assert recalled(connection, 9) == 9


def test_a_state_of_a_backup_is_replaced_whole(database: MigratedDatabase) -> None:
    with Database(database.settings("analytics_consumer"), application_name="test") as connection:
        running = store()
        states = kept(connection, running)
        running.restore([prices.record(5, prices.price(5, 6.0, symbol="SYN-B"))])
        running.settle([1])
        with connection.transaction() as direct:  # as of before SYN-A was there
            direct.execute("DELETE FROM consumer_series")
            direct.execute("UPDATE consumer_offsets SET next_offset = 0, series = 0")
        states.keep([1])
        fresh = SeriesStore(margin=4, history=10)
        assert recalled(connection, 6, fresh) == 6
        assert {key.symbol for key in fresh.series(1)} == {"SYN-A", "SYN-B"}


def test_a_database_that_is_away_is_told_and_keeping_goes_on_later(database: MigratedDatabase) -> None:
    settings = database.settings("analytics_consumer")
    away = settings.model_copy(update={"postgres_port": 1})
    with Database(away, application_name="test") as connection:
        with pytest.raises(Transient):
            recalled(connection, 5)
        kept(connection, store())  # raises nothing: the topic still has everything
