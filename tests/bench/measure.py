"""Measuring on a machine that is never quite still: contenders in turn, medians with their spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from tools.console import Step

T = TypeVar("T")


class Sample(msgspec.Struct, frozen=True):
    """One quantity measured several times, `values` in their order in time."""

    median: float
    low: float
    high: float
    values: list[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        return cls(statistics.median(values), min(values), max(values), list(values))


class Failure(msgspec.Struct, frozen=True):
    """A contender that could not be measured, and why."""

    reason: str


Measured = Sample | Failure


def in_turn(
    contenders: Mapping[str, Callable[[], T]], repetitions: int, step: Step, *, warm_ups: int = 0
) -> dict[str, list[T] | Failure]:
    """Call each contender `repetitions` times, one after the other and round again (A B A B), so that what
    else the machine does meets all of them. One that fails is left out from then on and says why.

    Args:
        warm_ups: rounds before that, whose results are thrown away.
    """
    found: dict[str, list[T] | Failure] = {name: [] for name in contenders}
    for round_ in range(-warm_ups, repetitions):
        for name, call in contenders.items():
            so_far = found[name]
            if isinstance(so_far, Failure):
                continue
            step.detail(f"{name}, {f'{round_ + 1} of {repetitions}' if round_ >= 0 else 'warming up'}")
            try:
                result = call()
            except Exception as error:
                found[name] = Failure(reason(error))
                continue
            if round_ >= 0:
                so_far.append(result)
    return found


def sample(results: Sequence[T] | Failure, of: Callable[[T], float]) -> Measured:
    """One quantity of each result."""
    return results if isinstance(results, Failure) else Sample.of([of(result) for result in results])


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of an ascending sequence does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def shares(parts: Mapping[str, float], whole: float) -> str:
    """Where time went, largest part first: `commit 52 %, decode 9 %`."""
    if whole <= 0:
        return ""
    ranked = sorted(parts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {seconds / whole:.0%}" for name, seconds in ranked if seconds / whole >= 0.005)


def reason(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[-500:]}" if text else type(error).__name__
