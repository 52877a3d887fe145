"""How the settings of the kinds were chosen: what was tried on the year before the test period, and its MAE.

`python -m tests.bench.power.choice FILE TABLE [NAME…]` walks the candidates that TABLE, a CSV file, has not
yet, over the last year before the test period, and adds a line for each. Nothing of the test period is read.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.power import sets
from workloads.kit.power.days import Days
from workloads.model_training import day_ahead
from workloads.model_training.kinds import Kind, ensemble, intervals
from workloads.model_training.kinds.forest import Forest
from workloads.model_training.kinds.kernel import Kernel
from workloads.model_training.kinds.lear import WINDOWS, Lear
from workloads.model_training.kinds.naive import Naive
from workloads.model_training.kinds.network import Network

_YEAR: Final = 365
_FIELDS: Final = ("candidate", "settings", "mae", "seconds")


def _short(window: int, *, half_life: float) -> Kernel:
    return Kernel(window=window, own=1.0, season=0.0, half_life=half_life, name=f"kernel-{window}")


def _network(**changed: Any) -> Network:
    """Learned anew each four weeks, one setting changed at a time."""
    return replace(Network(every=28), **changed)


CANDIDATES: Final[Mapping[str, Kind]] = {
    "naive": Naive(),
    **{f"lear-{window}": Lear(window) for window in (56, 84, 182, 364, 728, 1092, 1456)},
    "lear-84-weekly": Lear(84, every=7),
    "lear-1092-fortnightly": Lear(1092, every=14),
    "lear-1456-fortnightly": Lear(1456, every=14),
    "kernel": Kernel(),
    "kernel-weekly": Kernel(every=7),
    "kernel-monthly": Kernel(every=28),
    "kernel-own-1": Kernel(every=28, own=1.0),
    "kernel-season-0": Kernel(every=28, season=0.0),
    "kernel-own-1-season-0": Kernel(every=28, own=1.0, season=0.0),
    "kernel-half-730": Kernel(every=28, half_life=730),
    "kernel-half-180": Kernel(every=28, half_life=180),
    "kernel-noise-0.1": Kernel(every=28, noise=0.1),
    "kernel-noise-0.6": Kernel(every=28, noise=0.6),
    "kernel-reach-0.9": Kernel(every=28, reach=0.9),
    "kernel-reach-1.8": Kernel(every=28, reach=1.8),
    "kernel-linear-0.3": Kernel(every=28, linear=0.3),
    "kernel-365": _short(365, half_life=180),
    "kernel-365-even": _short(365, half_life=1e9),
    "kernel-182": _short(182, half_life=120),
    "network": Network(),
    "network-monthly": _network(),
    "network-dropout-0": _network(dropout=0.0),
    "network-dropout-0.2": _network(dropout=0.2),
    "network-even": _network(half_life=1e9),
    "network-256": _network(hidden=256),
    "network-penalty-0.01": _network(decay=1e-2),
    "network-100-epochs": _network(epochs=100),
    "network-rate-0.004": _network(rate=4e-3),
    "forest": Forest(),
}


def main(arguments: list[str]) -> None:
    """Add to the table what it lacks."""
    file, table, *names = arguments
    data = sets.read(Path(file))
    days = data.days.before(data.first)
    first = len(days) - _YEAR
    done = _read(Path(table))
    for name in names or [*CANDIDATES, "ensemble"]:
        if name in done:
            continue
        if name == "ensemble":
            lines = _ensembles(days, first)
        else:
            kind = CANDIDATES[name]
            walked = day_ahead.walk(days, (kind,), first)
            mae = _mae(walked.of(kind.name), days, first)
            lines = [(name, repr(kind), f"{mae:.4f}", f"{walked.seconds[0] / _YEAR:.3f}")]
        _add(Path(table), lines)


def _ensembles(days: Days, first: int) -> list[tuple[str, str, str, str]]:
    """The ensemble of the members with all of them, without each, and by equal weights; its intervals."""
    walked = day_ahead.walk(days, day_ahead.members(), day_ahead.warm_up(first))
    skip, prices = first - walked.first, days.prices[walked.first :]
    seconds = f"{walked.seconds.sum() / len(walked.forecasts):.3f}"

    def mae(forecasts: np.ndarray) -> str:
        return f"{_mae(forecasts[skip:], days, first):.4f}"

    weighed, shares = ensemble.walk_ensemble(walked.forecasts, prices)
    raw = np.einsum("dm,dmh->dh", shares, walked.forecasts)
    found = [(f"member {name}", "", mae(walked.of(name)), "") for name in walked.names]
    found.append(("ensemble", f"last {ensemble.WINDOW} days, pull {ensemble.SHRINK}", mae(weighed), seconds))
    found.append(("ensemble, errors of late left in", "", mae(raw), ""))
    found.append(("ensemble of equal weights", "", mae(walked.forecasts.mean(axis=1)), ""))
    lears = [place for place, name in enumerate(walked.names) if name.startswith("lear-")]
    found.append(("mean of LEAR windows", str(WINDOWS), mae(walked.forecasts[:, lears].mean(axis=1)), ""))
    for place, name in enumerate(walked.names):
        without, _ = ensemble.walk_ensemble(np.delete(walked.forecasts, place, axis=1), prices)
        found.append((f"ensemble without {name}", "", mae(without), ""))
    quantiles = intervals.walk_intervals(weighed, walked.forecasts.std(axis=1), prices)[skip:]
    low, high, actual = quantiles[:, 0], quantiles[:, -1], prices[skip:]
    covered = np.mean((low <= actual) & (actual <= high))
    found.append(("90 % interval", f"covered {covered:.3f}, width {np.mean(high - low):.2f}", "", ""))
    return found


def _mae(forecasts: np.ndarray, days: Days, first: int) -> float:
    return float(np.nanmean(np.abs(forecasts - days.prices[first:])))


def _read(table: Path) -> set[str]:
    if not table.exists():
        return set()
    with table.open(newline="") as lines:
        return {row["candidate"] for row in csv.DictReader(lines)}


def _add(table: Path, lines: list[tuple[str, str, str, str]]) -> None:
    new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([_FIELDS, *lines] if new else lines)


if __name__ == "__main__":
    main(sys.argv[1:])
