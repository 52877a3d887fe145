"""What customers did, to what it amounts to: events to hours as they come, and all of them to figures."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import sql

from tests.bench.measure import in_turn, sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig
from tests.bench.sql import copy_rows, make_unindexed, unindexed
from tests.services.clients import MigratedDatabase
from tools.console import Step
from workloads.customer_consumer.handler import COLUMNS, CustomerHandler, save_to
from workloads.kit import db
from workloads.kit.contracts import tables
from workloads.kit.contracts.customers import CustomerEvent, Kind
from workloads.kit.contracts.declared.customer_consumer import CUSTOMER_CONSUMER
from workloads.kit.contracts.declared.customer_metrics import CUSTOMER_METRICS
from workloads.kit.records import Record

NOW: Final = datetime(2026, 9, 1, tzinfo=UTC)
_CUSTOMERS: Final = 20_000
_BATCH: Final = 10_000
_AIM_SECONDS: Final = 60.0

# 300 days of use by 20 000 customers, in the order in which it came; nearly all are calls.
_FILL: Final = f"""
INSERT INTO {tables.SCHEMA}.{tables.CUSTOMER_EVENTS}
  (event_id, customer, subject, kind, occurred_at, published_at, source, amount, currency, received_at)
SELECT gen_random_uuid(), 'customer-' || (n * 7919) %% {_CUSTOMERS}, 'abcdef012345',
       CASE WHEN n %% 50 = 0 THEN 'login' WHEN n %% 50 = 1 THEN 'download' WHEN n %% 50 = 2 THEN 'error'
            WHEN n %% 50 = 3 THEN 'purchase' ELSE 'api-call' END,
       at, at, 'bench', CASE WHEN n %% 50 = 3 THEN 10.0 END, CASE WHEN n %% 50 = 3 THEN 'EUR' END, at
FROM (SELECT n, %(now)s - interval '300 days' * (1 - n::float8 / %(count)s) AS at
      FROM generate_series(1, %(count)s::bigint) n) made
"""
_PLAIN: Final = sql.SQL(
    "SELECT customer, date_trunc('hour', occurred_at), kind, count(*) FROM {events} GROUP BY 1, 2, 3"
).format(events=sql.Identifier(tables.SCHEMA, tables.CUSTOMER_EVENTS))


def run(rig: Rig, step: Step) -> list[Figure]:
    figures = MigratedDatabase(rig.database.server, rig.database.secrets_dir, tables.METRICS_DATABASE)
    return [_streamed(rig, figures, step), *_computed(rig, figures, step)]


def _streamed(rig: Rig, figures: MigratedDatabase, step: Step) -> Figure:
    """customer-consumer's work on decoded events, one process, and COPY of the same rows."""
    count = rig.sized(200_000, 5_000)
    step.detail(f"{count} events as they come")
    records = [*_records(count)]
    batches = [records[at : at + _BATCH] for at in range(0, count, _BATCH)]
    role = CUSTOMER_CONSUMER.role or ""

    def ours(own: MigratedDatabase) -> float:
        with db.Database(own.settings(role), application_name="bench") as database:
            handler = CustomerHandler(save_to(database))
            return _timed(lambda: [handler.process(batch) for batch in batches])

    def copied(own: MigratedDatabase) -> float:
        make_unindexed(own, tables.CUSTOMER_EVENTS, role)
        columns = (*COLUMNS, "received_at")
        with db.connect(own.settings(role), application_name="bench", autocommit=True) as connection:

            def copy() -> None:
                for batch in batches:
                    rows = [[getattr(one.value, name) for name in COLUMNS] + [NOW] for one in batch]
                    for row in rows:
                        row[0] = uuid.UUID(row[0])
                    with connection.transaction():
                        copy_rows(connection, unindexed(tables.CUSTOMER_EVENTS), columns, rows)

            return _timed(copy)

    found = in_turn(
        {"ours": lambda: _own(figures, ours), "copy": lambda: _own(figures, copied)}, rig.repetitions, step
    )
    rate = {name: sample(seconds, lambda one: count / one) for name, seconds in found.items()}
    limit = Other("COPY of the rows, no index, no hours", "limit", rate["copy"])
    name = "events to rows and hours, one process"
    return Figure(name=name, unit="events/s", ours=rate["ours"], others=[limit], aims=[])


