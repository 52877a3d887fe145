"""Forecasts of day-ahead power on the prices that DATA names: walked forward, beside what is published."""

from __future__ import annotations

import dataclasses
import os
from typing import Final

import msgspec
from rich.console import Console

from tests.bench.measure import Measured, Sample
from tests.bench.power import screen, sets
from tests.bench.power.results import ENSEMBLE, LEAR_MEAN, NAIVE, Result, judge
from tests.bench.report import Figure, Other, at_least, at_most, times_at_most
from tests.bench.rig import Rig
from tools import paths
from tools.console import Step
from workloads.model_training import day_ahead
from workloads.model_training.kinds.naive import Naive

_OUT: Final = paths.ROOT
"""Where a set's own document goes, beside bench.json."""


def run(rig: Rig, step: Step) -> list[Figure]:
    figures: list[Figure] = []
    for file in sets.find(os.environ.get("DATA", "")):
        step.detail(f"reading {file.name}")
        data = sets.read(file)
        result = _walk(data, step, quick=rig.quick)
        out = _OUT / f"forecast-{data.name}.json"
        out.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
        console = Console()
        screen.show(result, console if console.is_terminal else Console(width=160))
        step.note(f"{data.name}: {out.name}")
        figures += _figures(result)
    return figures


def _walk(data: sets.Set, step: Step, *, quick: bool) -> Result:
    if quick:  # to see that it works: the days before and a few weeks of the test period
        last = min(len(data.days), data.first + 28)
        published = {name: one[: last - data.first] for name, one in data.published.items()}
        data = dataclasses.replace(data, days=data.days.before(last), published=published)
    start = day_ahead.warm_up(data.first)

    def told(done: int, of: int) -> None:
        step.detail(f"{data.name}: day {done} of {of}")

    members = day_ahead.members()
    walked = day_ahead.walk(data.days, (*members, *day_ahead.beside()), start, told)
    naive = day_ahead.walk(data.days, (Naive(),), start).of(NAIVE)
    ensemble = day_ahead.combine(walked.only([kind.name for kind in members]), data.days)
    return judge(data, walked, ensemble, naive)


def _once(value: float) -> Measured:
    return Sample.of([value])


def _figures(result: Result) -> list[Figure]:
    ours = result.row(ENSEMBLE)
    mae = _once(ours.errors.mae)
    peers = [row for row in result.rows if row.seconds is None or row.name == LEAR_MEAN]
    others = [Other(row.name, "peer", _once(row.errors.mae)) for row in peers]
    quarters = [one for one in result.intervals.by_quarter.values() if one.periods]
    worst = max((abs(one.coverage - 0.9) for one in quarters), default=float("nan"))
    constant = Other("constant interval", "peer", _once(result.intervals.constant))
    width = _once(result.intervals.whole.width)
    accuracy, off, seconds = _once(ours.errors.accuracy), _once(worst), _once(result.longest)
    made = "; ".join(f"{name} {weight:.2f}" for name, weight in result.weights.items() if weight >= 0.005)
    return [
        Figure(
            name=f"{result.name}: mean absolute error, {result.start} to {result.end}",
            unit="price",
            ours=mae,
            others=others,
            aims=[times_at_most(mae, other, 1.0) for other in others],
            note=f"mean weights: {made}",
        ),
        Figure(
            name=f"{result.name}: accuracy, 1 - MAE / mean |price|",
            unit="share",
            ours=accuracy,
            others=[],
            aims=[at_least(accuracy, 0.85)],
        ),
        Figure(
            name=f"{result.name}: 90 % interval, coverage off by, worst quarter",
            unit="share",
            ours=off,
            others=[],
            aims=[at_most(off, 0.02)],
        ),
        Figure(
            name=f"{result.name}: 90 % interval, mean width",
            unit="price",
            ours=width,
            others=[constant],
            aims=[times_at_most(width, constant, 1.0)],
        ),
        Figure(
            name=f"{result.name}: all kinds calibrated anew on one day",
            unit="s of one core",
            ours=seconds,
            others=[],
            aims=[at_most(seconds, 30)],
            note=f"{ours.seconds or 0:.2f} s a day on average, each kind in its own rhythm",
        ),
    ]
