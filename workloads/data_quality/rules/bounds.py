"""range: a value outside what its market or its kind can have at all."""

from __future__ import annotations

from typing import NamedTuple

from workloads.data_quality.rules.finding import Finding, Point


class Limits(NamedTuple):
    """The least and the greatest value that is possible, in `unit`, and who says so since when."""

    low: float
    high: float
    unit: str
    source: str
    since: str


def outside(point: Point, limits: Limits | None) -> Finding | None:
    """A finding where the value is impossible; a limit itself is a price that an auction may well have."""
    if limits is None or limits.low <= point.value <= limits.high:
        return None
    return Finding(
        "range",
        point.start,
        point.end,
        1,
        point.value,
        f"{limits.low:g} to {limits.high:g} {limits.unit} ({limits.source}, since {limits.since})",
        f"{point.value:g} {limits.unit} cannot be",
        "correct it at its source and run the pipeline over its day: the correction replaces it",
        limits.low,
        limits.high,
    )