def _computed(rig: Rig, figures: MigratedDatabase, step: Step) -> list[Figure]:
    """The jobs' figures of all events that there are."""
    # Not where the bench starts: scikit-learn takes seconds to import.
    from workloads.customer_metrics import churn, cohorts, engagement, kpis, segments
    from workloads.customer_metrics.figures import write_scores, write_verdict
    from workloads.customer_metrics.settings import MetricsSettings

    count = rig.sized(10_000_000, 50_000)
    own = figures.clone()
    try:
        step.detail(f"making {count} events")
        with own.admin() as admin:
            admin.execute(_FILL.encode(), {"now": NOW, "count": count})
            admin.execute(f"VACUUM ANALYZE {tables.SCHEMA}.{tables.CUSTOMER_EVENTS}".encode())
        given = own.settings(CUSTOMER_METRICS.role or "")
        settings = MetricsSettings.model_validate(given.model_dump(exclude_none=True))

        def asked(call: Callable[[db.Connection], Any]) -> Callable[[], float]:
            def timed() -> float:
                with db.connect(given, application_name="bench") as connection:
                    return _timed(lambda: call(connection))

            return timed

        def hourly(connection: db.Connection) -> None:
            scores = engagement.engagement(connection, NOW, settings)
            write_scores(connection, engagement.FIGURE, NOW, scores)
            kpis.write_kpis(connection, NOW, kpis.kpis(connection, NOW))

        def daily(connection: db.Connection) -> None:
            write_scores(connection, segments.FIGURE, NOW, segments.segments(connection, NOW, settings))
            cohorts.write_cohorts(connection, NOW)

        def learned(connection: db.Connection) -> None:
            verdict, scores = churn.churn(connection, NOW, settings)
            write_verdict(connection, churn.FIGURE, NOW, verdict)
            write_scores(connection, churn.FIGURE, NOW, scores)

        calls = {
            "hourly": asked(hourly),
            "daily": asked(daily),
            "churn": asked(learned),
            "plain": asked(lambda connection: connection.execute(_PLAIN).fetchall()),
            "copy": asked(_read_all),
        }
        found = in_turn(calls, 1, step)
    finally:
        own.drop()
    seconds = {name: sample(each, float) for name, each in found.items()}
    others = [
        Other("GROUP BY customer, hour, kind, fetched", "peer", seconds["plain"]),
        Other("COPY of the events to a client", "limit", seconds["copy"]),
    ]
    return [
        Figure(
            name=f"{what}, {count:,} events",
            unit="s",
            ours=seconds[name],
            others=others,
            aims=[at_most(seconds[name], _AIM_SECONDS)] if name != "churn" else [],
        )
        for name, what in (
            ("hourly", "engagement and figures of use"),
            ("daily", "segments and cohorts"),
            ("churn", "churn, fitted and judged"),
        )
    ]


def _read_all(connection: db.Connection) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {tables.CUSTOMER_EVENTS} TO STDOUT".encode()) as rows,
    ):
        for _ in rows:
            pass


def _records(count: int) -> Iterator[Record[CustomerEvent]]:
    kinds: tuple[Kind, ...] = ("api-call", "api-call", "login", "download", "error")
    for n in range(count):
        at = NOW + timedelta(milliseconds=20 * n)
        event = CustomerEvent(
            event_id=str(uuid.UUID(int=n * 2_654_435_761 % 2**64)),
            customer=f"customer-{n * 7919 % 500}",
            subject="abcdef012345",
            kind=kinds[n % len(kinds)],
            occurred_at=at,
            published_at=at,
            source="bench",
        )
        yield Record(event.topic, 0, n, None, event, b"", 0)


def _own(figures: MigratedDatabase, call: Callable[[MigratedDatabase], float]) -> float:
    own = figures.clone()
    try:
        return call(own)
    finally:
        own.drop()


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
