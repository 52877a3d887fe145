"""A transform for prices that are zero, negative or spike: median and MAD, then asinh.

Uniejewski, Weron, Ziel (2018), "Variance stabilizing transformations for electricity spot price forecasting",
IEEE Transactions on Power Systems 33(2). Near the centre it is linear, far from it logarithmic on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit.windows import Floats

_MAD_OF_NORMAL: Final = 0.6744897501960817
"""Median absolute deviation of a standard normal: dividing by it makes the MAD a standard deviation."""

_LEAST: Final = 1e-6
"""Share of a column's deviation, or of its centre, below which a spread is rounding."""

_BEYOND: Final = 1.0
"""How far past the values seen an inverse goes, in the transform's units: sinh turns a small overshoot of a
linear model into a price of any size. One unit is some e times the largest distance seen."""


@dataclass(frozen=True, slots=True)
class Asinh:
    """A column's centre, scale and range seen, each of shape (C,).

    A quantile goes through the inverse as it is, the transform being monotone: a model of the median in its
    units gives the median in prices, which is what the absolute error asks for, and no bias is to be added.
    """

    centre: Floats
    scale: Floats
    low: Floats
    high: Floats

    @classmethod
    def fit(cls, values: Floats) -> Asinh:
        """From values of shape (n, C), all finite, n >= 1. A column without spread keeps its own units."""
        centre = np.median(values, axis=0)
        mad = np.median(np.abs(values - centre), axis=0) / _MAD_OF_NORMAL
        # Most values alike, a few not (solar at night, a price cap): the deviation says more than such a MAD.
        deviation = values.std(axis=0)
        spread = np.where(mad > _LEAST * deviation, mad, deviation)
        scale = np.where(spread > _LEAST * np.maximum(np.abs(centre), _LEAST), spread, 1.0)
        seen = np.arcsinh((values - centre) / scale)
        return cls(centre, scale, seen.min(axis=0), seen.max(axis=0))

    def forward(self, values: Floats) -> Floats:
        """Prices of shape (…, C) to transformed values."""
        return np.arcsinh((values - self.centre) / self.scale)

    def inverse(self, transformed: Floats) -> Floats:
        """Transformed values of shape (…, C) to prices, held within the range seen and a unit beyond."""
        held = np.clip(transformed, self.low - _BEYOND, self.high + _BEYOND)
        return np.sinh(held) * self.scale + self.centre
