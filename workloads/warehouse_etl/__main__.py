"""`python -m workloads.warehouse_etl run | accept SOURCE TABLE | maintain`.

Exit codes: 0 done; 1 failed, or a source could not be read, and another run may do better (what was to be
done is done by it, and the tables of other sources were loaded); 2 bad arguments or settings; 3 somebody has
to look at what is named: tables that changed, files that are broken, figures that differ. All others were
loaded.
"""

# The packages of the image are in an environment of their own, where pyright does not look.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

import argparse
import dataclasses
import sys
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
import yaml
from confluent_kafka import KafkaException
from pydantic import ValidationError

from workloads.kit import db, egress, log
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL, WAREHOUSE_MAINTENANCE
from workloads.kit.contracts.sources.legacy import LegacySources
from workloads.kit.ending import heed_sigterm
from workloads.kit.instants import instant
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Transient
from workloads.kit.settings import load
from workloads.warehouse_etl import drift, job
from workloads.warehouse_etl.extract import loaded_files
from workloads.warehouse_etl.settings import MaintenanceSettings, WarehouseSettings
from workloads.warehouse_etl.sources import SourceError
from workloads.warehouse_etl.transform import TransformFailed

_OK, _FAILED, _BAD, _PARTLY = 0, 1, 2, 3
_AWAY = (Transient, KafkaUnavailable, ProducerLost, KafkaException, psycopg.OperationalError)

_log: Any = structlog.get_logger(__name__)


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    log.configure(WAREHOUSE_ETL.name)
    if args.command == "maintain":
        return _maintain(load(MaintenanceSettings))
    if args.command == "run" and args.at is not None and args.at > datetime.now(UTC):
        print(f"--at {args.at.isoformat()} is not over: give an instant before now", file=sys.stderr)
        return _BAD
    settings = load(WarehouseSettings)
    try:
        sources = _sources(settings)
    except (OSError, ValueError, yaml.YAMLError) as error:
        print(f"{settings.warehouse_sources_file}: {error}", file=sys.stderr)
        return _BAD
    egress.use(WAREHOUSE_ETL.name)
    try:
        if args.command == "accept":
            return _accept(settings, sources, args.source, args.table)
        return _run(settings, sources, args.at or datetime.now(UTC), compare=args.compare)
    except _AWAY as error:
        _log.error("run_failed", error=f"{type(error).__name__}: {error}")
        return _FAILED
    except job.LeftOut as error:
        print(error, file=sys.stderr)
        return _FAILED if error.again else _PARTLY
    except (job.Busy, TransformFailed, OSError) as error:
        _log.error("run_failed", error=str(error))
        return _FAILED


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workloads.warehouse_etl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="every table, and the layers")
    run.add_argument("--at", type=instant, help="instant of the run, e.g. 2026-03-01T00:00Z; now by default")
    run.add_argument("--compare", action="store_true", help="compare keys and figures with the sources, too")
    commands.add_parser("maintain", help="the lake's tables: files joined, old versions dropped, statistics")
    accept = commands.add_parser("accept", help="take a table that was stopped as it is now")
    accept.add_argument("source")
    accept.add_argument("table")
    return parser.parse_args(argv)


def _sources(settings: WarehouseSettings) -> LegacySources:
    try:
        return LegacySources.model_validate(
            yaml.safe_load(settings.warehouse_sources_file.read_text(encoding="utf-8"))
        )
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)
        ]
        raise ValueError("; ".join(told)) from None


def _run(settings: WarehouseSettings, sources: LegacySources, at: datetime, *, compare: bool) -> int:
    name = WAREHOUSE_ETL.name
    run_id = settings.pod_name or f"{name}-{at:%Y-%m-%dT%H:%M:%S}"
    with (
        db.connect(settings, application_name=name) as carbon,
        db.job_run(carbon, name, run_id) as detail,
    ):
        done = job.run(settings, sources, at, compare=compare or at.hour in settings.warehouse_compare_hours)
        detail |= {"at": at.isoformat(), **dataclasses.asdict(done)}
        _log.info("run_done", **dataclasses.asdict(done))
        if done.failed:
            told = "; ".join(f"{table}: {why}" for table, why in done.failed.items())
            raise job.LeftOut(told, again=done.again)
    return _OK


def _maintain(settings: MaintenanceSettings) -> int:
    from trino.exceptions import TrinoConnectionError

    from workloads.warehouse_etl.maintenance import maintain

    name = WAREHOUSE_MAINTENANCE.name
    run_id = settings.pod_name or f"{name}-{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    try:
        with (
            db.connect(settings, application_name=name) as carbon,
            db.job_run(carbon, name, run_id) as detail,
        ):
            tables, failed = maintain(settings)
            detail |= {"tables": tables, "failed": failed}
            _log.info("run_done", **detail)
            if failed:
                raise job.LeftOut("; ".join(f"{table}: {why}" for table, why in failed.items()))
    except (Transient, TrinoConnectionError) as error:
        _log.error("run_failed", error=f"{type(error).__name__}: {error}")
        return _FAILED
    except job.LeftOut as error:
        print(error, file=sys.stderr)
        return _PARTLY
    return _OK


def _accept(settings: WarehouseSettings, sources: LegacySources, source: str, table: str) -> int:
    known = {(one.name, name): one for one, name, _ in job.tables(sources)}
    if (found := known.get((source, table))) is None:
        there = ", ".join(f"{one} {name}" for one, name in known)
        print(f"there is no table {source} {table}: there are {there}", file=sys.stderr)
        return _BAD
    with db.connect(settings.of_warehouse, application_name=WAREHOUSE_ETL.name, autocommit=True) as warehouse:
        try:
            # As a run sees it: of files, those that are new.
            with job.opened(settings, found, table, loaded_files(warehouse, source, table)) as reading:
                told = drift.accept(warehouse, source, table, drift.Columns.of(reading), datetime.now(UTC))
        except SourceError as error:
            print(error, file=sys.stderr)
            return _FAILED
    print("\n".join(told) or "nothing differs")
    return _OK


if __name__ == "__main__":
    heed_sigterm()
    sys.exit(main())
