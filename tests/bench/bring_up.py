"""`make up` on an instance of its own, which is taken down again: warm, cold, and with nothing to change."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from tests.bench.measure import Sample
from tests.bench.report import Figure, at_most
from tests.bench.rig import Rig
from tools import paths, proc
from tools.console import Step

_INSTANCE = "bench"
_WARM, _COLD, _UNCHANGED = 4 * 60.0, 45 * 60.0, 45.0


def warm(rig: Rig, step: Step) -> list[Figure]:
    """Everything is built, the node is down; then once more on what is up."""
    step.detail("building what is missing")
    _tools(rig, "toolchain", "ensure")
    _tools(rig, "images", "build")
    try:
        step.detail("warm")
        first = _up(rig, {})
        step.detail("no change")
        again = _up(rig, {})
    finally:
        _tools(rig, "down")
    return [_figure("node down, all built", first, _WARM), _figure("no change", again, _UNCHANGED)]


def cold(rig: Rig, step: Step) -> list[Figure]:
    """Nothing is there but what Debian's packages and the language's own caches left."""
    step.detail("with an empty cache")
    empty = {"CARBON_CACHE": str(rig.new_directory("cache"))}
    try:
        return [_figure("with an empty cache", _up(rig, empty), _COLD)]
    finally:
        _tools(rig, "down", extra=empty)


def _figure(name: str, seconds: float, limit: float) -> Figure:
    ours = Sample.of([seconds])
    return Figure(name=name, unit="s", ours=ours, others=[], aims=[at_most(ours, limit)])


def _up(rig: Rig, extra: Mapping[str, str]) -> float:
    started = time.monotonic()
    _tools(rig, "up", extra=extra)
    return time.monotonic() - started


def _tools(rig: Rig, *arguments: str, extra: Mapping[str, str] | None = None) -> None:
    environment = {"INSTANCE": _INSTANCE, "KUBE_CONTEXT": "", **(extra or {})}
    log = rig.directory / "up.log"
    command = [sys.executable, "-m", "tools", *arguments]
    proc.run(command, log=log, env=environment, cwd=paths.ROOT, timeout=2 * _COLD)
