"""`make bench PARTS=quality DATA=…`: how soon an alert is there, recall by kind of fault,
hours flagged without a fault, rows a second.

The days of a set up to the end of 2014 are those that the thresholds were chosen on; the figures of recall
are of those after it, or of all where there are none. `choice` says how they were chosen.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from tests import faults
from tests.bench import contenders
from tests.bench.measure import Sample, in_turn, sample
from tests.bench.power import sets
from tests.bench.quality import alerting
from tests.bench.report import Figure, Other, at_least, at_most
from tests.bench.rig import Rig
from tools.console import Step
from workloads.kit.contracts.quality import QualityRule

CHOSEN_UNTIL: Final = np.datetime64("2015-01-01")
_SEEDS: Final = {"drift": 6, "shift": 4}
_OTHERS: Final = 2
"""Times that each kind is laid over the days, elsewhere each time."""


def run(rig: Rig, step: Step) -> list[Figure]:
    figures = [alerting.latency(rig, step)]
    for file in sets.find(os.environ.get("DATA", "")):
        step.detail(f"reading {file.name}")
        data = sets.read(file)
        dates, prices = data.days.dates, np.nan_to_num(data.days.prices)
        start = int(np.searchsorted(dates, CHOSEN_UNTIL))
        start = 0 if start + 200 > len(dates) else start
        if rig.quick:
            dates, prices, start = dates[:500], prices[:500], 0
        first = datetime.fromisoformat(str(dates[0])).replace(tzinfo=UTC)
        days = faults.points(first, prices.tolist())
        figures += [
            *_recalls(data.name, days[start:], step, quick=rig.quick),
            *(_false_alarms(data.name, days, since, step) for since in sorted({0, start})),
            _rate(rig, data.name, prices, days, step),
        ]
    return figures


def _recalls(name: str, days: faults.Days, step: Step, *, quick: bool) -> list[Figure]:
    return [_recall(name, days, kind, step, quick=quick) for kind in faults.FAULTS]


def _recall(name: str, days: faults.Days, kind: QualityRule, step: Step, *, quick: bool) -> Figure:
    laid = found = 0
    for seed in range(1 if quick else _SEEDS.get(kind, _OTHERS)):
        step.detail(f"{name}: {kind}, round {seed + 1}")
        changed, there = faults.lay(kind, days, seed)
        laid += len(there)
        found += faults.found(there, faults.watch(changed))
    recall = Sample.of([found / laid])
    return Figure(
        name=f"{name}: {kind}, recall from {days[0][0].start:%Y-%m-%d} on",
        unit="share",
        ours=recall,
        others=[],
        aims=[at_least(recall, faults.FOUND)],
        note=f"{found} of {laid} faults",
    )


def _false_alarms(name: str, days: faults.Days, since: int, step: Step) -> Figure:
    """Of the days from `since` on, with those before them known."""
    step.detail(f"{name}: untouched")
    first, counted = days[since][0].start, days[since:]
    hours: Counter[str] = Counter()
    for finding in faults.watch(days):
        if finding.start >= first:
            hours[finding.rule] += finding.rows
    share = Sample.of([sum(hours.values()) / sum(map(len, counted))])
    said = ", ".join(f"{rule} {count}" for rule, count in hours.most_common())
    return Figure(
        name=f"{name}: hours flagged of {len(counted)} untouched days from {first:%Y-%m-%d} on",
        unit="share",
        ours=share,
        others=[],
        aims=[at_most(share, round(sum(faults.FLAGGED.values()), 3))],
        note=f"hours: {said}",
    )


def _rate(rig: Rig, name: str, prices: np.ndarray, days: faults.Days, step: Step) -> Figure:
    rows = sum(map(len, days))

    def ours() -> float:
        began = time.process_time()
        faults.watch(days)
        return rows / (time.process_time() - began)

    with TemporaryDirectory() as directory:
        file = Path(directory) / "prices.npy"
        np.save(file, prices)

        def pandera() -> float:
            python = contenders.environment("pandera")
            return float(contenders.run("peers/pandera_batches", {"file": str(file)}, python)["rate"])

        results = in_turn({"ours": ours, "pandera": pandera}, rig.repetitions, step)
    rates = {who: sample(found, float) for who, found in results.items()}
    return Figure(
        name=f"{name}: all rules, one value after the other",
        unit="values a second of one core",
        ours=rates["ours"],
        others=[Other("pandera, range, step and repeats only, a day a batch", "peer", rates["pandera"])],
        aims=[at_least(rates["ours"], 50_000)],
    )
