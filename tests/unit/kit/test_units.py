"""Conversions for display: known figures, there and back, and what cannot be converted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import units
from workloads.kit.units import UNITS, NoConversion, Rate

DOLLARS = Rate("EUR", "USD", Decimal("1.08"), date(2026, 3, 2), "a central bank")
AMOUNTS = st.floats(min_value=-1e9, max_value=1e9)
PAIRS = st.sampled_from([(a, b) for a in UNITS for b in UNITS if UNITS[a].dimension == UNITS[b].dimension])


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (1, "MWh", "MMBtu", 3.412141633),
        (1, "therm", "kWh", 29.307107017),
        (10, "therm", "MMBtu", 1),
        (1, "MWh", "GJ", 3.6),
        (1, "bbl", "gal", 42),
        (1, "m3", "bbl", 6.289810770),
        (1, "ston", "t", 0.90718474),
        (-2.5, "GW", "MW", -2500),
    ],
)
def test_quantities_that_are_known(value: float, unit: str, to: str, expected: float) -> None:
    assert units.quantity(value, unit, to).value == pytest.approx(expected, rel=1e-9)


def test_a_price_is_converted_by_unit_and_dated_rate_and_says_by_whose() -> None:
    made = units.price(30, "EUR/MWh", "USD/MMBtu", DOLLARS)
    assert made.value == pytest.approx(30 * 1.08 / 3.412141633, rel=1e-9)
    assert "EUR/USD 1.08 of 2026-03-02: a central bank" in made.sources
    assert any("NIST" in source for source in made.sources)
    assert units.price(-40, "EUR/MWh", "EUR/MWh") == (-40, ())


@pytest.mark.parametrize("pence", ["GBp", "GBX"])
def test_pence_a_therm_are_pounds_a_megawatt_hour_without_a_rate(pence: str) -> None:
    made = units.price(100, f"{pence}/therm", "GBP/MWh")
    assert made.value == pytest.approx(1000 / 29.307107017, rel=1e-9)
    assert units.price(1, "GBP/therm", f"{pence}/therm").value == 100


@given(value=AMOUNTS, pair=PAIRS)
def test_a_quantity_there_and_back_is_itself(value: float, pair: tuple[str, str]) -> None:
    unit, to = pair
    there = units.quantity(value, unit, to).value
    assert units.quantity(there, to, unit).value == pytest.approx(value, rel=1e-12, abs=1e-300)


@given(
    value=AMOUNTS,
    pair=PAIRS,
    rate=st.decimals(min_value="0.001", max_value="1000", allow_nan=False),
    back=st.booleans(),
)
def test_a_price_there_and_back_is_itself(
    value: float, pair: tuple[str, str], rate: Decimal, back: bool
) -> None:
    base, quote = ("GBP", "USD") if back else ("USD", "GBP")
    known = Rate(base, quote, rate, date(2026, 3, 2), "somebody")
    of, to = f"GBp/{pair[0]}", f"USD/{pair[1]}"
    there = units.price(value, of, to, known).value
    assert units.price(there, to, of, known).value == pytest.approx(value, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("per", "to", "rate", "said"),
    [
        ("EUR/MWh", "USD/MWh", None, "needs a dated rate of EUR in USD: no rate is given"),
        ("PLN/MWh", "USD/MWh", DOLLARS, "the rate given is of EUR in USD"),
        ("GBp/therm", "USD/therm", None, "GBp to USD needs a dated rate of GBP in USD"),
        ("EUR/MWh", "EUR/bbl", None, "give two of one dimension"),
        ("EUR/MWh", "EUR/MWH", None, "unit 'MWH' is not known"),
        ("EUR", "USD/MWh", None, "write it as EUR/MWh"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_what_is_missing(
    per: str, to: str, rate: Rate | None, said: str
) -> None:
    with pytest.raises(NoConversion) as refused:
        units.price(1.0, per, to, rate)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("rate", "source"), [("0", "s"), ("-1", "s"), ("NaN", "s"), ("Infinity", "s"), ("1", " ")]
)
def test_a_rate_is_a_positive_number_with_a_source(rate: str, source: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        Rate("EUR", "USD", Decimal(rate), date(2026, 3, 2), source)
