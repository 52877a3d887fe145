"""Alerts from findings: as messages and as rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg import sql

from workloads.data_quality.rules.finding import Finding
from workloads.data_quality.watch import SeriesId
from workloads.kit.contracts import tables
from workloads.kit.contracts.entitlements import INDICATORS_MARKET
from workloads.kit.contracts.quality import SEVERITY, QualityAlert
from workloads.kit.contracts.topics import COMMODITY_PRICES
from workloads.kit.db import Connection

COLUMNS: Final = tuple(name for name in QualityAlert.__struct_fields__ if name != "schema_version")
"""Of quality_alerts, in the order of `row`."""

_INSERT: Final = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (id) DO NOTHING").format(
    sql.Identifier(tables.QUALITY_ALERTS),
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
    sql.SQL(", ").join([sql.Placeholder()] * len(COLUMNS)),
)


def alert(topic: str, series: SeriesId, finding: Finding, published: datetime, now: datetime) -> QualityAlert:
    """The alert that a finding is.

    Args:
        topic: where its series is.
        published: `published_at` of what tripped it.
    """
    told = (topic, *series[:4], *series.terms, finding.rule, finding.start.isoformat(), published.isoformat())
    return QualityAlert(
        id=hashlib.sha256("\n".join(told).encode()).hexdigest()[:16],
        rule=finding.rule,
        severity=SEVERITY[finding.rule],
        of_topic=topic,
        source=series.source,
        series=series.series,
        resolution=series.resolution,
        provenance=series.provenance,
        period_start=finding.start,
        period_end=finding.end,
        published_at=published,
        rows=finding.rows,
        value=finding.value,
        expected=finding.expected,
        expected_low=finding.low,
        expected_high=finding.high,
        evidence=finding.evidence,
        remedy=finding.remedy,
        detected_at=now,
        market=_market(topic, series),
    )


def insert(connection: Connection, alerts: Sequence[QualityAlert]) -> None:
    """Write alerts; of those that are there already the first stays, with what a person said of it."""
    if alerts:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, [_row(one) for one in alerts])


def _market(topic: str, series: SeriesId) -> str:
    """Whose tenants may see it. The terms of a price are currency, unit, market and product."""
    return series.terms[2] if topic == COMMODITY_PRICES else INDICATORS_MARKET


def _row(one: QualityAlert) -> tuple[Any, ...]:
    return msgspec.structs.astuple(one)[1:]
