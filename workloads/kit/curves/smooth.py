"""The smoothest daily curves that give each product its price: a quadratic program, solved by its active set.

After Benth, Koekebakker and Ollmar (2007): what a curve adds to its seasonal shape has the least integral of
its squared second derivative, and is flat where it ends. Here a day is a step and a difference stands for a
derivative, so that a product's mean is a sum over its days, each counted by its hours.

What is looked for are the differences and where each curve ends, not the days: the roughness is then the
plain length of a vector, and means take no more numbers of it than there are products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit.curves.least import directions, shortest
from workloads.kit.windows import Floats

_FREE: Final = 1e-3
"""What an end costs for each step from where it was taken to be, where the smoothest bend costs 1. It is to
cost nothing, which is no shortest vector; so it is taken to be where it came out, and asked again."""
_ROUNDS: Final = 2
"""Each leaves a millionth, the square of that, of how far ends are from where they would be at no cost."""
_ADDED: Final = 1e-4
"""What additions of peak hours cost beside a step from the middle of bid and ask: they are as small as they
can be where no quote says otherwise."""


@dataclass(frozen=True, slots=True)
class Means:
    """What M products ask of D days' level and, where there is one, of what peak hours have above it.

    Args:
        weights: (M, D) or (M, 2 D); a product's mean is its row times the levels, then the additions.
        low, high: (M,), bounds of the means; equal where a product has one price, infinite where none.
        near: (M,), what means with two bounds are to be near, of curves that are equally smooth; their middle
            where it is not given.
    """

    weights: Floats
    low: Floats
    high: Floats
    near: Floats | None = None


def smoothest(days: int, means: Means) -> Floats:
    """The levels, and the additions of peak hours where the weights have them: (1, D) or (2, D).

    Where that leaves choice, it is of where the curves end: means are as near as they can be to what they are
    to be near, then additions as small.

    Raises:
        Infeasible: there are none within the bounds.
        Unfinished: there may be, and none was found.
    """
    count, curves = len(means.weights), int(means.weights.shape[1]) // days
    parts = means.weights.reshape(count, curves, days)
    # A level is its end plus, twice summed up from there, its differences; so is a mean of levels.
    ends = parts.sum(axis=2)
    bends = np.cumsum(np.cumsum(parts[:, :, :-1], axis=2), axis=2).reshape(count, curves * (days - 1))
    basis, made = directions(bends)
    size = float(np.linalg.norm(made, axis=0).max(initial=0.0)) or 1.0
    rows = made.T / size

    two = np.isfinite(means.low) & np.isfinite(means.high)
    about = float((means.low[two] / 2 + means.high[two] / 2).mean()) if two.any() else 0.0
    at = np.array([about, 0.0][:curves])
    bent = np.zeros(len(made))
    for _ in range(_ROUNDS):
        from_ends = ends @ at
        solved = shortest(np.hstack([rows, ends / _FREE]), means.low - from_ends, means.high - from_ends)
        bent, at = solved[: len(bent)], at + solved[len(bent) :] / _FREE

    differences = (basis @ (bent / size)).reshape(curves, days - 1)
    levels = np.zeros((curves, days))
    levels[:, :-1] = np.cumsum(np.cumsum(differences[:, ::-1], axis=1), axis=1)[:, ::-1]
    levels += at[:, None]
    moved = _settled(means, ends, rows @ bent + ends @ at, levels.mean(axis=1))
    return levels + moved[:, None]


def _settled(means: Means, ends: Floats, values: Floats, average: Floats) -> Floats:
    """How far each curve is to be moved as a whole, which costs no smoothness.

    Args:
        values: (M,), the products' means before.
        average: of each curve's days before.
    """
    exact = means.low == means.high
    _, sizes, axes = np.linalg.svd(ends[exact])
    free = axes[int((sizes > 1e-9).sum()) :].T  # moves that leave one-priced products where they are
    if not free.size:
        return np.zeros(len(average))
    both = np.isfinite(means.low) & np.isfinite(means.high) & ~exact
    near = means.low / 2 + means.high / 2 if means.near is None else means.near
    wishes, wanted = ends[both], near[both] - values[both]
    if len(average) > 1:
        wishes, wanted = np.vstack([wishes, [0.0, _ADDED]]), np.append(wanted, -_ADDED * average[1])
    basis, made = directions((wishes @ free).T)
    along = free @ np.linalg.inv(made)
    start, rows = basis.T @ wanted, ends[~exact] @ along
    # Bounds that are just met are so by rounding, and not moving is always allowed.
    low = np.minimum((means.low - values)[~exact], 0.0) - rows @ start
    high = np.maximum((means.high - values)[~exact], 0.0) - rows @ start
    return along @ (shortest(rows, low, high) + start)
