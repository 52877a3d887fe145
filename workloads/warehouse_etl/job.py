"""A run: every table of every source to the staging topic, that to the layers, and both compared."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog
from confluent_kafka import KafkaException

from workloads.kit import db
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL, WAREHOUSE_ID
from workloads.kit.contracts.sources.legacy import (
    FilesLegacy,
    HttpLegacy,
    LegacySource,
    LegacySources,
    LegacyTable,
    MySqlLegacy,
)
from workloads.kit.db import Connection
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.kit.records import Transient
from workloads.warehouse_etl import drift, loading
from workloads.warehouse_etl.extract import Table, loaded_files
from workloads.warehouse_etl.reconcile import reconcile
from workloads.warehouse_etl.settings import WarehouseSettings
from workloads.warehouse_etl.sources import Figures, Reading, SourceError
from workloads.warehouse_etl.staging import Rejected

_log: Any = structlog.get_logger(__name__)

_COMPARED_EVERY = timedelta(hours=25)
"""After which a run compares, whatever its hour."""

_LOCK = 4_811_502_377
"""Advisory lock of a run in the warehouse's database."""

_OURS = (psycopg.OperationalError, Transient, ProducerLost, KafkaUnavailable, KafkaException)
"""Failures of the platform, not of a source."""


class Busy(Exception):
    """Another run is at work."""


class LeftOut(Exception):
    """Tables that were left out, or differ from their sources; all else was done.

    Args:
        again: whether another run may do better, with nobody's help.
    """

    def __init__(self, told: str, *, again: bool = False) -> None:
        super().__init__(told)
        self.again = again


@dataclass
class Done:
    """What a run did.

    Args:
        rejected: source.table → rows at the source that cannot be loaded, of tables that were compared.
        failed: source.table → why something of it was not loaded, or what differs.
        again: whether another run may do better, with nobody's help.
    """

    rows: int = 0
    deletes: int = 0
    refused: int = 0
    poison: int = 0
    models: int = 0
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict[str, int])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    again: bool = False
    seconds: dict[str, float] = field(default_factory=dict[str, float])


def run(settings: WarehouseSettings, sources: LegacySources, at: datetime, *, compare: bool) -> Done:
    """Everything, whatever becomes of one table.

    Args:
        at: the instant of the run, which its rows say; a run that is made again says the same.

    Raises:
        Busy: another run has the warehouse.
        TransformFailed: the layers that follow the raw one could not be made.
        Transient, ProducerLost, KafkaUnavailable: the database or the brokers are away.
    """
    from workloads.warehouse_etl.transform import transform

    done = Done()
    with _locked(settings) as connection, TransactionalProducer(settings, WAREHOUSE_ID) as producer:
        compare = compare or _is_due(connection, at)
        # What a run that was killed had staged comes first: its watermarks are those of the next one.
        with _timed(done, "load"):
            done.poison += loading.drain(settings, connection, producer).poison
        with _timed(done, "extract"):
            figures = _extract(settings, sources, connection, producer, at, done, compare=compare)
        with _timed(done, "load"):
            loaded = loading.drain(settings, connection, producer)
            done.poison += loaded.poison
        if done.poison:
            done.failed[settings.staging_topic] = f"{done.poison} messages were set aside"
        with _timed(done, "reconcile"):
            _reconcile(connection, figures, at, done)
        if compare:
            _compared(connection, at)
        with _timed(done, "transform"):
            if loaded.rows:
                connection.execute("ANALYZE raw.records")
            done.models = transform(settings, sources, connection)
        if settings.lake_location is not None:
            from workloads.warehouse_etl.history import keep

            with _timed(done, "history"):
                done.kept, failed = keep(settings, connection)
                done.failed |= failed
    return done


