"""Power markets: years of history of many zones onto the topic, by the markets' own library, of stand-ins;
and how fresh what is published is in the API. Beside it a plain loop: the library's call, and a send of each
row, without checks, ledger or transactions.

The stand-ins answer at once, unpaced and on the same machine: seconds of the clock hold their work too,
those of one core do not. A real market adds its own time to answer and its pace.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta

from tests.bench import market_freshness
from tests.bench.measure import Sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig, new_topic
from tests.markets.all import KEYS, everything
from tests.markets.platform import Connectors
from tools.console import Step
from tools.paths import ROOT
from workloads.kit.contracts.markets import MARKETS
from workloads.market_connectors.feeds import feeds

_FIRST = date(2023, 1, 1)
_AIM_MINUTES = 10.0
_SHOWN_SECONDS = 5.0
"""Between two looks at how far a run is."""
_ZONES = [
    name for name, market in MARKETS.items() if market.library == "entsoe-py" and len(feeds(market)) == 1
]
"""Of prices alone, so that markets are alike."""


@dataclass(frozen=True)
class _Run:
    """Seconds of the clock, seconds of one core that the process took, and questions that it asked."""

    seconds: float
    core: float
    asked: int


def run(rig: Rig, step: Step) -> list[Figure]:
    """Once: the topic then has it all. The second run shows what it costs to find that out."""
    zones, days = _ZONES[: rig.sized(30, 2)], rig.sized(1096, 10)
    directory = rig.new_directory("markets")
    world, stood = everything(rig.new_directory("market-hosts"))
    env = {"KAFKA_BOOTSTRAP": rig.kafka.bootstrap, **rig.database.env("market_connectors")}
    connectors = Connectors(world, directory, zones, KEYS, env, seconds=4 * 3600)
    last = _FIRST + timedelta(days=days - 1)
    # First: its consumer reads all that is on the topic.
    fresh = market_freshness.figure(rig, step, zones)

    def measured(what: str, work: Callable[[], None]) -> _Run:
        world.asked.clear()
        began, before = time.monotonic(), _core()
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(work)
            while not done.done():
                passed = time.monotonic() - began
                step.detail(f"{what}: {len(world.asked)} questions, {passed:.0f} s")
                wait([done], _SHOWN_SECONDS)
            done.result()
        return _Run(time.monotonic() - began, _core() - before, len(world.asked))

    def bring() -> None:
        connectors.run("--from", str(_FIRST), "--to", str(last))

    def loop() -> None:
        asked = f"{','.join(zones)} {_FIRST} {last} {new_topic(rig.kafka, 'market-loop')}"
        connectors.process(ROOT / "tests" / "bench" / "market_loop.py", *asked.split())

    try:
        first = measured("history", bring)
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        again = measured("the same again", bring)
        plain = measured("a plain loop", loop)
    finally:
        world.close()
    (nothing,), (brought,) = rig.database.query("SELECT detail FROM job_runs ORDER BY id DESC LIMIT 2")
    published = _published(brought)
    expected = sum(
        len(stood[name].market.day(stood[name].name, _FIRST + timedelta(days=n)))
        for name in zones
        for n in range(days)
    )
    if (published, _published(nothing), again.asked) != (expected, 0, 0):
        raise RuntimeError(f"{published} of {expected} rows, then {again.asked} questions: {nothing}")
    what = f"{len(zones)} zones, {days} days, {published:,} rows"
    minutes = _one(first.seconds / 60)
    peer = Other("entsoe-py and send, unchecked", "peer", _one(plain.seconds / 60))
    rate = _one(published / first.core)
    peer_rate = Other(peer.name, "peer", _one(published / plain.core))
    return [
        fresh,
        Figure(
            name=what,
            unit="min",
            ours=minutes,
            others=[peer],
            aims=[at_most(minutes, _AIM_MINUTES)] if not rig.quick else [],
            note=f"{first.seconds:.0f} s; {_note(first)}; {most:.0f} MiB at most",
        ),
        Figure(
            name="rows a second",
            unit="rows/s",
            ours=_one(published / first.seconds),
            others=[Other(peer.name, "peer", _one(published / plain.seconds))],
            aims=[],
        ),
        Figure(name="rows a second of one core", unit="rows/s", ours=rate, others=[peer_rate], aims=[]),
        Figure(
            name="the same again", unit="s", ours=_one(again.seconds), others=[], aims=[], note=_note(again)
        ),
    ]


def _published(detail: dict[str, dict[str, dict[str, int]]]) -> int:
    return sum(source.get("published", 0) for source in detail["sources"].values())


def _core() -> float:
    """Seconds of one core of all processes that were run to their end."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _one(value: float) -> Sample:
    return Sample.of([value])


def _note(of: _Run) -> str:
    return f"{of.asked} questions; {of.core:.0f} s of one core, the stand-ins' not counted"
