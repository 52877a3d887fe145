"""What a walk over a set's test period is worth: every measure of every forecast, as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from tests.bench.power.sets import Set
from workloads.kit.windows import Floats
from workloads.model_training import measures
from workloads.model_training.day_ahead import Ensemble, Walk
from workloads.model_training.kinds.intervals import LEVELS

ENSEMBLE: Final = "ensemble"
NAIVE: Final = "naive"
LEAR_MEAN: Final = "lear"
"""The plain mean of the LEAR windows: the ensemble that the literature publishes."""

_LOW, _HIGH = 0, len(LEVELS) - 1
"""The levels whose quantiles are the 90 % interval."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One forecast. `better_than` holds the one-sided Diebold-Mariano p-value against each published one, the
    naive one and the LEAR mean: small where this one is better. `seconds` are those of the processor for
    calibration, a day on average; None where others made it."""

    name: str
    errors: measures.Errors
    better_than: dict[str, float]
    seconds: float | None
    by_hour: list[float]
    """MAE of each period of the day."""
    by_month: dict[str, float]
    """MAE of each month, `2016-01`."""


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """The ensemble's 90 % interval over the test period, by quarter, by the sign of the price, and by that of
    its forecast. `constant` is the width of the one constant interval around the same forecast that covers as
    much of the period, known in hindsight."""

    whole: measures.Interval
    constant: float
    by_quarter: dict[str, measures.Interval]
    by_price: dict[str, measures.Interval]
    by_forecast: dict[str, measures.Interval]
    by_hour: list[measures.Interval]
    pinball: dict[str, float]
    crps: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One set. `longest` is the processor's seconds for calibrating all of the ensemble on one day."""

    name: str
    start: str
    end: str
    days: int
    exogenous: tuple[str, ...]
    refused: int
    rows: list[Row]
    weights: dict[str, float]
    """Mean weight of each kind in the ensemble."""
    intervals: Intervals
    longest: float

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)


def judge(data: Set, walked: Walk, ensemble: Ensemble, naive: Floats) -> Result:
    """Measure what was forecast from row `data.first` on. `naive` has the walk's days."""
    skip = data.first - walked.first
    prices = data.days.prices[data.first :]
    dates = data.days.dates[data.first :]
    lears = [place for place, name in enumerate(walked.names) if name.startswith("lear-")]
    forecasts: dict[str, Floats] = {NAIVE: naive[skip:], **data.published}
    forecasts |= {name: walked.forecasts[skip:, place] for place, name in enumerate(walked.names)}
    if lears:
        forecasts[LEAR_MEAN] = walked.forecasts[skip:, lears].mean(axis=1)
    forecasts[ENSEMBLE] = ensemble.forecasts[skip:]
    calibrated = len(walked.forecasts)
    seconds = dict(zip(walked.names, walked.seconds / calibrated, strict=True))
    seconds |= {ENSEMBLE: float(walked.only(ensemble.names).seconds.sum() / calibrated)}
    seconds |= {LEAR_MEAN: float(walked.seconds[lears].sum() / calibrated)}
    rivals = {name: forecasts[name] for name in (NAIVE, *data.published, LEAR_MEAN) if name in forecasts}
    return Result(
        name=data.name,
        start=str(dates[0]),
        end=str(dates[-1]),
        days=len(dates),
        exogenous=data.exogenous,
        refused=data.refused,
        rows=[
            _row(name, forecast, forecasts[NAIVE], prices, dates, rivals, seconds.get(name))
            for name, forecast in forecasts.items()
        ],
        weights=dict(zip(ensemble.names, ensemble.weights[skip:].mean(axis=0).tolist(), strict=True)),
        intervals=_intervals(ensemble.forecasts[skip:], ensemble.quantiles[skip:], prices, dates),
        longest=ensemble.seconds,
    )


def _row(
    name: str,
    forecast: Floats,
    naive: Floats,
    prices: Floats,
    dates: np.ndarray,
    rivals: Mapping[str, Floats],
    seconds: float | None,
) -> Row:
    size = np.abs(forecast - prices)
    months = dates.astype("datetime64[M]")
    return Row(
        name=name,
        errors=measures.errors(forecast, naive, prices),
        better_than={
            rival: measures.diebold_mariano(forecast, theirs, prices)
            for rival, theirs in rivals.items()
            if rival != name
        },
        seconds=None if seconds is None else float(seconds),
        by_hour=np.nanmean(size, axis=0).tolist(),
        by_month={str(month): float(np.nanmean(size[months == month])) for month in np.unique(months)},
    )


def _intervals(forecast: Floats, quantiles: Floats, prices: Floats, dates: np.ndarray) -> Intervals:
    low, high = quantiles[:, _LOW], quantiles[:, _HIGH]
    whole = measures.interval(low, high, prices)
    left = (prices - forecast)[np.isfinite(prices) & np.isfinite(low)]
    miss = (1 - whole.coverage) / 2
    bottom, top = np.quantile(left, (miss, 1 - miss))

    def among(chosen: np.ndarray) -> measures.Interval:
        return measures.interval(low[chosen], high[chosen], prices[chosen])

    months = dates.astype("datetime64[M]").astype(int)
    quarters = np.array([f"{1970 + month // 12} Q{month % 12 // 3 + 1}" for month in months])
    by_level = np.moveaxis(quantiles, 1, 0)
    losses = measures.pinball(by_level, LEVELS, prices)
    return Intervals(
        whole=whole,
        constant=float(top - bottom),
        by_quarter={quarter: among(quarters == quarter) for quarter in dict.fromkeys(quarters.tolist())},
        by_price={"negative": among(prices < 0), "zero or positive": among(prices >= 0)},
        by_forecast={"negative": among(forecast < 0), "zero or positive": among(forecast >= 0)},
        by_hour=[measures.interval(*(a[:, h] for a in (low, high, prices))) for h in range(prices.shape[1])],
        pinball={f"{level:.2f}": float(loss) for level, loss in zip(LEVELS, losses, strict=True)},
        crps=measures.crps(by_level, LEVELS, prices),
    )
