"""`python -m workloads.data_quality.review`: alerts listed, and what a person says of them, recorded.

`confirm` says that an alert is right, `release` that the data are; either may be said again, and the last
word holds. It is an event on `platform-audit` first, then in the table: a crash between leaves an event of
what can be said again. The answer is one line of JSON.

Exit codes: 0 done, 1 Kafka or the database is away, 2 refused, with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from confluent_kafka import KafkaException
from psycopg.rows import dict_row

from workloads.kit import log
from workloads.kit.codec import encode
from workloads.kit.contracts import tables
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.quality import AlertState
from workloads.kit.contracts.topics import PLATFORM_AUDIT
from workloads.kit.db import Connection, Database
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost, TransactionalProducer
from workloads.kit.records import Output, Transient
from workloads.kit.settings import KafkaSettings, PostgresSettings, load

_log = structlog.get_logger(__name__)

_STATES: Final[dict[str, AlertState]] = {"confirm": "confirmed", "release": "released"}
_REVIEW_ID: Final = f"{DATA_QUALITY.group}.review"
"""Within the declared ids; no pod has such a name."""

_LIST: Final = f"""
SELECT id, rule, severity, source, series, period_start, period_end, rows, value, expected, evidence, remedy,
    detected_at, state, reviewed_by, reviewed_at, reason
FROM {tables.QUALITY_ALERTS}
WHERE (%(state)s = 'all' OR state = %(state)s) AND (%(rule)s = '' OR rule = %(rule)s)
    AND (%(source)s = '' OR source = %(source)s) AND detected_at >= %(since)s
ORDER BY detected_at DESC, id
LIMIT %(limit)s
"""


class ReviewSettings(KafkaSettings, PostgresSettings):
    """What a review reaches."""


class ReviewRefused(Exception):
    """There is nothing to say it of; nothing was changed."""


def found(
    connection: Connection, *, state: str, rule: str, source: str, since: datetime, limit: int
) -> list[dict[str, Any]]:
    """Alerts, newest first; an empty text is any."""
    with connection.cursor(row_factory=dict_row) as cursor:
        wanted = {"state": state, "rule": rule, "source": source, "since": since, "limit": limit}
        return cursor.execute(_LIST, wanted).fetchall()


def review(
    database: Database, producer: TransactionalProducer, action: str, alert: str, who: str, reason: str
) -> AuditEvent:
    """Say it of an alert.

    Args:
        action: `confirm` or `release`.

    Raises:
        ReviewRefused: there is no such alert.
        Transient, ProducerLost, KafkaUnavailable: the same may be said again.
    """
    now = datetime.now(UTC)
    with database.transaction() as connection:
        row = connection.execute(
            f"SELECT rule, source, series, period_start, state FROM {tables.QUALITY_ALERTS}"
            " WHERE id = %s FOR UPDATE",
            (alert,),
        ).fetchone()
        if row is None:
            raise ReviewRefused(f"there is no alert {alert!r}: `quality list` says which there are")
        rule, source, series, start, before = row
        event = AuditEvent(
            at=now,
            actor=who,
            action=f"quality-{action}",
            subject=f"alert {alert}",
            reason=reason,
            detail={
                "rule": rule,
                "source": source,
                "series": series,
                "period_start": start.isoformat(),
                "before": before,
            },
        )
        with producer.transaction() as tx:
            tx.send(Output(PLATFORM_AUDIT, alert, encode(event)))
        connection.execute(
            f"UPDATE {tables.QUALITY_ALERTS}"
            " SET state = %s, reviewed_by = %s, reviewed_at = %s, reason = %s WHERE id = %s",
            (_STATES[action], who, now, reason, alert),
        )
    return event


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    log.configure(f"{DATA_QUALITY.name}-review")
    settings = load(ReviewSettings)
    try:
        with Database(settings, application_name=f"{DATA_QUALITY.name}-review") as database:
            if args.action == "list":
                since = datetime.now(UTC) - timedelta(days=args.days)
                with database.transaction() as connection:
                    alerts = found(
                        connection,
                        state=args.state,
                        rule=args.rule,
                        source=args.source,
                        since=since,
                        limit=args.limit,
                    )
                print(json.dumps({"alerts": alerts}, default=datetime.isoformat))
            else:
                with TransactionalProducer(settings, _REVIEW_ID) as producer:
                    event = review(database, producer, args.action, args.id, args.by, args.reason.strip())
                print(json.dumps({"reviewed": args.id, "state": _STATES[args.action], **event.detail}))
    except ReviewRefused as error:
        print(error, file=sys.stderr)
        return 2
    except (Transient, ProducerLost, KafkaUnavailable, KafkaException) as error:
        _log.error("not_reviewed", error=str(error))
        return 1
    return 0


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say why: it is recorded")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="review", description="List alerts, or say what is true of one.")
    actions = parser.add_subparsers(dest="action", required=True)
    listed = actions.add_parser("list")
    listed.add_argument("--state", choices=("open", "confirmed", "released", "all"), default="open")
    listed.add_argument("--rule", default="")
    listed.add_argument("--source", default="")
    listed.add_argument("--days", type=float, default=30.0, help="found within so many days")
    listed.add_argument("--limit", type=int, default=50)
    for action in _STATES:
        one = actions.add_parser(action)
        one.add_argument("id")
        one.add_argument("--reason", type=_reason, required=True)
        one.add_argument("--by", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