def _extract(
    settings: WarehouseSettings,
    sources: LegacySources,
    connection: Connection,
    producer: TransactionalProducer,
    at: datetime,
    done: Done,
    *,
    compare: bool,
) -> dict[tuple[str, str], tuple[Figures, Rejected]]:
    """Stage what is new. Returns what the tables amount to at their sources, where they were asked."""
    figures: dict[tuple[str, str], tuple[Figures, Rejected]] = {}
    # Also of a load that was set aside in part.
    row = connection.execute(
        "SELECT greatest((SELECT max(load_id) FROM etl.loads), (SELECT max(load_id) FROM raw.records), 0) + 1"
    ).fetchone()
    load_id: int = row[0] if row else 1
    key = _key(settings)
    for source, name, table in tables(sources):
        try:
            turn = Table(connection, source.name, name, table, at=at, key=key)
            files = loaded_files(connection, source.name, name)
            with opened(settings, source, name, files, whole=compare) as reading:
                found = turn.extract(
                    reading, producer, load_id=load_id, topic=settings.staging_topic, compare=compare
                )
                left_out = "; ".join(reading.left_out.values())
        except Exception as error:
            # One table, whatever is wrong with it, holds no other back.
            if isinstance(error, _OURS) and not isinstance(error, Aborted):
                raise
            known = isinstance(error, SourceError | drift.Stopped | Aborted)
            why = str(error) if known else f"{type(error).__name__}: {error}"
            state = "stopped" if isinstance(error, drift.Stopped) else "failed"
            drift.state(connection, source.name, name, at, now=state, message=why)
            done.failed[f"{source.name}.{name}"] = why
            done.again |= state == "failed"
            _log.error("table_failed", source=source.name, table=name, error=why, exc_info=not known)
            continue
        if left_out:
            done.failed[f"{source.name}.{name}"] = left_out
            _log.error("files_left_out", source=source.name, table=name, error=left_out)
        now = "failed" if left_out else "ready"
        drift.state(connection, source.name, name, at, now=now, message=left_out or None)
        if found.load_id is not None:
            load_id += 1
        done.rows += found.rows
        done.deletes += found.deletes
        done.refused += found.refused
        if found.figures is not None:
            figures[source.name, name] = found.figures, found.rejected
        _log.info(
            "table_done",
            source=source.name,
            table=name,
            rows=found.rows,
            deletes=found.deletes,
            refused=found.refused,
        )
    return figures


def _reconcile(
    connection: Connection,
    figures: Mapping[tuple[str, str], tuple[Figures, Rejected]],
    at: datetime,
    done: Done,
) -> None:
    for (source, table), (told, rejected) in figures.items():
        if rejected.rows:
            done.rejected[f"{source}.{table}"] = rejected.rows
            _log.warning("rejected", source=source, table=table, rows=rejected.rows)
        try:
            differing = reconcile(connection, source, table, at, told, rejected)
        except (psycopg.DataError, ArithmeticError) as error:
            done.failed[f"{source}.{table}"] = f"cannot be compared: {error}"
            _log.error("not_compared", source=source, table=table, error=str(error))
            continue
        if differing:
            why = "; ".join(
                f"{one.figure} is {one.at_source} at the source and {one.in_layer} here" for one in differing
            )
            done.failed[f"{source}.{table}"] = f"not what the source has: {why}"
            _log.error("not_reconciled", source=source, table=table, error=why)


def tables(sources: LegacySources) -> Iterator[tuple[LegacySource, str, LegacyTable]]:
    """Every table of every source."""
    for source in sources.sources:
        for name, table in source.tables.items():
            yield source, name, table


def opened(
    settings: WarehouseSettings,
    source: LegacySource,
    name: str,
    loaded: dict[str, str],
    *,
    whole: bool = False,
) -> AbstractContextManager[Reading]:
    """A table as of now; errors as those of its kind.

    Args:
        loaded: of files, those that were: name → digest.
        whole: whether what cannot be asked for its keys, an API, is read whole in place of that.
    """
    if isinstance(source, FilesLegacy):
        from workloads.warehouse_etl.sources import files

        return files.opened(source, name, loaded, settings)
    if isinstance(source, HttpLegacy):
        from workloads.warehouse_etl.sources import http

        return http.opened(source, name, whole=whole)
    from workloads.warehouse_etl.sources import change_log, sql

    if source.tables[name].changes == "log" and isinstance(source, MySqlLegacy):
        return change_log.opened(source, name, settings)
    return sql.opened(source, name)


_STEP = "compared"


def _is_due(connection: Connection, at: datetime) -> bool:
    """Whether the run that was to compare did not come about: then the next one does."""
    row = connection.execute("SELECT load_id FROM etl.progress WHERE step = %s", (_STEP,)).fetchone()
    return row is not None and at - datetime.fromtimestamp(row[0], UTC) > _COMPARED_EVERY


def _compared(connection: Connection, at: datetime) -> None:
    connection.execute(
        "INSERT INTO etl.progress (step, load_id) VALUES (%s, %s)"
        " ON CONFLICT (step) DO UPDATE SET load_id = excluded.load_id",
        (_STEP, int(at.timestamp())),
    )


@contextmanager
def _locked(settings: WarehouseSettings) -> Generator[Connection]:
    connection = db.connect(settings.of_warehouse, application_name=WAREHOUSE_ETL.name, autocommit=True)
    with connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if row is None or not row[0]:
            raise Busy("another run has the warehouse: it ends by itself, look at job_runs")
        yield connection


@contextmanager
def _timed(done: Done, step: str) -> Generator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        done.seconds[step] = round(done.seconds.get(step, 0) + time.monotonic() - started, 3)


def _key(settings: WarehouseSettings) -> bytes | None:
    file = settings.warehouse_pseudonym_key_file
    return None if file is None else file.read_bytes().strip()
