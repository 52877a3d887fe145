"""The shortest vector within bounds, by the dual active set of Goldfarb and Idnani (1983).

It starts from what is asked exactly and takes in one bound at a time that is broken, so that a bound that
does not bind is never computed with, and ends at a solution of linear equations: no tolerance says how near
the optimum is near enough. A solver of interior points stops anywhere where its objective is nearly flat, and
the roughness of a curve of years is.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy import linalg as untyped_linalg  # pyright: ignore[reportMissingTypeStubs]

from workloads.kit.windows import Floats

_linalg: Final[Any] = untyped_linalg

_WITHIN: Final = 1e-9
"""How far outside a bound a row may end, beside the largest of them."""
_DEPENDENT: Final = 1e-12
"""A row that has no more than this of its length beside others is made up of them."""
_ROUNDS: Final = 20
"""Bounds that may be taken in, for each row: some are let go again, and there are never near as many."""


class Infeasible(ValueError):
    """Nothing is within the bounds."""


class Unfinished(ValueError):
    """Something may be within the bounds, and was not found; with the remedy."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"no curve was found for the quotes ({why}): leave out those that hardly differ from others, or"
            " that are far from them, or ask for the rest alone"
        )


def directions(rows: Floats) -> tuple[Floats, Floats]:
    """Orthonormal columns, and how rows are made of them: rows.T = basis @ made, and made is triangular."""
    found: Any = np.linalg.qr(rows.T)
    return found.Q, found.R


class _Held:
    """Rows that are met exactly, one orthonormal direction each: rows[numbers].T = basis @ made."""

    def __init__(self, rows: Floats, numbers: list[int]) -> None:
        self.numbers = numbers
        self.basis, self.made = directions(rows[numbers])

    def through(self, values: Floats) -> tuple[Floats, Floats]:
        """The shortest vector with these values, and the force of each row: how much of it is added up."""
        parts = _linalg.solve_triangular(self.made, values, trans="T")
        return self.basis @ parts, _linalg.solve_triangular(self.made, parts)

    def parts(self, row: Floats) -> tuple[Floats, Floats]:
        """A row's parts in the directions, and the rest of it."""
        parts = self.basis.T @ row
        rest = row - self.basis @ parts
        again = self.basis.T @ rest  # once more, for what rounding left
        return parts + again, rest - self.basis @ again

    def add(self, number: int, parts: Floats, rest: Floats) -> None:
        """Hold one more row, as `parts` has it."""
        length = np.linalg.norm(rest)
        self.numbers.append(number)
        self.basis = np.column_stack([self.basis, rest / length])
        self.made = np.block([[self.made, parts[:, None]], [np.zeros((1, len(parts))), length]])

    def drop(self, place: int) -> int:
        """Let the row at a place go; its number."""
        number = self.numbers.pop(place)
        basis, made = _linalg.qr_delete(self.basis, self.made, place, which="col")
        count = len(self.numbers)
        self.basis, self.made = basis[:, :count], made[:count]
        return number


def shortest(rows: Floats, low: Floats, high: Floats) -> Floats:
    """argmin |v| with low <= rows @ v <= high; there is never more than one.

    Args:
        rows: (M, N); those with `low` equal to `high` are independent of each other.
        low, high: (M,), infinite where there is no bound.

    Raises:
        Infeasible: there is none.
        Unfinished: rounding kept it from being found.
    """
    # Which bound a row is held at: 1 the low, -1 the high; 0 where it is not, or has one value.
    side = np.zeros(len(rows))
    held = _Held(rows, np.flatnonzero(low == high).tolist())
    for _ in range(_ROUNDS * (1 + len(rows))):
        found, force = held.through(np.where(side < 0, high, low)[held.numbers])
        means = rows @ found
        broken = np.maximum(low - means, means - high)
        broken[held.numbers] = 0.0
        if broken.max(initial=0.0) <= _WITHIN * max(1.0, float(np.abs(means).max(initial=0.0))):
            return found
        worst = int(broken.argmax())
        side[worst] = 1.0 if means[worst] < low[worst] else -1.0
        _take_in(held, worst, rows[worst], side, force, float(broken[worst]))
    raise Unfinished("bounds are taken in and let go in turn")


def _take_in(held: _Held, number: int, row: Floats, side: Floats, force: Floats, broken: float) -> None:
    """Hold the row as well; those that would pull the wrong way by then are let go before."""
    while True:
        parts, rest = held.parts(row)
        length = float(rest @ rest)
        whole = broken / length if length > _DEPENDENT**2 * float(row @ row) else np.inf
        # Each row's force falls by this for each step towards the bound; none but an exact one's may turn.
        falls = side[number] * _linalg.solve_triangular(held.made, parts)
        turning = side[held.numbers] * falls > 0
        steps = np.full(len(force), np.inf)
        steps[turning] = np.maximum(force[turning] / falls[turning], 0.0)
        step = float(steps.min(initial=np.inf))
        if whole <= step:
            if np.isinf(whole):
                raise Infeasible("nothing is within the bounds")
            held.add(number, parts, rest)
            return
        place = int(steps.argmin())
        force = np.delete(force - step * falls, place)
        broken -= step * length
        side[held.drop(place)] = 0.0
