"""data-quality's own metrics, beside those of the loop."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

from workloads.kit.contracts import metrics as names
from workloads.kit.contracts.quality import SEVERITY

ALERTS: Final = Counter(
    names.QUALITY_ALERTS.removesuffix("_total"),
    "Alerts of what was published lately, by rule, severity and source",
    ("rule", "severity", "source"),
)
OVERDUE: Final = Gauge(
    names.QUALITY_OVERDUE,
    "By how much the most overdue series of a source is late; 0 if none is",
    ("source",),
)


def begin(source: str) -> None:
    """Have a source's counters at 0 before its first alert: a counter that comes up at 1 never rose."""
    for rule, severity in SEVERITY.items():
        ALERTS.labels(rule, severity, source)
