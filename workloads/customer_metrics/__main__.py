"""`python -m workloads.customer_metrics hourly | daily | import FILE`.

Exit codes: 0 done, 1 failed (what was to be done is done by the next run), 2 bad arguments or settings, or
a file that is none of its kind, 3 rows were left out, which are named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import KafkaException

from workloads.customer_metrics.settings import ImportSettings, MetricsSettings
from workloads.kit import db, log
from workloads.kit.contracts.customers import CustomerEvent
from workloads.kit.contracts.declared.customer_metrics import (
    CUSTOMER_DAILY,
    CUSTOMER_IMPORT_ID,
    CUSTOMER_METRICS,
)
from workloads.kit.ending import heed_sigterm
from workloads.kit.instants import instant
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Transient
from workloads.kit.settings import load

_OK, _FAILED, _BAD, _LEFT_OUT = 0, 1, 2, 3
_NAMES: Final = {"hourly": CUSTOMER_METRICS.name, "daily": CUSTOMER_DAILY.name, "import": CUSTOMER_IMPORT_ID}

_log: Any = structlog.get_logger(__name__)


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    log.configure(_NAMES[args.command])
    try:
        if args.command == "import":
            return _import(args.file)
        return _run(args.command, args.as_of)
    except (Transient, KafkaUnavailable, ProducerLost, KafkaException) as error:
        _log.error("run_failed", error=f"{type(error).__name__}: {error}")
        return _FAILED


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workloads.customer_metrics", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("hourly", "daily"):
        one = commands.add_parser(name)
        one.add_argument(
            "--as-of", type=instant, help="of what was known then, e.g. 2026-03-01T00:00Z; now by default"
        )
    bring = commands.add_parser("import")
    bring.add_argument("file", type=Path, help="CSV; - is standard input")
    return parser.parse_args(argv)


def _run(command: str, asked: datetime | None) -> int:
    from workloads.customer_metrics import run  # scikit-learn and pandas, which an import does without

    settings, now = load(MetricsSettings), datetime.now(UTC)
    if asked is not None and asked > now:
        print(f"--as-of {asked.isoformat()} is not over: give an instant before now", file=sys.stderr)
        return _BAD
    at = asked or now
    as_of = at.replace(minute=0, second=0, microsecond=0)
    if command == "daily":
        as_of = as_of.replace(hour=0)
    name = _NAMES[command]
    with (
        db.connect(settings, application_name=name) as carbon,
        db.job_run(carbon, name, f"{name}-{as_of:%Y-%m-%dT%H}") as detail,
        db.Database(settings.of_metrics, application_name=name) as figures,
    ):
        detail["as_of"] = as_of.isoformat()
        detail |= (run.hourly if command == "hourly" else run.daily)(figures, as_of, settings)
        _log.info("run_done", **detail)
    return _OK


def _import(file: Path) -> int:
    from workloads.customer_metrics.imports import BadFile, BadRow, publish, read

    settings, left_out = load(ImportSettings), 0

    def good(lines: Any) -> Iterator[CustomerEvent]:
        nonlocal left_out
        for one in read(lines, datetime.now(UTC)):
            if isinstance(one, BadRow):
                left_out += 1
                print(one, file=sys.stderr)
            else:
                yield one

    try:
        if str(file) == "-":
            sent = publish(settings, good(sys.stdin))
        else:
            with file.open(encoding="utf-8", newline="") as lines:
                sent = publish(settings, good(lines))
    except (BadFile, OSError, UnicodeDecodeError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return _BAD
    print(f"{sent} events sent, {left_out} rows left out")
    return _LEFT_OUT if left_out else _OK


if __name__ == "__main__":
    heed_sigterm()
    sys.exit(main())
