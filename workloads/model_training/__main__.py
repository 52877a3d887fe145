"""`python -m workloads.model_training train | monitor | rollback | forecast`.

Exits 0 when all was done, 1 when something failed or there was nothing to roll back, 2 on a bad setting. A
day that is not forecast for a stated reason is no failure.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from workloads.kit import db, log
from workloads.kit.contracts.declared.forecast_run import FORECAST_RUN
from workloads.kit.contracts.declared.model_training import MODEL_MONITOR, MODEL_TRAINING
from workloads.kit.contracts.messages import EARLIEST, LATEST
from workloads.kit.contracts.models import CHAMPION
from workloads.kit.db import Connection
from workloads.kit.ending import heed_sigterm
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Transient
from workloads.kit.registry import Registry, RegistryError
from workloads.kit.settings import load
from workloads.model_training import aliases, monitor, report
from workloads.model_training.runs.settings import ForecastSettings
from workloads.model_training.settings import MonitorSettings, RegistrySettings, TrainingSettings

if TYPE_CHECKING:
    from workloads.model_training.outcomes import Outcome

_WORKLOAD = MODEL_TRAINING.name
_MONITOR_JOB = MODEL_MONITOR.name

_log: Any = structlog.get_logger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    options = _parse(argv)
    log.configure(FORECAST_RUN.name if options.command == "forecast" else _WORKLOAD)
    try:
        match options.command:
            case "forecast":
                return _forecast(load(ForecastSettings), options.delivery)
            case "train":
                return _train(load(TrainingSettings), options.symbols)
            case "monitor":
                return _monitor(load(MonitorSettings))
            case _:
                return _roll_back(load(RegistrySettings), options.symbol, options.reason)
    except (RegistryError, Transient, KafkaUnavailable, ProducerLost) as error:
        _log.error("model_training.failed", command=options.command, error=str(error))
        return 1


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_WORKLOAD, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train, judge and register every symbol's model")
    training.add_argument(
        "--symbols", nargs="+", metavar="SYMBOL", help="only these (default: all with prices)"
    )
    commands.add_parser("monitor", help="roll back champions whose live skill fell below the gate")
    forecast = commands.add_parser("forecast", help="forecast the next delivery day of each instrument")
    forecast.add_argument(
        "--delivery",
        nargs=2,
        type=_day,
        metavar=("FIRST", "LAST"),
        help="these days in hindsight instead, each by what was known when it was due",
    )
    back = commands.add_parser("rollback", help="flip champions to the previous version")
    which = back.add_mutually_exclusive_group(required=True)
    which.add_argument("--symbol", help="the symbol to roll back")
    which.add_argument("--all", action="store_const", const=None, dest="symbol", help="every symbol")
    back.add_argument("--reason", required=True, help="why; recorded in model_events")
    return parser.parse_args(argv)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: give one as 2026-03-01") from error
    if not EARLIEST.date() < day < LATEST.date():
        raise argparse.ArgumentTypeError(f"{text} is not within {EARLIEST:%Y} and {LATEST:%Y}")
    return day


def _train(settings: TrainingSettings, symbols: Sequence[str] | None) -> int:
    # Only this command needs scikit-learn, which takes longer to import than the others take to run.
    from workloads.model_training import shards
    from workloads.model_training.train import train

    registry = Registry(settings.mlflow_tracking_uri)
    started = time.perf_counter()
    shard = load(shards.ShardSettings) if symbols is None else None
    if shard is not None and shard.training_shards > 1:
        with _connection(settings) as conn:
            return _trained(shards.train(conn, registry, settings, shard, _WORKLOAD), started)
    with _connection(settings) as conn, db.job_run(conn, _WORKLOAD, _run_id(_WORKLOAD)) as detail:
        outcomes = train(conn, registry, settings, symbols)
        detail["symbols"] = {outcome.symbol: outcome.detail() for outcome in outcomes}
        detail["seconds"] = round(time.perf_counter() - started, 3)
        detail["fit_seconds"] = round(sum(outcome.fit_seconds for outcome in outcomes), 3)
        return _trained(outcomes, started)


def _trained(outcomes: Sequence[Outcome], started: float) -> int:
    seconds, fits = time.perf_counter() - started, sum(outcome.fit_seconds for outcome in outcomes)
    print(report.outcomes(outcomes))
    print(f"{len(outcomes)} symbols in {seconds:.1f} s, of which {fits:.1f} s were fits")
    if failed := [outcome.symbol for outcome in outcomes if outcome.decision == "failed"]:
        raise RegistryError(f"no model for {', '.join(failed)}: see the lines above")
    return 0


def _monitor(settings: MonitorSettings) -> int:
    with _connection(settings) as conn, db.job_run(conn, _MONITOR_JOB, _run_id(_MONITOR_JOB)) as detail:
        findings = monitor.check(conn, Registry(settings.mlflow_tracking_uri), settings)
        detail["symbols"] = {
            finding.symbol: {"action": finding.action, "reason": finding.reason} for finding in findings
        }
        print(report.findings(findings) if findings else "no symbol has a champion")
        failed = [finding.symbol for finding in findings if finding.action == "failed"]
        if failed:
            raise RegistryError(f"could not look at {', '.join(failed)}: see the lines above")
    return 0


def _roll_back(settings: RegistrySettings, symbol: str | None, reason: str) -> int:
    registry = Registry(settings.mlflow_tracking_uri)
    champions = sorted(name for name, named in registry.aliases().items() if CHAMPION in named)
    wanted = champions if symbol is None else [symbol]
    done = 0
    with _connection(settings) as conn:
        for name in wanted:
            change = aliases.roll_back(conn, registry, name, actor="manual", reason=reason)
            if change is None:
                print(f"{name}: has no champion, nothing to roll back")
                continue
            done += 1
            to = (
                f"version {change[1]}" if change[1] is not None else "no champion (there was no previous one)"
            )
            print(f"{name}: version {change[0]} -> {to}")
    if not wanted:
        print("no symbol has a champion: nothing to roll back")
    return 0 if done else 1


def _forecast(settings: ForecastSettings, delivery: Sequence[date] | None) -> int:
    # As above: scikit-learn and all the kinds.
    from workloads.model_training.runs.run import run
    from workloads.model_training.runs.send import send

    if delivery and delivery[0] > delivery[1]:
        print(f"--delivery {delivery[0]} {delivery[1]}: FIRST is after LAST", file=sys.stderr)
        return 2
    job = FORECAST_RUN.name
    days = _days(*delivery) if delivery else []
    with (
        db.connect(settings, application_name=job) as conn,
        db.job_run(conn, job, _run_id(job)) as detail,
    ):
        # What an earlier run recorded and did not send goes out also where nothing more is due.
        outcomes = run(conn, settings, lambda: datetime.now(UTC), days)
        detail["sent"] = send(conn, settings)
        detail["symbols"] = {
            f"{one.symbol} {one.delivery_day}": {"decision": one.outcome, "reason": one.reason}
            for one in outcomes
        }
        print(report.forecasts(outcomes) if outcomes else "no instrument is listed in INSTRUMENTS")
        if failed := [one.symbol for one in outcomes if one.outcome == "failed"]:
            raise Transient(f"no forecast of {', '.join(failed)}: see the lines above")
    return 0


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _connection(settings: RegistrySettings) -> Connection:
    return db.connect(settings, application_name=_WORKLOAD)


def _run_id(job: str) -> str:
    return f"{job}-{uuid.uuid4()}"


if __name__ == "__main__":
    heed_sigterm()
    sys.exit(main())
