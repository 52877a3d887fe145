"""Which field of a source's rows holds what."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, StringConstraints, model_validator

from workloads.kit.contracts.indicators import INDICATOR_PATTERN
from workloads.kit.contracts.sources.strict import Strict

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
IndicatorName = Annotated[str, StringConstraints(pattern=INDICATOR_PATTERN, max_length=64)]


class Model(Strict, BaseModel):
    """BaseModel by name, so that ruff knows whose defaults these are."""


class Columns(Model):
    """Which field of a row holds what. Either `prices` (wide: one price column a symbol, column -> symbol) or
    `symbol` and `price` (long: one row a symbol); of a source of indicators likewise `indicators` (column ->
    name), or `indicator` and `value`. For JSON a field is a dotted path."""

    event_time: str
    """Labels the delivery period, alone or with `hour`."""
    hour: str | None = None
    """The hour or the number of the period in the day, where `labels` counts them."""
    repeated: str | None = None
    """Says of a local time that the clock shows twice whether it is the second: Y, true, 1, B, *, or not:
    N, false, 0, A, empty."""
    published_at: str | None = None
    """When the market made the price known; without a zone in the source's `time_zone`. A date alone is the
    end of that day."""
    prices: dict[str, Name] = {}
    symbol: str | None = None
    price: str | None = None
    indicators: dict[str, IndicatorName] = {}
    indicator: str | None = None
    value: str | None = None
    zone: str | None = None
    """A row's own market or bidding zone, where it has one; else the source's `market`."""
    status: str | None = None
    """Says of a price whether it is `withdrawn`."""
    currency: str | None = None
    unit: str | None = None
    """A row's own currency and unit, where it has them; else the source's."""

    @property
    def wide(self) -> dict[str, str]:
        """Column of a number -> what it is of; empty where rows are long."""
        return self.prices or self.indicators

    @property
    def label(self) -> str | None:
        """The column that says what a long row is of."""
        return self.symbol or self.indicator

    @property
    def amount(self) -> str | None:
        """The column of a long row's number."""
        return self.price or self.value

    @property
    def of_indicators(self) -> list[str]:
        """Names of its keys that only a source of indicators has."""
        return [name for name in ("indicators", "indicator", "value", "zone") if getattr(self, name)]

    @property
    def of_prices(self) -> list[str]:
        """Names of its keys that only a source of prices has."""
        return [name for name in ("prices", "symbol", "price", "status", "currency") if getattr(self, name)]

    @property
    def read(self) -> list[str]:
        """Names of the columns that are read."""
        named = (
            *(self.event_time, self.hour, self.repeated, self.published_at),
            *(self.label, self.amount, self.status, self.zone, self.currency, self.unit),
            *self.wide,
        )
        return [name for name in named if name]

    @model_validator(mode="after")
    def _wide_or_long(self) -> Self:
        if self.of_indicators:
            wide, long, said = self.indicators, (self.indicator, self.value), ("indicator", "value")
        else:
            wide, long, said = self.prices, (self.symbol, self.price), ("symbol", "price")
        if bool(wide) == all(long) or any(long) != all(long):
            what = "`indicators` (column: name, …)" if self.of_indicators else "`prices` (column: SYMBOL, …)"
            raise ValueError(f"give either {what}, or both `{said[0]}` and `{said[1]}`")
        return self
