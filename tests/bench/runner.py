"""Runs the parts that were asked for and collects what they found; a part that fails is reported as such."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from tests.bench import (
    api,
    bring_up,
    consumer,
    corrections,
    curves,
    customers,
    downloads,
    engines,
    forecast,
    integration,
    latency,
    machine,
    markets,
    nights,
    plans,
    restore,
    server,
    stream,
    tables,
    training,
    upsert,
    warehouse,
)
from tests.bench.measure import reason
from tests.bench.quality import part as quality
from tests.bench.report import Figure, Part, Report
from tests.bench.rig import Rig
from tools.console import Step, step

Run = Callable[[Rig, Step], list[Figure]]

PARTS: Mapping[str, Run] = {
    "upsert": upsert.run,
    "consumer": consumer.run,
    "tables": tables.run,
    "corrections": corrections.run,
    "restore": restore.run,
    "training": training.run,
    "server": server.run,
    "latency": latency.run,
    "curves": curves.run,
    "customers": customers.run,
    "api": api.run,
    "stream": stream.run,
    "downloads": downloads.run,
    "engines": engines.run,
    "forecast": forecast.run,
    "nights": nights.run,
    "integration": integration.run,
    "quality": quality.run,
    "markets": markets.run,
    "plans": plans.run,
    "warehouse": warehouse.run,
    "up": bring_up.warm,
    "up-cold": bring_up.cold,
}


def bench(names: Sequence[str], *, quick: bool, skipped: Mapping[str, str]) -> Report:
    """Measure the named parts in their own order.

    Args:
        skipped: parts that are not run -> why; they stand in the report as well.
    """
    before, began = machine.load(), time.monotonic()
    started = datetime.now(UTC)
    found: list[Part] = []
    with Rig(quick=quick) as rig:
        for name in names:
            if name in skipped:
                found.append(Part(name=name, status="not run", seconds=0.0, figures=[], reason=skipped[name]))
            else:
                found.append(_part(name, PARTS[name], rig))
    return Report(
        machine=machine.look(before),
        quick=quick,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        parts=found,
    )


def _part(name: str, run: Run, rig: Rig) -> Part:
    started = time.monotonic()
    try:
        with step(f"bench {name}") as at:
            figures = run(rig, at)
    except Exception as error:
        return Part(
            name=name,
            status="failed",
            seconds=round(time.monotonic() - started, 1),
            figures=[],
            reason=reason(error),
        )
    return Part(name=name, status="done", seconds=round(time.monotonic() - started, 1), figures=figures)
