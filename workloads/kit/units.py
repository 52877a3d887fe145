"""Quantities and prices in other units and currencies, for display: what is stored stays as it came.

    usd = Rate("EUR", "USD", Decimal("1.08"), date(2026, 3, 2), "ECB reference rate")
    price(30, "EUR/MWh", "USD/MMBtu", usd)

Every figure has its source, and what was converted says which ones it went through. Only what these make
certain is converted: energy never into volume, since a heating value is a contract's. Factors are exact
fractions. Currencies are written as in ISO 4217, and pence as markets write them; whether a code stands in
its list is not looked at, here or of a source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

_SI: Final = "SI Brochure, 9th edition"
_IT: Final = "International Table Btu, 1055.05585262 J exactly: NIST SP 811, appendix B.8"
_INCH: Final = "inch of 25.4 mm, US gallon of 231 cubic inches, barrel of 42 gallons: NIST SP 811, appendix B"
_POUND: Final = "pound of 0.45359237 kg, short ton of 2000 pounds: NIST SP 811, appendix B"
_BTU: Final = Fraction("1055.05585262")
_GALLON: Final = 231 * Fraction("0.0254") ** 3


class Unit(NamedTuple):
    """So many of the base unit of its dimension, and who says so."""

    dimension: str
    factor: Fraction
    source: str


UNITS: Final[Mapping[str, Unit]] = {
    "J": Unit("energy", Fraction(1), _SI),
    "GJ": Unit("energy", Fraction(10**9), _SI),
    "kWh": Unit("energy", Fraction(3_600_000), _SI),
    "MWh": Unit("energy", Fraction(3_600_000_000), _SI),
    "GWh": Unit("energy", Fraction(3_600_000_000_000), _SI),
    "MMBtu": Unit("energy", 10**6 * _BTU, _IT),
    "therm": Unit("energy", 10**5 * _BTU, _IT),  # as gas is sold; the US customary one is 0.02 % less
    "kW": Unit("power", Fraction(1_000), _SI),
    "MW": Unit("power", Fraction(1_000_000), _SI),
    "GW": Unit("power", Fraction(1_000_000_000), _SI),
    "m3": Unit("volume", Fraction(1), _SI),
    "gal": Unit("volume", _GALLON, _INCH),
    "bbl": Unit("volume", 42 * _GALLON, _INCH),
    "kg": Unit("mass", Fraction(1), _SI),
    "t": Unit("mass", Fraction(1_000), _SI),
    "lb": Unit("mass", Fraction("0.45359237"), _POUND),
    "ston": Unit("mass", 2_000 * Fraction("0.45359237"), _POUND),
}
"""Unit -> what it is. MWh and MMBtu as markets write them, where UCUM has MW.h and 10*6.[Btu_IT]."""

_MINOR: Final[Mapping[str, tuple[str, int, str]]] = {
    "GBp": ("GBP", 100, "ISO 4217: GBP has two minor digits; GBp and GBX are its hundredth"),
    "GBX": ("GBP", 100, "ISO 4217: GBP has two minor digits; GBp and GBX are its hundredth"),
}
"""What markets write for a part of a currency -> the currency, its parts, and who says so."""


class NoConversion(ValueError):
    """Nothing leads from one to the other; says what is missing."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one `base` cost in `quote` on a day.

    Raises:
        ValueError: it is no positive number, or has no source.
    """

    base: str
    quote: str
    rate: Decimal
    on: date
    source: str

    def __post_init__(self) -> None:
        if not (self.rate.is_finite() and self.rate > 0):
            raise ValueError(f"rate {self.rate} of {self.base} in {self.quote}: give a number above 0")
        if not self.source.strip():
            raise ValueError(f"rate of {self.base} in {self.quote} on {self.on}: say whose it is in `source`")


class Converted(NamedTuple):
    """A number in the unit that was asked for, and where each figure that led to it is from."""

    value: float
    sources: tuple[str, ...]


def quantity(value: float, unit: str, to: str) -> Converted:
    """A quantity in another unit of its dimension.

    Raises:
        NoConversion: a unit is not known, or they are of two dimensions.
        ValueError, OverflowError: the value is not finite.
    """
    factor, sources = _factor(unit, to)
    return Converted(float(Fraction(value) * factor), sources)


def price(value: float, per: str, to: str, rate: Rate | None = None) -> Converted:
    """A price such as EUR/MWh in another currency, unit or both.

    Args:
        rate: of the two currencies, either way; not needed where they are one, as GBp and GBP are.

    Raises:
        NoConversion: as `quantity`, or the rate is missing or of other currencies.
        ValueError, OverflowError: as `quantity`.
    """
    (currency, unit), (wanted, to_unit) = _parts(per), _parts(to)
    factor, sources = _factor(to_unit, unit)
    exchanged, told = _exchange(currency, wanted, rate)
    return Converted(float(Fraction(value) * factor * exchanged), (*told, *sources))


def _factor(unit: str, to: str) -> tuple[Fraction, tuple[str, ...]]:
    if unit == to:
        return Fraction(1), ()
    for name in (unit, to):
        if name not in UNITS:
            raise NoConversion(f"unit {name!r} is not known: one of {', '.join(UNITS)}")
    ours, theirs = UNITS[unit], UNITS[to]
    if ours.dimension != theirs.dimension:
        raise NoConversion(
            f"{unit} is of {ours.dimension} and {to} of {theirs.dimension}: give two of one dimension"
        )
    return ours.factor / theirs.factor, tuple(dict.fromkeys((ours.source, theirs.source)))


def _exchange(currency: str, wanted: str, rate: Rate | None) -> tuple[Fraction, tuple[str, ...]]:
    if currency == wanted:
        return Fraction(1), ()
    told: list[str] = []
    (base, parts), (quote, more) = (_major(name, told) for name in (currency, wanted))
    factor = Fraction(more, parts)
    if base != quote:
        if rate is None or {rate.base, rate.quote} != {base, quote}:
            has = f"the rate given is of {rate.base} in {rate.quote}" if rate else "no rate is given"
            raise NoConversion(f"{currency} to {wanted} needs a dated rate of {base} in {quote}: {has}")
        factor *= Fraction(rate.rate) if rate.base == base else 1 / Fraction(rate.rate)
        told.append(f"{rate.base}/{rate.quote} {rate.rate} of {rate.on}: {rate.source}")
    return factor, tuple(dict.fromkeys(told))


def _major(currency: str, told: list[str]) -> tuple[str, int]:
    if currency not in _MINOR:
        return currency, 1
    major, parts, source = _MINOR[currency]
    told.append(source)
    return major, parts


def _parts(text: str) -> tuple[str, str]:
    currency, slash, unit = text.partition("/")
    if not (currency and slash and unit):
        raise NoConversion(f"{text!r} is no price's unit: write it as EUR/MWh")
    return currency, unit
