"""Walk-forward evaluation: what a model is worth on windows that it had not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workloads.kit.contracts.models import Score, Window
from workloads.kit.revisions import instants
from workloads.kit.windows import Floats
from workloads.model_training.dataset import Dataset

_WORST: Final = -1e6
"""Skill of resampled rows on which the model made errors and the naive forecast none, by which nothing can be
divided: a number, since quantiles of it are kept in JSON."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to learn from and the later window to judge on."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def walk_forward(data: Dataset, *, folds: int, share: float, longest: int, embargo: int) -> list[Split]:
    """`folds` successive windows and the last one after them, each with every row known before it.

    A window is `share` of the rows, at most `longest`. Of the rows before it the last `embargo` are left out,
    and those whose label was published only after a row of the window came in: the first to come in need not
    be the first session.
    """
    size = max(1, min(longest, int(len(data) * share)))
    splits: list[Split] = []
    for window in range(folds + 1, 0, -1):
        start = len(data) - window * size
        opens = data.available[start : start + size].min()
        before = np.arange(max(0, start - embargo))
        splits.append(
            Split(
                train=before[data.label_available[before] <= opens],
                test=np.arange(start, start + size),
            )
        )
    return splits


def score(
    data: Dataset,
    test: NDArray[np.intp],
    predicted: Floats,
    *,
    confidence: float,
    resamples: int,
    seed: int,
    coverage: float | None = None,
) -> Score:
    """Errors of `predicted` log returns, shape of `test`, beside those of the naive forecast, which is 0."""
    ours, naive = np.abs(data.y[test] - predicted), np.abs(data.y[test])
    return Score(
        window=window_of(data, test),
        mae=float(ours.mean()),
        mae_naive=float(naive.mean()),
        skill=skill(ours, naive),
        lower=skill_lower_bound(ours, naive, confidence=confidence, resamples=resamples, seed=seed),
        coverage=coverage,
    )


def skill(ours: Floats, naive: Floats) -> float:
    """1 - MAE / MAE_naive; 0 where the naive forecast made no error."""
    total = float(naive.sum())
    return 1 - float(ours.sum()) / total if total else 0.0


def skill_lower_bound(ours: Floats, naive: Floats, *, confidence: float, resamples: int, seed: int) -> float:
    """One-sided lower confidence bound of the skill."""
    return float(np.quantile(_skills(ours, naive, resamples, seed), 1 - confidence))


def skill_upper_bound(ours: Floats, naive: Floats, *, confidence: float, resamples: int, seed: int) -> float:
    """One-sided upper confidence bound of the skill."""
    return float(np.quantile(_skills(ours, naive, resamples, seed), confidence))


def _skills(ours: Floats, naive: Floats, resamples: int, seed: int) -> Floats:
    """Skills of resampled rows, shape (resamples,), by a circular block bootstrap.

    Blocks (length: the cube root of the rows) keep quiet and stormy weeks together: errors of neighbouring
    sessions are not independent, and a bootstrap of single rows would be too sure.
    """
    rows = len(ours)
    length = math.ceil(rows ** (1 / 3))
    blocks = math.ceil(rows / length)
    starts = np.random.default_rng(seed).integers(0, rows, size=(resamples, blocks))
    offsets = np.arange(length)

    def sums(errors: Floats) -> Floats:
        per_block = errors[(np.arange(rows)[:, None] + offsets) % rows].sum(axis=1)
        return per_block[starts].sum(axis=1)

    errors, totals = sums(ours), sums(naive)
    shares = np.divide(errors, totals, out=np.where(errors > 0, np.inf, 1.0), where=totals > 0)
    return np.maximum(1 - shares, _WORST)


def conformal_quantile(scores: Floats, level: float) -> float:
    """Least q such that a further score is <= q with probability `level`, were it like these.

    The finite-sample correction takes the ceil((n + 1) * level)-th of n; with too few scores, the largest.
    """
    rank = min(len(scores), math.ceil((len(scores) + 1) * level))
    return float(np.sort(scores)[rank - 1])


def window_of(data: Dataset, rows: NDArray[np.intp]) -> Window:
    """The event times that rows span."""
    start, end = instants(data.event[rows[[0, -1]]])
    return Window(start=start, end=end, rows=len(rows))
