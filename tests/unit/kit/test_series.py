"""Series against what a plain reading of the topic says: as of each offset, and as of each available time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import prices
from tests.prices import START
from workloads.kit import packed
from workloads.kit.as_of import features_as_of_available
from workloads.kit.contracts.messages import Price
from workloads.kit.features import FeatureSpec, features
from workloads.kit.records import Record
from workloads.kit.revisions import instants, micros
from workloads.kit.series_store import SeriesStore

SIZE = 4


def record(offset: int, day: int, value: float, **given: Any) -> Record[Price]:
    """`prices.price` as the topic's record."""
    return prices.record(offset, prices.price(day, value, **given))


@st.composite
def topics(draw: st.DrawFn) -> list[Record[Price]]:
    """Mostly in order, with late prices, corrections, withdrawals, older revisions that come later, and
    repeats."""
    records: list[Record[Price]] = []
    newest = {"WTI": 0, "SYN-A": 0}
    for offset in range(draw(st.integers(1, 40))):
        symbol = draw(st.sampled_from(["WTI", "WTI", "SYN-A"]))
        if draw(st.booleans()):
            newest[symbol] += draw(st.integers(1, 3))
            day = newest[symbol]
        else:
            day = draw(st.integers(0, newest[symbol]))
        known = draw(st.sampled_from([None, None, 100, 200, day + offset]))
        price = draw(st.sampled_from([1.0, 2.0, 3.0, float(offset)]))
        source = draw(st.sampled_from(["s", "s", "t"]))
        withdrawn = None if known is None else draw(st.sampled_from(prices.TAKEN_BACK))
        told = record(offset, day, price, known=known, symbol=symbol, source=source, withdrawn=withdrawn)
        records.append(told)
    return records


Known = dict[datetime, Record[Price]]


def read(records: Sequence[Record[Price]], symbol: str, offset: int) -> Known:
    """The record that holds for each event time of a symbol as of an offset."""
    held: Known = {}
    for candidate in records:
        price = candidate.value
        if price.symbol != symbol or candidate.offset > offset:
            continue
        holder = held.get(price.delivery_start)
        if holder is None or price.published_at >= holder.value.published_at:
            held[price.delivery_start] = candidate
    return held


def content(known: Known) -> list[tuple[datetime, datetime, float, str]]:
    """Of the sessions that have a price."""
    return [
        (event, r.value.published_at, r.value.price, r.value.source)
        for event, r in sorted(known.items())
        if r.value.withdrawn is None
    ]


def window_of(records: Sequence[Record[Price]], target: Record[Price]) -> list[float] | None:
    """Prices of the window that ends with a record's session; None where the record changed nothing."""
    symbol, event = target.value.symbol, target.value.delivery_start
    after = content(read(records, symbol, target.offset))
    if after == content(read(records, symbol, target.offset - 1)):
        return None
    if read(records, symbol, target.offset)[event] is not target or target.value.withdrawn:
        return None
    return [price for at, _, price, _ in after if at <= event][-SIZE:]


def windows_from(store: SeriesStore, batch: Sequence[Record[Price]]) -> dict[int, list[float]]:
    return {
        records[change.row + k].offset: series.prices(
            change.start + k + 1 - SIZE, change.start + k + 1
        ).tolist()
        for series, records, change in store.apply(batch)
        for k in range(change.stop - change.start)
    }


@settings(max_examples=300, deadline=None)
@given(topic=topics(), data=st.data())
def test_windows_are_as_of_each_offset_however_batches_fall_and_repeat(
    topic: list[Record[Price]], data: st.DataObject
) -> None:
    store = SeriesStore(margin=SIZE)
    windows: dict[int, list[float]] = {}
    position = 0
    while position < len(topic):
        batch = topic[position : position + data.draw(st.integers(1, 12), label="batch")]
        got: dict[int, list[float]] = {}
        # A batch is tried until it is committed, whole or in two parts, and a try may end after the first.
        for half in data.draw(st.lists(st.integers(0, len(batch)), max_size=3), label="tries"):
            got = windows_from(store, batch[:half])
            if data.draw(st.booleans(), label="goes on"):
                got |= windows_from(store, batch[half:])
        if len(got) < len(batch):
            got = windows_from(store, batch)
        store.settle([0, 1])
        windows |= got
        position += len(batch)
    expected = {r.offset: window for r in topic if (window := window_of(topic, r)) is not None}
    assert windows == expected


