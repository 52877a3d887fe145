"""The alerts that a topic leads to, however it is cut into batches, and what the clock adds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from tests import faults
from tests.indicators import indicator
from tests.indicators import record as of_indicator
from workloads.data_quality.clock import Clock, stale
from workloads.data_quality.handler import QualityHandler
from workloads.data_quality.markets import MARKETS, facts_of
from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.series import SeriesWatch
from workloads.kit.batch import Batch
from workloads.kit.codec import encode
from workloads.kit.contracts import markets, metrics, topics
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.quality import QualityAlert
from workloads.kit.contracts.zones import WEATHER_POINTS
from workloads.kit.dead_letters import Guard
from workloads.kit.records import Record, Transient
from workloads.kit.settings import KafkaConsumerSettings

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def price(hour: int, value: float, *, symbol: str = "DE-LU", **changes: Any) -> Price:
    start = FIRST + hour * HOUR
    told: dict[str, Any] = {
        "source": "test",
        "market": "power",
        "symbol": symbol,
        "product": "day-ahead",
        "delivery_start": start,
        "delivery_end": start + HOUR,
        "resolution": "PT1H",
        "published_at": FIRST + timedelta(days=hour // 24 - 1, hours=12),
        "price": value,
        "currency": "EUR",
        "unit": "MWh",
        "provenance": "market",
    }
    return Price(**(told | changes))


def records(prices: Sequence[Price], arrived: timedelta = timedelta(minutes=1)) -> list[Record[Any]]:
    return [
        Record(
            topics.COMMODITY_PRICES,
            0,
            offset,
            one.symbol.encode(),
            one,
            encode(one),
            int((one.published_at + arrived).timestamp() * 1000),
        )
        for offset, one in enumerate(prices)
    ]


def delay(written: Sequence[Record[Any]], by: timedelta) -> None:
    for record in written:
        record.timestamp_ms += by // timedelta(milliseconds=1)


def topic() -> list[Record[Any]]:
    """Two markets of sixty days, mixed hour by hour, with faults of several kinds."""
    prices: list[Price] = []
    values = {
        name: [v for row in faults.made(60, at) for v in row] for at, name in enumerate(("DE-LU", "XX"))
    }
    for hour in range(24 * 60):
        for name, series in values.items():
            value = series[hour]
            if hour == 24 * 40 + 5:
                value += 300
            if 24 * 45 <= hour < 24 * 46:
                value *= 100
            if hour == 24 * 50:
                continue
            prices.append(price(hour, value, symbol=name))
            if hour == 24 * 52:
                prices.append(price(hour, value, symbol=name))
    return records(prices)


class Saved:
    """The table, as inserts by id fill it."""

    def __init__(self) -> None:
        self.rows: dict[str, QualityAlert] = {}
        self.away = False

    def save(self, alerts: Sequence[QualityAlert]) -> None:
        if self.away:
            raise Transient("away")
        for one in alerts:
            self.rows.setdefault(one.id, one)


NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONSUMER = KafkaConsumerSettings(kafka_bootstrap="nowhere:1", kafka_group="g")
TOPIC = topic()


def handler(saved: Saved) -> QualityHandler:
    return QualityHandler(topics.COMMODITY_PRICES, saved.save, now=lambda: NOW)


def whole() -> dict[str, QualityAlert]:
    saved = Saved()
    handler(saved).process(TOPIC)
    return saved.rows


WHOLE = whole()


def test_each_fault_has_its_alert_of_its_market_and_each_alert_its_message() -> None:
    saved = Saved()
    told = handler(saved).process(TOPIC)
    outputs = [one for one in told if one.topic == topics.QUALITY_ALERTS]
    sent = [msgspec.json.decode(one.value or b"", type=QualityAlert) for one in outputs]
    assert {one.id: one for one in sent} == saved.rows
    assert {one.key for one in outputs} == {"test"}
    for symbol in ("DE-LU", "XX"):
        rules = {one.rule for one in sent if one.series == symbol}
        assert {"spike", "unit", "gap", "duplicate"} <= rules
    impossible = [one for one in sent if one.rule == "range"]
    assert {(one.series, one.severity) for one in impossible} == {("DE-LU", "critical")}


def test_what_is_impossible_is_a_dead_letter_as_it_came_and_what_is_strange_is_none() -> None:
    told = handler(saved := Saved()).process(TOPIC)
    letters = [one for one in told if one.topic != topics.QUALITY_ALERTS]
    impossible = [one for one in saved.rows.values() if one.rule == "range"]
    assert {one.topic for one in letters} == {topics.dead_letter(topics.COMMODITY_PRICES)}
    assert len(letters) == len(impossible) > 0
    (one, *_), (alert, *_) = letters, impossible
    assert one.value in {record.raw for record in TOPIC}
    said = {name: content.decode() for name, content in one.headers}
    assert (said["topic"], said["error"]) == (topics.COMMODITY_PRICES, "Impossible")
    assert f"cannot be: expected {alert.expected}" in said["reason"]
    assert any(alert.id in dict(letter.headers)["reason"].decode() for letter in letters)


def test_a_withdrawal_is_no_value_and_its_price_again_no_duplicate() -> None:
    values = [price(hour, 40.0 + hour) for hour in range(3)]
    wrong = price(3, 9_999.0)
    taken = {"correction": True, "withdrawn": "source", "published_at": wrong.published_at + HOUR}
    again = {"correction": True, "published_at": wrong.published_at + 2 * HOUR}
    told = [
        *values,
        wrong,
        msgspec.structs.replace(wrong, **taken),
        msgspec.structs.replace(values[2], **again),
    ]
    outputs = handler(saved := Saved()).process(records(told))
    assert [one.rule for one in saved.rows.values()] == ["range"]
    assert len([one for one in outputs if one.topic != topics.QUALITY_ALERTS]) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_batches_retries_halves_and_restarts_change_no_alert(seed: int) -> None:
    choose = random.Random(seed)
    saved = Saved()
    one, at = handler(saved), 0
    while at < len(TOPIC):
        size = choose.choice((1, 7, 100, 1000))
        batch = TOPIC[at : at + size]
        if choose.random() < 0.3:  # the database is away, and the same batch, or its halves, come again
            saved.away = True
            with suppress(Transient):
                one.process(batch)
            saved.away = False
        half = choose.randrange(len(batch) + 1)
        for part in (batch[:half], batch[half:]):
            if part:
                one.process(part)
        if choose.random() < 0.3:  # the whole of it again: its transaction was lost
            one.process(batch)
        one.committed([0, 1])
        at += size
        if choose.random() < 0.1:
            one = handler(saved)
            one.restore(TOPIC[:at])
            one.committed([0, 1])
    assert saved.rows == WHOLE


def test_what_the_rules_fail_at_is_set_aside_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    take = SeriesWatch.take

    def failing(itself: SeriesWatch, point: Point) -> list[Finding]:
        if point.value in (-1.0, -2.0):
            raise ArithmeticError
        return take(itself, point)

    monkeypatch.setattr(SeriesWatch, "take", failing)
    batch: Batch[Any] = Batch(handler(saved := Saved()), Guard(CONSUMER), lambda: None)
    for one in records([price(hour, value) for hour, value in enumerate([-1.0, 40.0, 9_999.0, -2.0, 41.0])]):
        batch.add(one)
    batch.process()
    assert sorted(letter.offset for letter in batch.dead) == [0, 3]
    assert [one.rule for one in saved.rows.values() if one.rule == "range"] == ["range"]


def counted(**labels: str) -> float:
    return REGISTRY.get_sample_value(metrics.QUALITY_ALERTS, labels) or 0.0


def test_what_is_loaded_long_after_it_was_published_is_kept_and_wakes_nobody() -> None:
    labels = {"rule": "range", "severity": "critical", "source": "counted"}
    old, new = Saved(), Saved()
    wrong = price(0, 9_999.0, source="counted")
    past = handler(old)
    past.process(records([wrong]))
    past.committed([0, 1])
    assert len(old.rows) == 1
    assert counted(**labels) == 0
    now = wrong.published_at + timedelta(minutes=2)
    live = QualityHandler(topics.COMMODITY_PRICES, new.save, now=lambda: now)
    live.process(records([wrong]))
    live.process(records([wrong]))
    live.committed([0, 1])
    assert counted(**labels) == 1


def dead_letters(group: str) -> float:
    labels = {"group": group, "topic": topics.COMMODITY_PRICES, "error": "Impossible"}
    found = REGISTRY.get_sample_value(metrics.CONSUMER_DEAD_LETTERS, labels)
    assert found is not None, "a counter that comes up above 0 never rose"
    return found


def test_a_source_whose_every_row_is_impossible_is_counted_as_dead_letters_once_history_too() -> None:
    saved = Saved()
    watched = QualityHandler(topics.COMMODITY_PRICES, saved.save, now=lambda: NOW, group="all-impossible")
    assert dead_letters("all-impossible") == 0
    written = records([price(hour, 9_999.0 + hour, source="broken") for hour in range(48)])
    watched.restore(written[:8])
    saved.away = True
    with pytest.raises(Transient):
        watched.process(written[8:])
    assert dead_letters("all-impossible") == 0
    saved.away = False
    letters = [one for one in watched.process(written[8:]) if one.topic != topics.QUALITY_ALERTS]
    watched.committed([0])
    assert len(letters) == dead_letters("all-impossible") == 40
    assert {dict(one.headers)["group"] for one in letters} == {b"all-impossible"}
    watched.committed([0])
    assert dead_letters("all-impossible") == 40


def test_an_indicator_has_the_limits_of_its_kind_in_its_unit() -> None:
    saved = Saved()
    watched = QualityHandler(topics.MARKET_INDICATORS, saved.save, now=lambda: NOW)
    values = [indicator(0, -5.0), indicator(1, -5.0, unit="kW"), indicator(2, -5.0, name="residual-load")]
    watched.process([of_indicator(at, one) for at, one in enumerate(values)])  # type: ignore[list-item]
    assert [(one.rule, one.series) for one in saved.rows.values()] == [("range", "DE-LU/load/forecast")]


def test_a_polar_night_is_no_fault_and_solar_is_the_only_one_that_has_it() -> None:
    saved = Saved()
    watched = QualityHandler(topics.MARKET_INDICATORS, saved.save, now=lambda: NOW)
    values = [indicator(hour, 0.0, name=name) for name in ("solar", "load") for hour in range(30)]
    watched.process([of_indicator(at, one) for at, one in enumerate(values)])  # type: ignore[list-item]
    stuck = [one.series for one in saved.rows.values() if one.rule == "stuck"]
    assert stuck == ["DE-LU/load/forecast"]


def test_a_temperature_that_cannot_be_is_told_in_the_unit_that_sources_give() -> None:
    """That of the example in docs/api-integration.md."""
    saved = Saved()
    watched = QualityHandler(topics.MARKET_INDICATORS, saved.save, now=lambda: NOW)
    values = [indicator(0, 300.0, name="temperature", unit="Cel")]
    watched.process([of_indicator(at, one) for at, one in enumerate(values)])  # type: ignore[list-item]
    assert [one.rule for one in saved.rows.values()] == ["range"]


def test_an_auction_that_came_late_is_told_though_its_time_of_publication_is_the_scheduled_one() -> None:
    """As market-connectors' prices are: no library says when an auction was published."""
    prices = [price(hour, 40.0 + hour % 24, symbol="XX") for hour in range(24 * 23)]
    written = records(prices, timedelta(minutes=7))
    delay(written[24 * 20 : 24 * 21], timedelta(hours=10))
    saved = Saved()
    handler(saved).process(written)
    (late,) = saved.rows.values()
    assert (late.rule, late.period_start) == ("late", prices[24 * 20].delivery_start)
    assert late.evidence.startswith("here -1.9 h after it")


