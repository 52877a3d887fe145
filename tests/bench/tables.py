"""Kafka to tables: analytics-consumer's work on a backlog, one process; a price is a row in each of three."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.bench.consumer import contender, fill, raw_settings, split_of
from tests.bench.measure import in_turn, sample
from tests.bench.prices import records
from tests.bench.report import Figure, Other, at_least
from tests.bench.rig import Rig, new_topic
from tests.bench.sql import copy_rows, make_unindexed, unindexed
from tests.services.clients import MigratedDatabase
from tools.console import Step
from workloads.analytics_consumer import rows
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.kit import db
from workloads.kit.contracts import tables, topics

_BATCH = AnalyticsSettings.model_fields["batch_max_records"].default
_ROLE = "analytics_consumer"


def run(rig: Rig, step: Step) -> list[Figure]:
    count = rig.sized(60_000, 5_000)
    step.detail(f"{count} prices")
    source = new_topic(rig.kafka, "prices")
    fill(rig, source, count)
    shared = {"bootstrap": rig.kafka.bootstrap, "input": source, "count": count, "batch": _BATCH}
    peer = {**shared, "output": topics.COMMODITY_ANALYTICS, **raw_settings(rig.kafka, transactional=False)}
    effects = _effects(count)
    results = in_turn(
        {
            "ours": _with_database(rig, lambda given: contender("ours/tables", shared | given)()),
            "plain": _with_database(rig, lambda given: contender("peers/plain_tables", peer | given)()),
            "copy": lambda: _copied(rig.database, effects),
        },
        rig.repetitions,
        step,
        warm_ups=1,
    )
    messages = {name: sample(found, lambda r: count / r["seconds"]) for name, found in results.items()}
    stored = {name: sample(found, lambda r: r["rows"] / r["seconds"]) for name, found in results.items()}
    return [
        Figure(
            name=name,
            unit=unit,
            ours=rate["ours"],
            others=[
                Other("plain loop, executemany", "peer", rate["plain"]),
                Other("COPY of the rows, no index", "limit", rate["copy"]),
            ],
            aims=aims,
            note=note,
        )
        for name, unit, rate, aims, note in (
            (
                "Kafka to three tables and a topic",
                "messages/s",
                messages,
                [at_least(messages["ours"], 50_000)],
                split_of(results["ours"]),
            ),
            ("the same, counted in rows", "rows/s", stored, [], ""),
        )
    ]


def _with_database(
    rig: Rig, call: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[], dict[str, Any]]:
    """The call with an empty database of its own."""

    def run() -> dict[str, Any]:
        own = rig.database.clone()
        try:
            settings = own.settings(_ROLE).model_dump(mode="json", exclude_none=True)
            return call({"database": settings})
        finally:
            own.drop()

    return run


def _effects(count: int) -> list[Effects]:
    """What the handler writes for the prices, batch by batch."""
    saved: list[Effects] = []
    handler = AnalyticsHandler(saved.append)
    backlog = records(count)
    for at in range(0, count, _BATCH):
        handler.process(backlog[at : at + _BATCH])
    return saved


def _copied(database: MigratedDatabase, effects: Sequence[Effects]) -> dict[str, Any]:
    own = database.clone()
    names = (tables.COMMODITY_PRICES_DAILY, tables.PRICE_TRENDS, tables.TECHNICAL_INDICATORS)
    columns = (rows.PRICE_COLUMNS, rows.TREND_COLUMNS, rows.INDICATOR_COLUMNS)
    written = 0
    try:
        for name in names:
            make_unindexed(own, name, _ROLE)
        with db.connect(own.settings(_ROLE), application_name="bench", autocommit=True) as connection:
            started = time.perf_counter()
            for batch in effects:
                with connection.transaction():
                    for name, names_, part in zip(
                        names, columns, (batch.prices, batch.trends, batch.indicators), strict=True
                    ):
                        copy_rows(connection, unindexed(name), names_, part)
                        written += len(part)
            return {"seconds": time.perf_counter() - started, "rows": written}
    finally:
        own.drop()
