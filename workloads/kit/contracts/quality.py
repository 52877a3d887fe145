"""What data-quality says of prices and indicators: alerts on `quality-alerts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Name, Provenance, Resolution, Utc

QualityRule = Literal[
    "range", "duplicate", "gap", "stuck", "spike", "unit", "sign", "shift", "late", "drift", "stale"
]
"""What was looked for; docs/quality.md says how, and how well it is found."""

Severity = Literal["critical", "warning", "info"]
"""`critical` is impossible, `warning` is suspicious, `info` is worth knowing."""

SEVERITY: Final[Mapping[QualityRule, Severity]] = {
    "range": "critical",
    "gap": "warning",
    "stuck": "warning",
    "spike": "warning",
    "unit": "warning",
    "sign": "warning",
    "shift": "warning",
    "late": "warning",
    "stale": "warning",
    "duplicate": "info",
    "drift": "info",
}

AlertState = Literal["open", "confirmed", "released"]
"""What a person said of an alert: nothing yet, that it is right, or that the data are."""


class QualityAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One finding on `quality-alerts`; the message key is `source`. What it is about goes on all the same.

    `id` follows from the rule, the series, the period and `published_at` of what tripped it: a second reading
    of the topic finds the same alerts. `series` is a price's symbol or an indicator's zone/name/kind. It is
    of the periods from `period_start` to `period_end`, of which `rows` are wrong or missing. `value` is what
    was found where it is one number; `expected` says what was expected, `expected_low` and `expected_high`
    where that is a range; `evidence` is the figure that decided, `remedy` what a person can do. `market` is
    that of the price, or the one that indicators are of; None of alerts that are older than this field.
    """

    topic: ClassVar[str] = topics.QUALITY_ALERTS

    schema_version: Literal[1] = 1
    id: str
    rule: QualityRule
    severity: Severity
    of_topic: str
    source: Name
    series: str
    resolution: Resolution
    provenance: Provenance
    period_start: Utc
    period_end: Utc
    published_at: Utc
    rows: int
    value: float | None
    expected: str
    expected_low: float | None = None
    expected_high: float | None = None
    evidence: str
    remedy: str
    detected_at: Utc
    market: str | None = None