def test_history_that_is_loaded_later_is_not_late_for_that() -> None:
    prices = [price(hour, 40.0 + hour % 24, symbol="XX") for hour in range(24 * 23)]
    written = records(prices, timedelta(minutes=7))
    delay(written[24 * 20 : 24 * 21], timedelta(days=30))
    saved = Saved()
    handler(saved).process(written)
    assert saved.rows == {}


def test_the_clock_tells_of_a_silent_series_once_and_the_gauge_says_by_how_much() -> None:
    live = [price(hour, 40.0 + hour % 24, source="silent") for hour in range(24 * 20)]
    saved = Saved()
    watched = handler(saved)
    watched.restore(records(live))
    rhythms = watched._watch.rhythms()
    due = next(iter(rhythms.values())).due()
    assert due is not None
    assert due - live[-1].published_at < timedelta(hours=27)
    told: list[QualityAlert] = []
    clock = Clock(topics.COMMODITY_PRICES, lambda: rhythms, told.extend, 1.0)

    def gauge() -> float | None:
        return REGISTRY.get_sample_value(metrics.QUALITY_OVERDUE, {"source": "silent"})

    clock.look(due)
    assert (told, gauge()) == ([], 0)
    for minutes in (60, 120):
        clock.look(due + timedelta(minutes=minutes))
    assert [one.rule for one in told] == ["stale"]
    assert gauge() == 7200
    watched.process(records([price(24 * 20, 40.0, source="silent")])[:1])
    late, alerts = stale(topics.COMMODITY_PRICES, watched._watch.rhythms(), due)
    assert (late["silent"], alerts) == (timedelta(0), [])


