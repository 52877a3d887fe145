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
from workloads.kit.curves.grid import Grid, Ints, Profile
from workloads.kit.curves.least import Infeasible
from workloads.kit.curves.nearest import nearest
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

    A day's level moves smoothly, and where several profiles have prices so does what peak hours have above
    the others; both come on top of the shape. Each product's mean, by its hours, is its price to 0.001. A bid
    or ask that the curve keeps by itself changes nothing.

    Args:
        least_squares: quotes that contradict are met as nearly as they can be, in the sum of squares.

    Raises:
        Contradictory: quotes that no curve meets, each with those that imply another price.
        Unfinished: no curve was found, though there may be one.
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
    loose = np.where(low < high, CLOSE, 0.0)  # bounds that meet in one point are met
    asked = [_Asked(quotes[one], low[one] - loose[one], high[one] + loose[one]) for one in kept]
    try:
        return Curve(name, grid, _prices(asked, grid, prior))
    except Infeasible as error:
        raise Contradictory([]) from error


@dataclass(frozen=True, slots=True)
class _Asked:
    quote: Quote
    low: float
    high: float


def _prices(asked: Sequence[_Asked], grid: Grid, prior: Floats) -> Floats:
    """A level and, where profiles are several, what peak hours have above the others.

    Where a single profile has prices, or both a bid and an ask, what others bid or ask is no more than a
    bound: additions do not enter the means of what is priced (of peak hours they are what others cost less,
    of base they are around the day's mean), so that there are none where the level keeps the bounds.

    Where several have, base makes the level by itself, and additions come on top. In one go they would be
    bent to take a part of the level's season, as months differ by how many peak hours they have.
    """
    peak = np.where(grid.peak, 1.0, 0.0)
    if len({one.quote.profile for one in asked}) == 1:
        return _smooth(asked, grid, prior, None)
    priced = [one for one in asked if np.isfinite([one.low, one.high]).all()]
    match {one.quote.profile for one in priced}:
        case found if found == {"base"}:
            share = grid.per_day(grid.peak) / grid.per_day(grid.has("base"))
            return _smooth(asked, grid, prior, peak - share[grid.day])
        case found if found == {"peak"}:
            return _smooth(asked, grid, prior, peak - 1.0)
        case found if "base" in found:
            level = _smooth([one for one in priced if one.quote.profile == "base"], grid, prior, None)
            return _smooth(asked, grid, level, peak, stays="base")
        case _:
            return _smooth(asked, grid, prior, peak)


def _smooth(
    asked: Sequence[_Asked], grid: Grid, prior: Floats, lift: Floats | None, stays: Profile | None = None
) -> Floats:
    """The prior, changed smoothly to what is asked.

    Args:
        lift: what one more of additions adds to each hour; shape (H,).
        stays: whose means stay near what they are, of curves equally smooth; others' come near the middle.
    """
    shapes = [np.ones(len(prior))] if lift is None else [np.ones(len(prior)), lift]
    rows, means = np.empty((len(asked), len(shapes), grid.days)), np.empty(len(asked))
    for number, one in enumerate(asked):
        hours = grid.within(*one.quote.days, one.quote.profile)
        for row, each in zip(rows[number], shapes, strict=True):
            row[:] = np.bincount(grid.day, weights=each * hours, minlength=grid.days) / hours.sum()
        means[number] = prior[hours].mean()
    low, high = (np.array([getattr(one, side) for one in asked]) - means for side in ("low", "high"))
    near = np.where([one.quote.profile == stays for one in asked], 0.0, low / 2 + high / 2)
    levels = smoothest(grid.days, Means(rows.reshape(len(asked), -1), low, high, near))
    return prior + sum(level[grid.day] * each for level, each in zip(levels, shapes, strict=True))


def _name(quote: Quote) -> str:
    return quote.name


def _at(quote: Quote, low: float, high: float) -> Quote:
    if low == high:
        return quote.model_copy(update={"price": low, "bid": None, "ask": None})
    return quote.model_copy(update={"bid": low, "ask": high})
