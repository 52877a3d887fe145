"""What forecasts of a day's prices are worth: errors, intervals, and whether one is better than another."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from workloads.kit.windows import Floats


@dataclass(frozen=True, slots=True)
class Errors:
    """Of a forecast over periods that have a price. `mae`, `rmse`, `bias` (forecast - price) in the price's
    unit; `rmae` is MAE over the naive forecast's on the same periods; `smape` a percentage; `accuracy` is
    1 - MAE / mean absolute price."""

    periods: int
    mae: float
    rmae: float
    smape: float
    rmse: float
    bias: float
    accuracy: float


def errors(forecast: Floats, naive: Floats, price: Floats) -> Errors:
    """From arrays of one shape; a period where any of the three is NaN is left out.

    ValueError where none is left.
    """
    there = np.isfinite(forecast) & np.isfinite(naive) & np.isfinite(price)
    if not there.any():
        raise ValueError("no period has a price and both forecasts")
    f, n, p = forecast[there], naive[there], price[there]
    mae = float(np.mean(np.abs(f - p)))
    size = np.abs(f) + np.abs(p)
    shares = np.divide(2 * np.abs(f - p), size, out=np.zeros_like(size), where=size > 0)
    return Errors(
        periods=int(there.sum()),
        mae=mae,
        rmae=_ratio(mae, float(np.mean(np.abs(n - p)))),
        smape=100 * float(np.mean(shares)),
        rmse=float(np.sqrt(np.mean((f - p) ** 2))),
        bias=float(np.mean(f - p)),
        accuracy=1 - _ratio(mae, float(np.mean(np.abs(p)))),
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """`coverage` is the share of prices within, the ends included; `width` in the price's unit."""

    coverage: float
    width: float
    periods: int


def interval(low: Floats, high: Floats, price: Floats) -> Interval:
    """From arrays of one shape; periods without a price or an end are left out."""
    there = np.isfinite(low) & np.isfinite(high) & np.isfinite(price)
    inside = (low <= price) & (price <= high)
    if not there.any():
        return Interval(float("nan"), float("nan"), 0)
    return Interval(float(inside[there].mean()), float(np.mean(high[there] - low[there])), int(there.sum()))


def pinball(quantiles: Floats, levels: Floats, price: Floats) -> Floats:
    """Mean pinball loss of each level, shape (Q,), of quantiles (Q, …) for prices (…)."""
    over = price - quantiles
    shaped = levels.reshape(-1, *(1,) * price.ndim)
    losses = np.maximum(shaped * over, (shaped - 1) * over)
    return np.nanmean(losses.reshape(len(levels), -1), axis=1)


def crps(quantiles: Floats, levels: Floats, price: Floats) -> float:
    """Continuous ranked probability score: twice the pinball loss, integrated over the levels.

    By the trapezium rule between the levels given, and by their first and last values beyond (Laio, Tamea
    2007, Hydrology and Earth System Sciences 11): an approximation, the better the denser the levels.
    """
    losses = pinball(quantiles, levels, price)
    inner = float(np.trapezoid(losses, levels))
    # The loss falls to 0 at the levels 0 and 1.
    outer = float(losses[0] * levels[0] + losses[-1] * (1 - levels[-1])) / 2
    return 2 * (inner + outer)


def diebold_mariano(ours: Floats, theirs: Floats, price: Floats) -> float:
    """p-value of "ours is not better than theirs", by the multivariate test of Diebold and Mariano.

    The loss of a day is the mean absolute error over its periods, so that the periods of one auction count
    as one observation (Ziel, Weron 2018, Energy Economics 70). Small where ours is better. Arrays of shape
    (D, H); periods that lack one of the three are left out. 0.5 where nothing tells the two apart.
    """
    there = np.isfinite(ours) & np.isfinite(theirs) & np.isfinite(price)
    lead = np.where(there, np.abs(theirs - price) - np.abs(ours - price), 0.0)
    counted = there.sum(axis=1)
    daily = lead.sum(axis=1)[counted > 0] / counted[counted > 0]
    if len(daily) < 2:
        return 0.5
    deviation = float(daily.std())
    if deviation == 0:
        return 0.5 if daily[0] == 0 else float(daily[0] < 0)
    return 1 - NormalDist().cdf(float(daily.mean()) / deviation * len(daily) ** 0.5)


def _ratio(of: float, to: float) -> float:
    return of / to if to else float("nan")
