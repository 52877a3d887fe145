"""The tables and messages that a topic leads to, however it is cut into batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prices import START, TAKEN_BACK, history, price, record
from workloads.analytics_consumer import rows
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects
from workloads.kit.contracts.messages import Analytics, Price
from workloads.kit.records import Output, Record, Transient

Row = dict[str, Any]


class Tables:
    """The three tables, filled as upserts by key would."""

    def __init__(self) -> None:
        self.prices: dict[rows.PriceKey, Row] = {}
        self.trends: dict[rows.Key, Row] = {}
        self.indicators: dict[rows.Key, Row] = {}
        self.away = False

    def save(self, effects: Effects) -> None:
        if self.away:
            raise Transient("away")
        for values in effects.prices:
            row = dict(zip(rows.PRICE_COLUMNS, values, strict=True))
            self.prices[rows.PriceKey(*(row[name] for name in rows.PriceKey._fields))] = row
        for table, columns, written in (
            (self.trends, rows.TREND_COLUMNS, effects.trends),
            (self.indicators, rows.INDICATOR_COLUMNS, effects.indicators),
        ):
            for values in written:
                row = dict(zip(columns, values, strict=True))
                table[rows.Key(*(row[name] for name in rows.Key._fields))] = row

    def all(self) -> list[dict[Any, Row]]:
        return [self.prices, self.trends, self.indicators]


def run(batches: Sequence[Sequence[Record[Price]]]) -> tuple[Tables, list[Output]]:
    tables = Tables()
    handler = AnalyticsHandler(tables.save)
    return tables, [output for batch in batches for output in handler.process(batch)]


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def known(table: Mapping[rows.Key, Row] | Mapping[rows.PriceKey, Row], day: int) -> dict[int, Row]:
    """Rows of a day by the day on which they became known."""
    return {(key[4] - START).days: row for key, row in table.items() if key[2] == at(day)}


def test_history_in_order_gives_one_row_a_price_in_each_table_and_one_message() -> None:
    topic = history(300)
    tables, outputs = run([topic])
    keys = [rows.Key("s", "WTI", at(day), "P1D", at(day + 1)) for day in range(300)]
    assert [list(table) for table in tables.all()] == [keys, keys, keys]
    messages = [msgspec.json.decode(output.value or b"", type=Analytics) for output in outputs]
    assert [m.event_time for m in messages] == [at(day) for day in range(300)]
    assert {(o.topic, o.key) for o in outputs} == {("commodity-analytics", "WTI")}
    last = tables.trends[keys[-1]]
    assert msgspec.structs.asdict(messages[-1]) == last
    assert last["mean_7"] == pytest.approx(sum(r.value.price for r in topic[-7:]) / 7)
    assert [tables.trends[keys[day]]["volatility_30"] is None for day in (29, 30)] == [True, False]
    assert [tables.indicators[keys[day]]["drawdown_250"] is None for day in (248, 249)] == [True, False]
    assert [tables.trends[keys[day]]["sessions"] for day in (0, 30, 299)] == [1, 31, 31]


def test_a_figure_beyond_what_a_number_holds_is_none() -> None:
    """A price of almost nothing among others: the change from it is infinite, which JSON cannot say."""
    topic = history(40)
    topic[20] = record(20, price(20, 1e-310))
    tables, outputs = run([topic])
    momenta = [row["momentum_10"] for row in tables.indicators.values()]
    assert momenta.count(None) == 11
    assert all(math.isfinite(one) for one in momenta if one is not None)
    assert all(msgspec.json.decode(one.value or b"", type=Analytics) for one in outputs)


def test_a_correction_gives_new_rows_to_the_sessions_it_touches_and_leaves_the_old_ones() -> None:
    before, _ = run([history(400)])
    tables, outputs = run([history(400), [record(400, price(100, 55.0, known=500))]])
    touched = {day for day in range(400) if 500 in known(tables.trends, day)}
    assert touched == set(range(100, 131))
    assert {day for day in range(400) if 500 in known(tables.indicators, day)} >= set(range(100, 130))
    assert len(outputs) == 400 + len(touched)
    assert all(table.items() >= old.items() for table, old in zip(tables.all(), before.all(), strict=True))
    new = known(tables.trends, 103)[500]
    expected = [r.value.price for r in history(400)[97:104]]
    expected[3] = 55.0
    assert new["mean_7"] == pytest.approx(sum(expected) / 7)
    assert known(tables.prices, 100)[500]["correction"] is True


def test_a_correction_gives_no_row_to_a_session_whose_indicators_it_does_not_move() -> None:
    prices = [50.0] * 10 + [90.0] + [40.0 + day % 7 for day in range(11, 400)]
    topic = [record(day, price(day, value)) for day, value in enumerate(prices)]
    for day, value, moved in (
        (100, 60.0, {*range(100, 130), *range(260, 350)}),  # the highest, once day 10 is out of the window
        (300, 95.0, set(range(300, 400))),  # the highest from then on
        (300, 39.0, set(range(300, 330))),  # not the highest before, nor after
        (10, 55.0, {*range(10, 40), *range(249, 260)}),  # no longer so high
    ):
        tables, _ = run([topic, [record(400, price(day, value, known=500))]])
        assert {one for one in range(400) if 500 in known(tables.indicators, one)} == moved, (day, value)


def test_a_restated_month_gives_each_session_that_it_touches_one_row() -> None:
    restated = [record(400 + day, price(100 + day, 30.0 + day, known=500)) for day in range(30)]
    saved: list[Effects] = []
    handler = AnalyticsHandler(saved.append)
    handler.process(history(400))
    outputs = handler.process(restated)
    assert len(outputs) == len(saved[1].trends) == 30 + 30
    assert len(saved[1].indicators) == len({row[2] for row in saved[1].indicators}) <= 30 + 249


def test_the_newest_row_of_a_session_holds_also_where_a_late_price_is_dated_long_ago() -> None:
    """It pushes a session out of the window that became known after it."""
    flat = [record(day, price(day, 50.0)) for day in range(300) if day != 100]
    corrected, late = record(299, price(5, 500.0, known=310)), record(300, price(100, 50.0, known=101))
    tables, _ = run([flat, [corrected], [late]])
    assert known(tables.indicators, 254)[max(known(tables.indicators, 254))]["drawdown_250"] == -0.9
    newest = known(tables.indicators, 255)
    assert newest[max(newest)]["drawdown_250"] == 0.0
    # Known when the correction was: until then, the window was said to hold the session that it pushed out.
    assert max(newest) == 310


def test_sessions_between_two_that_changed_get_no_row() -> None:
    topic = [r for r in history(400) if r.offset not in (20, 260)]
    late = [record(500 + day, price(day, 60.0, known=450)) for day in (20, 260)]
    one, messages = run([topic, late[:1], late[1:]])
    both, together = run([topic, late])
    assert both.all() == one.all()
    assert len(together) == len(messages)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_windows_of_a_year_follow_from_the_topic_alone(data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.integers(1, 298), max_size=6))
    topic = [r for r in history(300) if r.offset not in missing]
    for offset in range(300, 300 + data.draw(st.integers(2, 12))):
        day = data.draw(st.one_of(st.sampled_from(sorted(missing or {7})), st.integers(0, 299)))
        instant = data.draw(st.sampled_from([320, 321, day + 1]))
        value = data.draw(st.sampled_from([20.0, 50.0, 90.0, -5.0]))
        topic.append(record(offset, price(day, value, known=instant)))
    old = len([r for r in topic if r.offset < 300])
    one, _ = run([topic[:old], *([r] for r in topic[old:])])
    all_, _ = run([topic[:old], topic[old:]])
    assert all_.all() == one.all()


def test_a_price_that_comes_late_moves_the_windows_after_it() -> None:
    topic = [r for r in history(60) if r.offset != 40]
    tables, _ = run([topic, [record(60, price(40, 70.0, known=90))]])
    assert sorted(known(tables.trends, 45)) == [46, 90]
    prices = [r.value.price for r in history(60)]
    assert known(tables.trends, 45)[46]["mean_7"] == pytest.approx(sum([*prices[38:40], *prices[41:46]]) / 7)
    assert known(tables.trends, 45)[90]["mean_7"] == pytest.approx(
        sum([prices[39], 70.0, *prices[41:46]]) / 7
    )


def test_windows_reach_over_a_session_that_was_withdrawn() -> None:
    prices = [r.value.price for r in history(400)]
    taken = msgspec.structs.replace(price(100, prices[100], known=500, withdrawn="source"), stated_at=at(300))
    withdrawal = record(400, taken)
    tables, outputs = run([history(400), [withdrawal]])
    row = known(tables.prices, 100)[500]
    assert (row["withdrawn"], row["price"], row["stated_at"]) == ("source", prices[100], at(300))
    # Those whose window it was in, as of then; what was known before stays, also of itself.
    touched = {day for day in range(400) if 500 in known(tables.trends, day)}
    assert touched == set(range(101, 131))
    assert {day for day in range(400) if 500 in known(tables.indicators, day)} >= set(range(101, 130))
    assert len(outputs) == 400 + len(touched)
    new = known(tables.trends, 103)
    assert new[500]["mean_7"] == pytest.approx(sum([*prices[96:100], *prices[101:104]]) / 7)
    assert new[104]["mean_7"] == pytest.approx(sum(prices[97:104]) / 7)
    # It is published again: as if it had come late.
    again, _ = run([history(400), [withdrawal], [record(401, price(100, 70.0, known=600))]])
    assert {day for day in range(400) if 600 in known(again.trends, day)} == set(range(100, 131))
    assert known(again.trends, 103)[600]["mean_7"] == pytest.approx(
        sum([*prices[97:100], 70.0, *prices[101:104]]) / 7
    )


def test_what_follows_a_withdrawn_session_is_not_known_before_the_withdrawal() -> None:
    """The next price, though published earlier, is over a window that only the withdrawal made."""
    withdrawal = record(50, price(49, 60.0, known=80, withdrawn="platform"))
    tables, _ = run([[*history(50), withdrawal, record(51, price(50, 61.0))]])
    assert list(known(tables.trends, 50)) == [80]
    # Nobody had a price of that day before; it moves nothing.
    tables, outputs = run([[*history(50)], [record(50, price(50, 60.0, known=80, withdrawn="source"))]])
    assert (len(tables.trends), len(outputs)) == (50, 50)


@pytest.mark.parametrize("known", [80, 90])
def test_a_withdrawal_of_what_is_none_moves_nothing(known: int) -> None:
    topic = [r for r in history(50) if r.offset != 40]
    first = record(50, price(40, 60.0, known=80, withdrawn="source"))
    again = record(51, price(40, 60.0, known=known, withdrawn="platform"))
    tables, outputs = run([topic, [first], [again]])
    assert (len(tables.trends), len(outputs)) == (49, 49)
    # Taken back again, and by another: the windows after it are as they were.
    topic = history(50)
    once, _ = run([topic, [first]])
    twice, _ = run([topic, [first], [again]])
    assert (twice.trends, twice.indicators) == (once.trends, once.indicators)


@settings(max_examples=30, deadline=None)
@given(withdrawn=st.sets(st.integers(0, 69), max_size=8), late=st.sets(st.integers(0, 69), max_size=4))
def test_the_newest_rows_are_those_of_the_prices_that_hold(withdrawn: set[int], late: set[int]) -> None:
    topic = [r for r in history(70) if r.offset not in late]
    topic += [record(100 + day, price(day, 50.0 + day, known=200 + day)) for day in sorted(late)]
    topic += [
        record(200 + day, price(day, 1.0, known=300 + day, withdrawn="source")) for day in sorted(withdrawn)
    ]
    tables, _ = run([[one] for one in topic])
    held = [
        r
        for r in sorted(topic, key=lambda r: (r.value.delivery_start, r.offset))
        if r.value.withdrawn is None
    ]
    held = [r for r in held if (r.value.delivery_start - START).days not in withdrawn]
    plain = [r.value.price for r in held]
    for place, one in enumerate(held):
        of_day = known(tables.trends, (one.value.delivery_start - START).days)
        newest = of_day[max(of_day)]
        assert newest["last"] == plain[place]
        assert newest["sessions"] == min(place + 1, 31)
        window = plain[max(place - 6, 0) : place + 1]
        if place >= 6:
            assert newest["mean_7"] == pytest.approx(sum(window) / 7)


def test_a_row_after_a_correction_is_not_older_than_it() -> None:
    topic = [*history(50), record(50, price(49, 60.0, known=80)), record(51, price(50, 61.0))]
    tables, _ = run([topic])
    assert list(known(tables.trends, 50)) == [80]
    assert list(known(tables.prices, 50)) == [51]


@st.composite
def topics(draw: st.DrawFn) -> list[Record[Price]]:
    records = [*history(draw(st.integers(0, 45))), *history(5, symbol="SYN-A", seed=2)]
    newest = 45
    for offset in range(len(records), len(records) + draw(st.integers(1, 25))):
        newest += 1
        day = draw(st.sampled_from([newest, newest - 1, newest - 5, newest - 40]))
        later = draw(st.sampled_from([None, None, 200, 300]))
        value = draw(st.sampled_from([40.0, 50.0, 60.0, -5.0]))
        symbol = draw(st.sampled_from(["WTI", "WTI", "SYN-A"]))
        gone = None if later is None else draw(st.sampled_from(TAKEN_BACK))
        records.append(record(offset, price(day, value, known=later, symbol=symbol, withdrawn=gone)))
    return records


@settings(max_examples=60, deadline=None)
@given(topic=topics(), data=st.data())
def test_the_tables_follow_from_the_topic_alone(topic: list[Record[Price]], data: st.DataObject) -> None:
    expected, _ = run([[one] for one in topic])
    tables = Tables()
    handler = AnalyticsHandler(tables.save)
    position = 0
    while position < len(topic):
        batch = topic[position : position + data.draw(st.integers(1, 30))]
        fault = data.draw(st.sampled_from(["none", "away", "again", "restart"]))
        if fault == "away":
            tables.away = True
            with pytest.raises(Transient):
                handler.process(batch)
            tables.away = False
        elif fault == "again":
            handler.process(batch[: len(batch) // 2 + 1])
        elif fault == "restart":
            # Killed after the tables were written, before the offsets were.
            handler.process(batch)
            handler = AnalyticsHandler(tables.save)
            handler.restore(topic[:position])
        handler.process(batch)
        position += len(batch)
    assert tables.all() == expected.all()


def test_a_repeated_message_adds_nothing() -> None:
    topic = history(40)
    tables, outputs = run([topic, [record(40 + r.offset, r.value) for r in topic[10:]]])
    assert [len(table) for table in tables.all()] == [40, 40, 40]
    assert len(outputs) == 40


def test_another_consumers_partition_is_forgotten() -> None:
    tables = Tables()
    handler = AnalyticsHandler(tables.save)
    handler.restore(history(40))
    handler.forget([0])
    handler.process([record(40, price(40, 50.0))])
    assert [row["sessions"] for row in tables.trends.values()] == [1]
