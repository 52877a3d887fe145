"""The two jobs: what each makes, one figure after the other, each in a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import stamina

from workloads.customer_metrics import churn, cohorts, engagement, kpis, segments, value
from workloads.customer_metrics.figures import settle, write_scores, write_verdict
from workloads.customer_metrics.settings import MetricsSettings
from workloads.kit.db import Connection, Database
from workloads.kit.records import Transient

_TRIES: Final = 5
"""At a moment in which no writer is at it."""


def hourly(figures: Database, as_of: datetime, s: MetricsSettings) -> dict[str, Any]:
    """Engagement and figures of use. Returns what was made, and in how many seconds."""

    def made(connection: Connection) -> dict[str, Any]:
        scores = engagement.engagement(connection, as_of, s)
        return {"customers": write_scores(connection, engagement.FIGURE, as_of, scores)}

    def used(connection: Connection) -> dict[str, Any]:
        found = kpis.kpis(connection, as_of)
        kpis.write_kpis(connection, as_of, found)
        return {"figures": len(found)}

    return _each(figures, {"engagement": made, "kpis": used})


def daily(figures: Database, as_of: datetime, s: MetricsSettings) -> dict[str, Any]:
    """Segments, cohorts, churn and value. Returns what was made, and in how many seconds."""

    def split(connection: Connection) -> dict[str, Any]:
        scores = segments.segments(connection, as_of, s)
        return {"customers": write_scores(connection, segments.FIGURE, as_of, scores)}

    def stayed(connection: Connection) -> dict[str, Any]:
        return {"rows": cohorts.write_cohorts(connection, as_of)}

    def gone(connection: Connection) -> dict[str, Any]:
        verdict, scores = churn.churn(connection, as_of, s)
        write_verdict(connection, churn.FIGURE, as_of, verdict)
        made = write_scores(connection, churn.FIGURE, as_of, scores)
        return {"status": verdict.status, "reason": verdict.reason, "customers": made}

    def worth(connection: Connection) -> dict[str, Any]:
        verdict, scores = value.value(connection, as_of, s)
        write_verdict(connection, value.figure(s), as_of, verdict)
        made = write_scores(connection, value.figure(s), as_of, scores)
        return {"status": verdict.status, "reason": verdict.reason, "customers": made}

    return _each(figures, {"rfm": split, "cohorts": stayed, "churn": gone, "clv": worth})


def _each(figures: Database, makes: dict[str, Callable[[Connection], dict[str, Any]]]) -> dict[str, Any]:
    # Its end lets the writers on.
    for attempt in stamina.retry_context(on=Transient, attempts=_TRIES, wait_initial=5.0, timeout=None):
        with attempt, figures.transaction() as connection:
            settle(connection)
    told: dict[str, Any] = {}
    for name, make in makes.items():
        started = time.perf_counter()
        with figures.transaction() as connection:
            told[name] = make(connection)
        told[name]["seconds"] = round(time.perf_counter() - started, 2)
    return told
