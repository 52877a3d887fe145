"""The model's features: one function for training and for serving.

All features are dimensionless figures of log prices over the last sessions, so that a model learned at one
price level holds at another. Row i uses the last `WINDOW` prices up to and including session i and nothing
else: computed on a whole history or on those prices alone, it is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit import windows as stats
from workloads.kit.windows import Floats

LAGS: Final = (1, 2, 3, 5)

_FLOOR: Final = 1e-6
"""Least volatility (log return a session) that a distance is divided by: a constant price has none."""

_CHUNK: Final = 2048
"""Windows computed together: their temporaries stay in the processor's cache."""


@dataclass(frozen=True)
class FeatureSpec:
    """Which windows the features look at, in sessions: `short` < `window` < each of `longer`.

    ValueError where they are not in that order or too short to hold the features.
    """

    short: int = 7
    window: int = 30
    longer: tuple[int, ...] = (90,)

    def __post_init__(self) -> None:
        sizes = (self.short, self.window, *self.longer)
        if self.short < 2 or self.window < max(LAGS) or list(sizes) != sorted(set(sizes)):
            raise ValueError(
                f"feature windows {','.join(map(str, sizes))}: give two or more rising session counts, "
                f"the first at least 2, the second at least {max(LAGS)}, for example 7,30,90"
            )

    @classmethod
    def parse(cls, text: str) -> FeatureSpec:
        """The spec written as `7,30,90`; ValueError, with the remedy, where the text is not one."""
        try:
            short, window, *longer = (int(part) for part in text.split(","))
        except ValueError as error:
            raise ValueError(f"feature windows {text!r}: expected whole numbers such as 7,30,90") from error
        return cls(short, window, tuple(longer))

    @property
    def size(self) -> int:
        """Prices that one row needs."""
        return max((self.window + 1, *self.longer))

    @property
    def version(self) -> str:
        """Names this feature set; a model may only be given the set that it was trained on."""
        return "1:" + "-".join(map(str, (self.short, self.window, *self.longer)))

    @property
    def volatility(self) -> str:
        """Name of the feature that scales distances and intervals."""
        return f"volatility_{self.window}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in column order."""
        return (
            *(f"return_{lag}" for lag in LAGS),
            *(f"mean_return_{size}" for size in (self.short, self.window)),
            *(f"volatility_{size}" for size in (self.short, self.window)),
            *(f"distance_{size}" for size in (self.short, self.window, *self.longer)),
            *(f"trend_{size}" for size in (self.window,)),
        )


DEFAULT: Final = FeatureSpec()
FEATURES: Final = DEFAULT.names
WINDOW: Final = DEFAULT.size
VOLATILITY: Final = FEATURES.index(DEFAULT.volatility)
"""Column of the volatility that intervals are scaled by."""


def features(prices: Floats, spec: FeatureSpec = DEFAULT) -> Floats:
    """Features of every session of one symbol.

    `prices` has shape (n,), oldest first; the answer (n, F). `return_k` is the log return over the last k
    sessions; `mean_return_w` and `volatility_w` the mean and standard deviation of the last w one-session log
    returns; `distance_w` how far the log price is from its mean over the last w sessions, in volatilities;
    `trend_w` the least-squares slope of the log price a session. A row is NaN throughout until `spec.size`
    prices are there, and while one of them is not a positive finite number.
    """
    rows = np.full((len(prices), len(spec.names)), np.nan)
    first = spec.size - 1
    if len(prices) > first:
        _fill(
            rows[first:], lambda part: stats.sliding(prices[part.start : part.stop + first], spec.size), spec
        )
    return rows


def window_features(windows: Floats, spec: FeatureSpec = DEFAULT) -> Floats:
    """Features of the last session of each of m windows of shape (m, spec.size): shape (m, F).

    Row i equals the last row of `features(windows[i])`, bit for bit; the windows may be of different symbols.
    """
    rows = np.empty((len(windows), len(spec.names)))
    _fill(rows, lambda part: windows[part].T, spec)
    return rows


def _fill(rows: Floats, windows: Callable[[slice], Floats], spec: FeatureSpec) -> None:
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(rows)))
        rows[part] = _of_windows(np.ascontiguousarray(windows(part)), spec)


def _of_windows(prices: Floats, spec: FeatureSpec) -> Floats:
    usable = np.isfinite(prices) & (prices > 0)
    logs = np.log(np.where(usable, prices, 1.0))
    last = logs[-1]
    returns = logs[1:] - logs[:-1]
    scale = stats.deviation(returns[-spec.window :])
    columns = [
        *(last - logs[-1 - lag] for lag in LAGS),
        *((last - logs[-1 - size]) / size for size in (spec.short, spec.window)),
        stats.deviation(returns[-spec.short :]),
        scale,
        *(
            (last - stats.mean(logs[-size:])) / np.maximum(scale, _FLOOR)
            for size in (spec.short, spec.window, *spec.longer)
        ),
        stats.slope(logs[-spec.window :]),
    ]
    rows = np.stack(columns, axis=1)
    rows[~usable.all(axis=0)] = np.nan
    return rows