def test_hours_are_not_waited_for_once_the_market_has_quarters_and_quarters_are() -> None:
    def published(resolution: str, symbol: str, days: range) -> list[Price]:
        step = HOUR if resolution == "PT1H" else HOUR / 4
        return [
            price(24 * day, 40.0, symbol=symbol, resolution=resolution, delivery_end=start + step)
            for day in days
            for start in (FIRST + 24 * day * HOUR,)
        ]

    hours, quarters = published("PT1H", "DE-LU", range(20)), published("PT15M", "DE-LU", range(20, 30))
    others = published("PT1H", "XX", range(20))
    watched = handler(Saved())
    watched.restore(records([*hours, *others, *quarters]))
    rhythms = watched._watch.rhythms()

    def told(after: timedelta) -> list[tuple[str, str]]:
        late, alerts = stale(topics.COMMODITY_PRICES, rhythms, quarters[-1].published_at + after)
        assert bool(late["test"]) == bool(alerts)
        return [(one.series, one.resolution) for one in alerts]

    assert told(HOUR) == [("XX", "PT1H")]
    assert sorted(told(48 * HOUR)) == [("DE-LU", "PT15M"), ("XX", "PT1H")]


def test_nothing_is_overdue_while_what_is_read_is_of_the_past() -> None:
    watched = handler(Saved())
    watched.restore(TOPIC)
    assert watched.rhythms() is None


