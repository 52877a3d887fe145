"""Perceptrons with one hidden layer and an output a period, learned from several beginnings and averaged.

Parts of the hidden layer are left out at random in each step (dropout: Srivastava, Hinton, Krizhevsky,
Sutskever, Salakhutdinov 2014, JMLR 15), far errors count as absolute ones (Huber 1964, Annals of Mathematical
Statistics 35), what is long ago counts less, and steps are Adam's (Kingma, Ba 2015, ICLR). scikit-learn's
perceptron has neither of the first two, which make it worth having here (docs/forecasts.md); hence this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workloads.kit.power.days import Dates, Days
from workloads.kit.power.features import WEEKDAYS
from workloads.kit.windows import Floats
from workloads.model_training.kinds.inputs import Inputs, Numbers, by_lag, season

_FAR: Final = np.float32(0.25)
"""Error, in transformed prices, beyond which it counts as an absolute one."""
_FARTHEST: Final = 6.0
"""Transformed inputs are cut there: none that was learned from is farther out."""
_MOMENTS: Final = (np.float32(0.9), np.float32(0.999))
_TINY: Final = np.float32(1e-8)


@dataclass(frozen=True, slots=True)
class Network:
    """`seeds` networks of `hidden` units each; `dropout` the share of units left out of a step, `decay` the
    penalty of weights' squares, `half_life` in days, `rate` the first step's, which falls to 0 by a cosine;
    `batch` days a step."""

    window: int = 1456
    every: int = 4
    seeds: int = 4
    hidden: int = 128
    dropout: float = 0.4
    decay: float = 1e-3
    half_life: float = 365.0
    epochs: int = 60
    rate: float = 2e-3
    batch: int = 64
    name: str = "network"

    def fit(self, past: Days) -> Fitted:
        inputs = Inputs.of(past, self.window)
        scales = by_lag(inputs.x.shape[1] - WEEKDAYS, past.periods)
        scales = np.concatenate([scales, np.ones(WEEKDAYS)])
        scales *= np.sqrt(len(scales) / np.sum(scales**2))
        x, y = _seen(inputs.x, inputs.dates, scales), inputs.y.astype(np.float32)
        day = inputs.dates.astype("datetime64[D]").astype(np.float64)
        trust = np.exp2((day - day[-1]) / self.half_life)
        layers = self._learn(x, y, (trust / trust.mean()).astype(np.float32))
        return Fitted(inputs, scales, layers)

    def _learn(self, x: Numbers, y: Numbers, trust: Numbers) -> Layers:
        random = np.random.default_rng(0)
        layers = Layers.new(random, self.seeds, x.shape[1], self.hidden, np.median(y, axis=0))
        means = [np.zeros_like(one) for one in layers.all()]
        squares = [np.zeros_like(one) for one in layers.all()]
        size = min(self.batch, len(x))
        steps = self.epochs * (len(x) // size)
        chosen = self._batches(random, len(x), size)
        for step in range(1, steps + 1):
            rows = next(chosen)
            kept = random.random((self.seeds, size, self.hidden), dtype=np.float32) >= self.dropout
            slopes = layers.slopes(x[rows], y[rows], trust[rows], _scaled(kept, self.dropout))
            rate = np.float32(self.rate * 0.5 * (1 + np.cos(np.pi * step / steps)))
            even = [1 - moment**step for moment in _MOMENTS]
            for weights, slope, mean, square in zip(layers.all(), slopes, means, squares, strict=True):
                slope += np.float32(self.decay) * weights if weights.shape[1] > 1 else 0  # no bias is pulled
                mean += (1 - _MOMENTS[0]) * (slope - mean)
                square += (1 - _MOMENTS[1]) * (slope**2 - square)
                weights -= rate * (mean / even[0]) / (np.sqrt(square / even[1]) + _TINY)
        return layers

    def _batches(self, random: np.random.Generator, count: int, size: int) -> Iterator[NDArray[np.intp]]:
        """Days of a step for each network, (S, size): each day once an epoch, but for a rest."""
        while True:
            order = np.stack([random.permutation(count) for _ in range(self.seeds)])
            for first in range(0, count - size + 1, size):
                yield order[:, first : first + size]


@dataclass(frozen=True, slots=True)
class Layers:
    """Of S networks: `inner` (S, F, U), `inner_bias` (S, 1, U), `outer` (S, U, H), `outer_bias` (S, 1, H)."""

    inner: Numbers
    inner_bias: Numbers
    outer: Numbers
    outer_bias: Numbers

    @classmethod
    def new(cls, random: np.random.Generator, seeds: int, width: int, hidden: int, usual: Numbers) -> Layers:
        """Random ones (He, Zhang, Ren, Sun 2015, ICCV) that begin near a usual day's prices (H,)."""

        def drawn(rows: int, columns: int, share: float) -> Numbers:
            return random.normal(0, share * np.sqrt(2 / rows), (seeds, rows, columns)).astype(np.float32)

        bias = np.broadcast_to(usual, (seeds, 1, len(usual))).astype(np.float32)
        inner_bias = np.zeros((seeds, 1, hidden), np.float32)
        return cls(drawn(width, hidden, 1.0), inner_bias, drawn(hidden, len(usual), 0.5), bias)

    def all(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        return self.inner, self.inner_bias, self.outer, self.outer_bias

    def slopes(
        self, x: Numbers, y: Numbers, trust: Numbers, kept: Numbers
    ) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Of the mean error of a step's days, x (S, n, F) and y (S, n, H), by each of `all()`; `kept`
        (S, n, U) is 0 where a unit is left out."""
        raw = x @ self.inner + self.inner_bias
        factor = kept * (raw > 0)
        units = raw * factor
        error = units @ self.outer + self.outer_bias - y
        far = np.clip(error / _FAR, np.float32(-1), np.float32(1))
        slope = far * (trust[..., np.newaxis] / np.float32(x.shape[1]))
        back = (slope @ self.outer.transpose(0, 2, 1)) * factor
        return (
            x.transpose(0, 2, 1) @ back,
            back.sum(axis=1, keepdims=True),
            units.transpose(0, 2, 1) @ slope,
            slope.sum(axis=1, keepdims=True),
        )

    def predict(self, x: Numbers) -> Floats:
        """Transformed prices (n, H) of n days, the mean of the networks."""
        units = np.maximum(x @ self.inner + self.inner_bias, 0)
        return (units @ self.outer + self.outer_bias).mean(axis=0).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Fitted:
    inputs: Inputs
    scales: Floats
    """(F,)"""
    layers: Layers

    def predict(self, known: Days) -> Floats:
        row = _seen(self.inputs.row(known), known.dates[-1:], self.scales)
        return self.inputs.prices.inverse(self.layers.predict(row)[0])


def _scaled(kept: NDArray[np.bool_], dropout: float) -> Numbers:
    """What is kept counts for what is not, so that nothing is scaled when it predicts."""
    return kept.astype(np.float32) / np.float32(1 - dropout)


def _seen(x: Floats, dates: Dates, scales: Floats) -> Numbers:
    """Inputs (n, F) as the networks see them, and the time of year: (n, F + 2)."""
    held = np.clip(x, -_FARTHEST, _FARTHEST) * scales
    return np.hstack([held, season(dates)]).astype(np.float32)
