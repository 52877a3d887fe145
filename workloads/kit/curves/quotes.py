"""What is quoted: a product, which is a profile of a day, week, month, quarter or year, and its price."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from workloads.kit.contracts.messages import EARLIEST, LATEST, PRICE_LIMIT
from workloads.kit.curves.grid import Profile

_PERIOD: Final = re.compile(
    r"(?P<year>\d{4})(-(W(?P<week>\d{2})|Q(?P<quarter>[1-4])|(?P<month>\d{2})(-(?P<day>\d{2}))?))?", re.ASCII
)
_HOW: Final = "give a year, quarter, month, week or day, as 2027, 2027-Q1, 2027-01, 2027-W05 or 2027-01-15"

Amount = Annotated[float, Field(ge=-PRICE_LIMIT, le=PRICE_LIMIT, allow_inf_nan=False)]


def days(text: str) -> tuple[date, date]:
    """The local days [first, after) of a period of delivery; a week is ISO 8601's, from Monday.

    Raises:
        ValueError: with the remedy.
    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:32]!r} is no period of delivery: {_HOW}")
    year = int(match["year"])
    if not EARLIEST.year <= year < LATEST.year - 1:
        raise ValueError(f"{text!r} is out of range: give a year from {EARLIEST.year} to {LATEST.year - 2}")
    try:
        if match["week"]:
            first = date.fromisocalendar(year, int(match["week"]), 1)
            return first, first + timedelta(days=7)
        if match["day"]:
            first = date(year, int(match["month"]), int(match["day"]))
            return first, first + timedelta(days=1)
        start = int(match["month"] or 3 * int(match["quarter"] or 1) - 2)
        months = 1 if match["month"] else 3 if match["quarter"] else 12
        return date(year, start, 1), date(year + (start + months > 12), (start + months - 1) % 12 + 1, 1)
    except ValueError as error:
        raise ValueError(f"{text!r} does not exist, {error}: {_HOW}") from error


def _known(text: object) -> object:
    if isinstance(text, str):
        days(text)
    return text


Period = Annotated[str, BeforeValidator(_known), Field(max_length=10, examples=["2027-Q1"])]
"""Text that `days` takes."""


class Product(BaseModel):
    """A profile of a period of delivery."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    period: Period = Field(
        description="Local days of delivery: 2027, 2027-Q1, 2027-01, 2027-W05 or 2027-01-15."
    )
    profile: Profile = Field(
        default="base", description="base is all hours; peak is the market's; off-peak the rest."
    )

    @property
    def name(self) -> str:
        """As people call it: `2027-Q1 base`."""
        return f"{self.period} {self.profile}"

    @property
    def days(self) -> tuple[date, date]:
        """Its local days [first, after)."""
        return days(self.period)


class Quote(Product):
    """A product's price: one number, or what is bid, asked or both."""

    price: Amount | None = Field(default=None, description="Met to 0.001; give this, or bid and ask.")
    bid: Amount | None = Field(default=None, description="The curve's mean of the product is not below.")
    ask: Amount | None = Field(default=None, description="Nor above.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.price is None) == (self.bid is None and self.ask is None):
            raise ValueError(
                f"{self.name} has to have a price, or a bid, an ask or both: give one of the two"
            )
        if self.bid is not None and self.ask is not None and self.bid > self.ask:
            raise ValueError(
                f"{self.name} is bid at {self.bid:g}, above the ask {self.ask:g}: give a lower bid"
            )
        return self

    @property
    def low(self) -> float:
        """What its mean may be at least; -inf where nothing says so."""
        return next((one for one in (self.price, self.bid) if one is not None), -float("inf"))

    @property
    def high(self) -> float:
        """What its mean may be at most; inf where nothing says so."""
        return next((one for one in (self.price, self.ask) if one is not None), float("inf"))

    @property
    def says(self) -> str:
        """`2027-Q1 base at 50`, for people."""
        if self.price is not None:
            return f"{self.name} at {self.price:g}"
        sides = [f"{side} {one:g}" for side, one in (("bid", self.bid), ("ask", self.ask)) if one is not None]
        return f"{self.name} with {' and '.join(sides)}"