def test_every_market_of_the_table_has_its_zone_by_name_and_symbol_as_price_and_as_indicator() -> None:
    for name, market in markets.MARKETS.items():
        by_market = price(0, 1.0, symbol="XX", market=name, currency=market.currency)
        by_symbol = price(0, 1.0, symbol=market.symbol)
        for message in (by_market, by_symbol, indicator(0, 1.0, zone=name)):
            assert facts_of(message).zone == market.time_zone, name


@pytest.mark.parametrize(
    ("name", "like"),
    [("DE", "DE-LU"), ("NO1", "NO-1"), ("SE3", "SE-3"), ("GB", "GB-INDEX"), ("MISO", "MISO-INDIANA")],
)
def test_other_names_of_a_market_are_the_market(name: str, like: str) -> None:
    assert MARKETS[name] == MARKETS[like]
    assert facts_of(indicator(0, 1.0, zone=name)).zone == markets.MARKETS[like].time_zone


def test_the_zones_whose_weather_is_followed_are_known() -> None:
    assert set(WEATHER_POINTS) <= set(MARKETS)


@pytest.mark.parametrize(
    ("symbol", "changes", "limit"),
    [
        ("POWER-DE-LU", {}, 4000),
        ("POWER-NO-1", {}, 4000),
        ("POWER-FR", {"product": "intraday"}, 9999),
        ("POWER-IT-NORD", {"product": "intraday"}, None),
        ("POWER-FR", {"currency": "USD"}, None),
        ("POWER-CH", {}, None),
        ("POWER-PJM-WESTERN-HUB", {}, None),
        ("XX", {}, None),
    ],
)
def test_limits_are_those_of_the_coupling_in_its_currency(
    symbol: str, changes: dict[str, Any], limit: float | None
) -> None:
    limits = facts_of(price(0, 1.0, symbol=symbol, **changes)).limits
    assert (None if limits is None else limits.high) == limit
    if limits is not None:
        assert limits.low < limits.high
        assert datetime.fromisoformat(limits.since)
        assert limits.source
