"""What counts as an anomaly."""

from __future__ import annotations

import numpy as np

from tests.prices import walk
from workloads.kit.features import DEFAULT, WINDOW, FeatureSpec
from workloads.prediction_consumer.anomalies import anomalous


def test_a_predicted_return_or_a_price_jump_beyond_the_threshold_is_one() -> None:
    calm = walk(1, WINDOW)
    volatility = np.diff(np.log(calm[:-1]))[-30:].std(ddof=1)
    calm[-1] = calm[-2]
    jump_below, jump_beyond = calm.copy(), calm.copy()
    jump_below[-1] *= np.exp(-3.9 * volatility)
    jump_beyond[-1] *= np.exp(-4.1 * volatility)
    windows = np.stack([calm, calm, calm, jump_below, jump_beyond])
    predicted = np.array([0.0, 3.9 * volatility, -4.1 * volatility, 0.0, 0.0])
    assert anomalous(windows, predicted, 4.0, DEFAULT).tolist() == [False, False, True, False, True]


def test_a_move_after_a_constant_price_is_one_and_standing_still_is_not() -> None:
    still = np.full(WINDOW, 50.0)
    moved = still.copy()
    moved[-1] = 50.01
    assert anomalous(np.stack([still, moved]), np.zeros(2), 4.0, DEFAULT).tolist() == [False, True]


def test_the_shortest_window_is_enough() -> None:
    spec = FeatureSpec(2, 30, ())
    assert anomalous(walk(2, spec.size)[np.newaxis], np.array([1.0]), 4.0, spec).tolist() == [True]
