"""Training: how much longer a run takes than its fits, and what a second pod saves, on real and synthetic
prices."""

from __future__ import annotations

import itertools

from tests.bench import chain as chains
from tests.bench.measure import Failure, in_turn, sample
from tests.bench.report import Figure, Other, at_most, times_at_most
from tests.bench.rig import Rig
from tools.console import Step

_count = itertools.count()


def run(rig: Rig, step: Step) -> list[Figure]:
    chain = rig.once(chains.start)
    results = in_turn({"ours": lambda: chain.train(f"bench-{next(_count)}")}, rig.sized(3, 1), step)["ours"]
    beyond = sample(results, lambda run: run.wall - run.fits)
    note = ""
    if not isinstance(results, Failure):
        last = results[-1]
        note = (
            f"{last.symbols} symbols; beyond the fits {last.wall - last.job:.1f} s are start and imports,"
            f" {last.job - last.fits:.1f} s reading, judging, converting and registering"
        )
    by_pods = in_turn(
        {
            "two": lambda: chain.share(f"two-{next(_count)}", 2),
            "one": lambda: chain.share(f"one-{next(_count)}", 1),
        },
        rig.sized(3, 1),
        step,
    )
    two, one = (sample(by_pods[pods], lambda seconds: seconds) for pods in ("two", "one"))
    alone = Other("by one pod of one core", "peer", one)
    return [
        Figure(
            name="every symbol's model by two pods of one core",
            unit="s",
            ours=two,
            others=[alone],
            aims=[times_at_most(two, alone, 0.65)],
            note="start and imports of each pod included; each symbol is of one pod alone",
        ),
        Figure(
            name="a run of model-training beyond its fits",
            unit="s",
            ours=beyond,
            others=[Other("the fits alone", "limit", sample(results, lambda run: run.fits))],
            aims=[at_most(beyond, 30)],
            note=note,
        ),
    ]
