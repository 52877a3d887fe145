"""Training: how much longer a run takes than its fits, on the real and the synthetic prices."""

from __future__ import annotations

import itertools

from tests.bench import chain as chains
from tests.bench.measure import Failure, in_turn, sample
from tests.bench.report import Figure, Other, at_most
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
    return [
        Figure(
            name="a run of model-training beyond its fits",
            unit="s",
            ours=beyond,
            others=[Other("the fits alone", "limit", sample(results, lambda run: run.fits))],
            aims=[at_most(beyond, 30)],
            note=note,
        )
    ]
