"""What a rule sees, and what it says."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from workloads.kit.contracts.quality import QualityRule


class Point(NamedTuple):
    """One value of a series: its delivery period in UTC, when it was published, and what it says.

    Args:
        seen: when it came here; None where that was so long after that it says nothing.
    """

    start: datetime
    end: datetime
    published: datetime
    value: float
    correction: bool = False
    seen: datetime | None = None


class Finding(NamedTuple):
    """What a rule found: the fields of `QualityAlert` that are the rule's to say."""

    rule: QualityRule
    start: datetime
    end: datetime
    rows: int
    value: float | None
    expected: str
    evidence: str
    remedy: str
    low: float | None = None
    high: float | None = None
