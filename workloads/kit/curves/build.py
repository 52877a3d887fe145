"""From quotes to a curve: checked against each other, made smooth by the day, shaped by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from workloads.kit.curves import consistency
from workloads.kit.curves.consistency import CLOSE, Contradictory
from workloads.kit.curves.grid import Grid, Ints
from workloads.kit.curves.nearest import nearest
from workloads.kit.curves.qp import Infeasible
from workloads.kit.curves.quotes import Product, Quote
from workloads.kit.curves.shape import Shape
from workloads.kit.curves.smooth import Means, smoothest
from workloads.kit.markets import Peak
from workloads.kit.windows import Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """Prices of the hours of a grid; `prices` has shape (H,)."""

    name: str
    grid: Grid
    prices: Floats

    def mean(self, product: Product) -> float:
        """The mean of a product's hours.

        Raises:
            ValueError: the curve does not have all of them, or there are none.
        """
        return float(self.prices[self.hours(product)].mean())

    def hours(self, product: Product) -> Ints:
        """Numbers of the hours that a product has.

        Raises:
            ValueError: as `mean`.
        """
        first, after = product.days
        begin, end = self.grid.first, date.fromordinal(self.grid.first.toordinal() + self.grid.days)
        if first < begin or after > end:
            raise ValueError(f"{product.name} is not within the curve, {begin} to before {end}: quote more")
        found = np.flatnonzero(self.grid.within(first, after, product.profile))
        if not len(found):
            raise ValueError(f"{product.name} has no hours in {self.grid.zone.key}: leave it out")
        return found

    def daily(self) -> Floats:
        """Means of the days' hours; shape (D,)."""
        hours = self.grid.per_day(self.grid.has("base"))
        return np.bincount(self.grid.day, weights=self.prices, minlength=self.grid.days) / hours

    def renamed(self, name: str, prices: Floats) -> Curve:
        """Other prices of the same hours."""
        return replace(self, name=name, prices=prices)


def build(
    quotes: Sequence[Quote],
    zone: ZoneInfo,
    peak: Peak,
    shape: Shape | None = None,
    *,
    least_squares: bool = False,
    name: str = "quotes",
) -> Curve:
    """The smoothest curve from the first to the last day that is quoted.

    A day's level moves smoothly, and where several profiles are quoted so does what peak hours have above the
    others; both come on top of the shape. Each product's mean, by its hours, is its price to 0.001.

    Args:
        least_squares: quotes that contradict are met as nearly as they can be, in the sum of squares.

    Raises:
        Contradictory: quotes that no curve meets, each with those that imply another price.
        ValueError: nothing says how high the curve is; a product has no hours; as `Grid.of`.
    """
    if not any(np.isfinite([one.low, one.high]).all() for one in quotes):
        raise ValueError(
            "nothing says how high the curve is: give one quote a price, or both a bid and an ask"
        )
    if twice := [one.name for one, other in pairwise(sorted(quotes, key=_name)) if one.name == other.name]:
        raise ValueError(f"{twice[0]} is quoted twice: leave one out")
    spans = [one.days for one in quotes]
    grid = Grid.of(min(first for first, _ in spans), max(after for _, after in spans), zone, peak)
    low, high = (np.array([getattr(one, side) for one in quotes]) for side in ("low", "high"))
    if least_squares:
        low, high = nearest(consistency.shares(quotes, grid), low, high)
        bounds = [_at(one, *sides) for one, *sides in zip(quotes, low, high, strict=True)]
        kept = consistency.binding(bounds, grid)
    else:
        kept = consistency.binding(quotes, grid)
    prior = np.zeros(len(grid.starts)) if shape is None else shape.on(grid)
    apart = len({one.profile for one in quotes}) > 1
    rows, shaped = _rows([quotes[number] for number in kept], grid, prior, apart=apart)
    loose = np.where(low < high, CLOSE, 0.0)  # bounds that meet in one point are met
    try:
        levels = smoothest(
            grid.days, Means(rows, (low - loose)[kept] - shaped, (high + loose)[kept] - shaped)
        )
    except Infeasible as error:
        raise Contradictory([]) from error
    prices = prior + levels[0][grid.day]
    if apart:
        prices = prices + np.where(grid.peak, levels[1][grid.day], 0.0)
    return Curve(name, grid, prices)


def _name(quote: Quote) -> str:
    return quote.name


def _at(quote: Quote, low: float, high: float) -> Quote:
    if low == high:
        return quote.model_copy(update={"price": low, "bid": None, "ask": None})
    return quote.model_copy(update={"bid": low, "ask": high})


def _rows(quotes: Sequence[Quote], grid: Grid, prior: Floats, *, apart: bool) -> tuple[Floats, Floats]:
    rows, shaped = np.empty((len(quotes), grid.days * (1 + apart))), np.empty(len(quotes))
    for number, quote in enumerate(quotes):
        hours = grid.within(*quote.days, quote.profile)
        rows[number, : grid.days] = grid.per_day(hours)
        if apart:
            rows[number, grid.days :] = grid.per_day(hours & grid.peak)
        rows[number] /= hours.sum()
        shaped[number] = prior[hours].mean()
    return rows, shaped
