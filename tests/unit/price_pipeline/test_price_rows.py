"""Which rows are prices."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit.contracts.messages import PRICE_LIMIT, Price, Provenance
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import RawRow, Refused, Terms, Unobserved


def terms(provenance: Provenance = "market", **changed: Any) -> Terms:
    return Terms("daily", "crude", "USD", "bbl", provenance, **changed)


def row(
    price: object = "46.92", event_time: object = "2019-01-03", symbol: object = "WTI", **changed: Any
) -> RawRow:
    return RawRow(changed.pop("terms", terms()), b"the row", symbol, event_time, price, **changed)


def test_a_sound_row_is_a_price_available_after_the_publication_lag() -> None:
    lagging = terms(publication_lag=timedelta(days=1), time_of_day=time(21))

    assert check(row(terms=lagging)) == Price(
        source="daily",
        market="crude",
        symbol="WTI",
        product="spot",
        delivery_start=datetime(2019, 1, 3, 21, tzinfo=UTC),
        delivery_end=datetime(2019, 1, 4, 21, tzinfo=UTC),
        resolution="P1D",
        published_at=datetime(2019, 1, 4, 21, tzinfo=UTC),
        price=46.92,
        currency="USD",
        unit="bbl",
        provenance="market",
    )


@given(st.floats(-PRICE_LIMIT, PRICE_LIMIT))
def test_every_finite_number_is_kept_to_the_last_bit_negative_ones_too(value: float) -> None:
    for given_as in (repr(value), value):
        price = check(row(given_as))
        assert isinstance(price, Price)
        assert math.copysign(1, price.price) == math.copysign(1, value)
        assert price.price == value


@pytest.mark.parametrize(
    ("given_as", "price"), [(" 7 ", 7.0), ("-37.63", -37.63), (".5", 0.5), (Decimal("1.25"), 1.25), (3, 3.0)]
)
def test_numbers_as_sources_write_them(given_as: object, price: float) -> None:
    result = check(row(given_as))
    assert isinstance(result, Price)
    assert result.price == price


@pytest.mark.parametrize(
    "given_as",
    [
        *["nan", "NaN", "inf", "-Infinity", "1e999", "1_000", "1,000", "12,5", "n/a", "0x10", "٣"],
        "1 2",
        math.nan,
        math.inf,
        10**400,
        True,
        [1.0],
        b"7",
    ],
)
def test_what_is_no_finite_number_is_refused_with_its_bytes_and_the_value(given_as: object) -> None:
    result = check(row(given_as))

    assert isinstance(result, Refused)
    assert (result.source, result.symbol, result.raw, result.error) == ("daily", "WTI", b"the row", "price")
    assert repr(given_as)[:20] in result.reason


@pytest.mark.parametrize("given_as", ["", "  ", ".", None])
def test_a_mark_for_no_observation_is_neither_published_nor_refused(given_as: object) -> None:
    assert check(row(given_as)) == Unobserved()


@pytest.mark.parametrize(
    ("given_as", "time_format", "instant"),
    [
        ("2019-01-03", None, datetime(2019, 1, 3, 16)),
        (date(2019, 1, 3), None, datetime(2019, 1, 3, 16)),
        ("2019-01-03T10:00:00", None, datetime(2019, 1, 3, 10)),
        ("2019-01-03T10:00:00Z", None, datetime(2019, 1, 3, 10)),
        ("2019-01-03T10:00:00+02:00", None, datetime(2019, 1, 3, 8)),
        (datetime(2019, 1, 3, 10, tzinfo=timezone(timedelta(hours=2))), None, datetime(2019, 1, 3, 8)),
        ("1/3/2019", "%m/%d/%Y", datetime(2019, 1, 3, 16)),
        ("2019-01", "%Y-%m", datetime(2019, 1, 1, 16)),
        ("03.01.2019 10:30", "%d.%m.%Y %H:%M", datetime(2019, 1, 3, 10, 30)),
        ("1546509600", "epoch_seconds", datetime(2019, 1, 3, 10)),
        (1546509600000, "epoch_milliseconds", datetime(2019, 1, 3, 10)),
    ],
)
def test_times_as_sources_write_them(given_as: object, time_format: str | None, instant: datetime) -> None:
    price = check(row(event_time=given_as, terms=terms(time_format=time_format, time_of_day=time(16))))

    assert isinstance(price, Price)
    assert price.delivery_start == instant.replace(tzinfo=UTC)
    assert price.delivery_start.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "given_as", ["", "03/01/2019", "2019-02-30", "yesterday", None, 20190103, "10000-01-01"]
)
def test_what_is_no_time_is_refused(given_as: object) -> None:
    result = check(row(event_time=given_as))
    assert isinstance(result, Refused)
    assert result.error == "event_time"
    assert "ISO 8601" in result.reason


@pytest.mark.parametrize("symbol", ["", "W T I", None, 5, "x" * 65, "\udcff"])
def test_what_is_no_symbol_is_refused(symbol: object) -> None:
    result = check(row(symbol=symbol))

    assert isinstance(result, Refused)
    assert result.error == "schema"
    assert "symbol" in result.reason


@pytest.mark.parametrize(
    ("symbol", "provenance"), [("SYN-GAS", "market"), ("SYN-GAS", "replay"), ("WTI", "synthetic")]
)
def test_synthetic_and_real_symbols_cannot_be_taken_for_each_other(
    symbol: str, provenance: Provenance
) -> None:
    result = check(row(symbol=symbol, terms=terms(provenance)))

    assert isinstance(result, Refused)
    assert result.error == "schema"
    assert "SYN-" in result.reason


def test_a_row_that_its_source_could_not_take_apart_is_refused_even_without_a_price() -> None:
    result = check(row(price=None, problem="has 1 field"))

    assert isinstance(result, Refused)
    assert (result.error, result.reason) == ("row", "has 1 field")


def _nest() -> list[object]:
    nested: list[object] = []
    for _ in range(5_000):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    "value", ["1.7976931348623157e308", 1e308, -1.01e12, "1e13", 10**400, "9" * 5_000], ids=str
)
def test_a_number_that_no_price_can_be_is_refused(value: object) -> None:
    refused = check(row(value))
    assert isinstance(refused, Refused)
    assert refused.error == "price"


@pytest.mark.parametrize(
    "time",
    ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-05:00", "1899-12-31", "2200-01-01"],
)
def test_a_time_that_no_price_has_is_refused(time: str) -> None:
    refused = check(replace(row("1.0"), event_time=time))
    assert isinstance(refused, Refused)
    assert refused.error == "event_time"
    assert time in refused.reason


@pytest.mark.parametrize("value", [_nest(), {"a": _nest()}, 10**5_000, "\ud800", object()], ids=range(5))
@pytest.mark.parametrize("field", ["symbol", "event_time", "price"])
def test_no_cell_takes_a_source_down(field: str, value: object) -> None:
    assert isinstance(check(replace(row("1.0"), **{field: value})), Refused)