@settings(max_examples=50, deadline=None)
@given(topic=topics(), cut=st.integers(0, 40))
def test_restored_state_goes_on_like_state_that_never_stopped(topic: list[Record[Price]], cut: int) -> None:
    steady, restored = SeriesStore(margin=SIZE), SeriesStore(margin=SIZE)
    for one in topic[:cut]:
        steady.restore([one])
    restored.restore(topic[:cut])
    assert windows_from(restored, topic[cut:]) == windows_from(steady, topic[cut:])


def test_what_waits_for_its_next_try_does_the_same_after_another_partition_was_restored() -> None:
    store = SeriesStore(margin=SIZE)
    waiting = [record(0, 1, 5.0), record(1, 2, 6.0)]
    first = windows_from(store, waiting)
    store.restore([record(0, 1, 7.0, symbol="SYN-A")])
    store.settle([1])
    assert windows_from(store, waiting) == first == {0: [5.0], 1: [5.0, 6.0]}


def test_forgotten_partitions_start_anew_and_the_others_stay() -> None:
    store = SeriesStore(margin=SIZE)
    store.restore([record(0, 1, 5.0), record(0, 1, 7.0, symbol="SYN-A")])
    store.forget([0])
    windows = windows_from(store, [record(1, 2, 6.0), record(1, 2, 8.0, symbol="SYN-A")])
    assert [windows_from(store, [record(2, 3, 1.0)]), windows] == [{2: [6.0, 1.0]}, {1: [7.0, 8.0]}]


def test_memory_stays_bounded_and_a_price_older_than_the_history_changes_nothing() -> None:
    store = SeriesStore(margin=SIZE, history=20)
    for offset in range(400):
        [(series, _, _)] = store.apply([record(offset, offset, float(offset))])
        store.settle([0, 1])
        assert len(series.sessions) <= 40
    [(series, _, change)] = store.apply([record(400, 379, -1.0, known=500)])
    assert change.start == change.stop
    assert -1.0 not in series.prices(0, 400)
    [(series, _, change)] = store.apply([record(401, 380, -2.0, known=500)])
    assert series.prices(change.start - SIZE + 1, change.stop).tolist() == [377.0, 378.0, 379.0, -2.0]


def test_sessions_that_were_withdrawn_take_no_place_among_those_that_are_remembered() -> None:
    store = SeriesStore(margin=SIZE, history=20)
    topic = [record(day, day, float(day)) for day in range(46)]
    topic += [record(16 + day, day, 1.0, known=100, withdrawn="source") for day in range(30, 41)]
    topic += [record(11 + day, day, float(day)) for day in range(46, 61)]
    for one in topic:
        store.restore([one])
        store.settle([0, 1])
    # The oldest that may be corrected: its window reaches over the eleven.
    [(series, _, change)] = store.apply([record(72, 41, -2.0, known=200)])
    assert series.prices(change.start - SIZE + 1, change.stop).tolist() == [27.0, 28.0, 29.0, -2.0]
    [(_, _, change)] = store.apply([record(73, 29, -1.0, known=200)])
    assert change.is_nothing


def test_a_state_that_was_kept_knows_what_was_withdrawn() -> None:
    store, taken = SeriesStore(margin=SIZE), SeriesStore(margin=SIZE)
    topic = [record(day, day, float(day)) for day in range(8)]
    store.restore([*topic, record(8, 5, 5.0, known=100, withdrawn="source")])
    store.settle([0])
    for key in store.series(0):
        taken.give(0, key, *packed.unpack(packed.pack(store.sessions(0, key), store.origins)))
    taken.resume(0, store.next_offset(0))
    after = [record(9, 8, 8.0), record(10, 5, -1.0, known=50), record(11, 5, 7.0, known=120)]
    expected = {9: [4.0, 6.0, 7.0, 8.0], 11: [2.0, 3.0, 4.0, 7.0]}
    assert windows_from(taken, after) == windows_from(store, after) == expected


