"""Whether quotes can hold together: a quarter whose months are all quoted has one price, theirs.

What a product is made of are atoms: hours that every product has all of, or none. A product whose atoms the
products before it make up has an implied price; where that is none that it is quoted at, both are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workloads.kit.curves.grid import Grid
from workloads.kit.curves.quotes import Quote
from workloads.kit.windows import Floats

REPRICED: Final = 1e-3
"""How far from its quote a product may be, in the quotes' unit."""
CLOSE: Final = 1e-6
"""How far outside bid and ask it may be: what a solver rounds."""
_INDEPENDENT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A quote, those that imply another price of it, the prices they imply at the least and most, the gap."""

    quote: Quote
    against: tuple[Quote, ...]
    implied: tuple[float, float]
    gap: float

    def __str__(self) -> str:
        low, high = self.implied
        others = ", ".join(one.says for one in self.against)
        value = f"{low:.6g}" if high - low < REPRICED else f"{low:.6g} to {high:.6g}"
        return f"{self.quote.says} contradicts {others}, which imply {value}: {self.gap:.4g} apart"


class Contradictory(ValueError):
    """Quotes that no curve meets."""

    def __init__(self, found: Sequence[Contradiction]) -> None:
        super().__init__("; ".join(map(str, found)) or "no curve is within all bids and asks")
        self.found = tuple(found)


def shares(quotes: Sequence[Quote], grid: Grid) -> Floats:
    """The share of each product's hours that each atom has: (Q, K), rows sum to 1.

    Raises:
        ValueError: a product has no hours, as the peak of a Sunday.
    """
    edges = sorted({(day - grid.first).days for one in quotes for day in one.days})
    part = np.searchsorted(edges, np.arange(grid.days), "right") - 1
    peaks = np.bincount(part, weights=grid.per_day(grid.peak), minlength=len(edges))
    others = np.bincount(part, weights=grid.per_day(~grid.peak), minlength=len(edges))
    made = np.zeros((len(quotes), 2 * len(edges)))
    for row, one in zip(made, quotes, strict=True):
        low, high = (edges.index((day - grid.first).days) for day in one.days)
        if one.profile != "off-peak":
            row[low:high] = peaks[low:high]
        if one.profile != "peak":
            row[len(edges) + low : len(edges) + high] = others[low:high]
        if not row.any():
            raise ValueError(f"{one.name} has no hours in {grid.zone.key}: leave it out")
        row /= row.sum()
    return made


class _Basis:
    """Independent rows so far, orthonormal, and how each is made of the rows that were given."""

    def __init__(self, width: int) -> None:
        self.members: list[int] = []
        self._rows = np.zeros((width, width))
        self._made = np.zeros((width, width))

    def combination(self, row: Floats) -> Floats | None:
        """Weights of `members` that make up the row; None, and it is one of them now, where none do."""
        count = len(self.members)
        rows, made = self._rows[:count], self._made[:count, :count]
        parts = rows @ row
        rest = row - parts @ rows
        again = rows @ rest  # once more, for what rounding left
        parts, rest = parts + again, rest - again @ rows
        size = float(np.linalg.norm(rest))
        if size < _INDEPENDENT or count == len(self._rows):
            return parts @ made
        self._rows[count] = rest / size
        self._made[count, :count] = -(parts @ made) / size
        self._made[count, count] = 1 / size
        return None


def binding(quotes: Sequence[Quote], grid: Grid) -> list[int]:
    """Which quotes have to be asked for; the others follow from them.

    Quotes of one price come before those of bid and ask, short ones before long ones, so that the long one
    is named that its parts do not make up.

    Raises:
        Contradictory: naming each quote that the others leave no room for.
        ValueError: as `shares`.
    """
    atoms = shares(quotes, grid)
    basis = _Basis(atoms.shape[1])
    kept: list[int] = []
    found: list[Contradiction] = []
    for number in sorted(range(len(quotes)), key=lambda one: _order(quotes[one])):
        quote = quotes[number]
        weights = basis.combination(atoms[number])
        if weights is None:
            basis.members.append(number)
            kept.append(number)
            continue
        made = [
            (weight, quotes[member])
            for weight, member in zip(weights, basis.members, strict=True)
            if abs(weight) > _INDEPENDENT
        ]
        low = sum(weight * (one.low if weight > 0 else one.high) for weight, one in made)
        high = sum(weight * (one.high if weight > 0 else one.low) for weight, one in made)
        gap = max(quote.low - high, low - quote.high, 0.0)
        if gap > (CLOSE if high > low or quote.low < quote.high else REPRICED):
            against = sorted((one for _, one in made), key=lambda one: one.days)
            found.append(Contradiction(quote, tuple(against), (low, high), gap))
        elif high > low:  # else it says nothing new
            kept.append(number)
    if found:
        raise Contradictory(found)
    return kept


def _order(quote: Quote) -> tuple[bool, int, str]:
    first, after = quote.days
    return quote.price is None, (after - first).days, quote.name