def test_corrections_of_one_session_do_not_grow_memory() -> None:
    store = SeriesStore(margin=SIZE)
    store.restore([record(0, 1, 1.0)])
    for offset in range(1, 200):
        store.restore([record(offset, 1, float(offset), known=offset + 10)])
        store.settle([0, 1])
    [(series, _, _)] = store.apply([record(200, 2, 9.0)])
    assert series.prices(0, 2).tolist() == [199.0, 9.0]
    assert len(series.sessions) == 2
    assert series.steps == 1


SPEC = FeatureSpec(2, 5, (6,))


@settings(max_examples=200, deadline=None)
@given(
    revisions=st.lists(
        st.tuples(st.integers(0, 25), st.integers(0, 6), st.floats(1, 100) | st.just(np.nan)),
        min_size=1,
        max_size=60,
    ),
    day_by_day=st.booleans(),
)
def test_training_rows_are_as_of_available_time(
    revisions: list[tuple[int, int, float]], day_by_day: bool
) -> None:
    distinct = {(event, event + delay): price for event, delay, price in revisions}
    if day_by_day:
        distinct |= {(event, event): 10.0 + event for event in range(26)}
    event, available = (np.array(column, dtype=np.int64) for column in zip(*distinct, strict=True))
    price = np.array(list(distinct.values()))
    found = features_as_of_available(event, available, price, SPEC)
    # A withdrawal is no session's first price.
    assert found.event.tolist() == sorted({e for (e, _), p in distinct.items() if not np.isnan(p)})
    for session, known, first_price, row in zip(*found, strict=True):
        assert known == min(a for (e, a), p in distinct.items() if e == session and not np.isnan(p))
        assert first_price == distinct[session, known]
        then: dict[int, float] = {
            e: p for (e, a), p in sorted(distinct.items()) if e <= session and a <= known
        }
        held = [then[e] for e in sorted(then) if not np.isnan(then[e])]
        expected = features(np.array(held), SPEC)[-1]
        assert np.array_equal(row, expected, equal_nan=True)


def test_a_correction_known_later_is_not_seen_by_earlier_rows() -> None:
    day = np.arange(20, dtype=np.int64)
    price = 50 + np.sin(day.astype(np.float64))
    plain = features_as_of_available(day, day + 1, price, SPEC)
    event, known, values = np.append(day, 10), np.append(day + 1, 14), np.append(price, 99.0)
    corrected = features_as_of_available(event, known, values, SPEC)
    seen = np.flatnonzero((plain.rows != corrected.rows).any(axis=1) & (day >= SPEC.size - 1))
    assert seen.tolist() == [13, 14, 15]


def test_no_rows_of_no_prices() -> None:
    empty = np.empty(0, dtype=np.int64)
    assert features_as_of_available(empty, empty, np.empty(0), SPEC).rows.shape == (0, len(SPEC.names))


@pytest.mark.parametrize(
    "instant", [START, START.replace(microsecond=123457), datetime(1950, 1, 1, tzinfo=UTC)]
)
def test_times_survive_the_way_there_and_back(instant: datetime) -> None:
    assert instants(np.array([micros(instant)])) == [instant]
    assert list(itertools.pairwise([micros(instant), micros(instant + timedelta(microseconds=1))])) == [
        (micros(instant), micros(instant) + 1)
    ]


@pytest.mark.parametrize(
    "changed",
    [{"currency": "EUR"}, {"unit": "t"}, {"resolution": "PT24H"}],
    ids=["currency", "unit", "resolution"],
)
def test_prices_that_may_not_be_compared_share_no_window(changed: dict[str, str]) -> None:
    store = SeriesStore(margin=SIZE)
    ours = [record(offset, offset, 10.0) for offset in range(0, 10, 2)]
    others = [
        msgspec.structs.replace(one, value=msgspec.structs.replace(one.value, price=1_000.0, **changed))
        for one in (record(offset, offset, 10.0) for offset in range(1, 10, 2))
    ]
    seen = windows_from(store, sorted([*ours, *others], key=lambda one: one.offset))
    assert {offset: set(window) for offset, window in seen.items()} == {
        offset: {10.0 if offset % 2 == 0 else 1_000.0} for offset in range(10)
    }
