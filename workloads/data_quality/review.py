"""`python -m workloads.data_quality.review`: alerts listed, and what a person says of them, recorded.

How is in `kit.quality_review`, as the API does it. The answer is one line of JSON.

Exit codes: 0 done, 1 Kafka or the database is away, 2 refused, with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from confluent_kafka import KafkaException
from psycopg.rows import dict_row

from workloads.kit import log
from workloads.kit.audit import to_topic
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY
from workloads.kit.db import Database
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost
from workloads.kit.quality_review import FOUND, STATES, ReviewRefused, review
from workloads.kit.records import Transient
from workloads.kit.settings import KafkaSettings, PostgresSettings, load

_log = structlog.get_logger(__name__)

_REVIEW_ID: Final = f"{DATA_QUALITY.group}.review"
"""Within the declared ids; no pod has such a name."""


class ReviewSettings(KafkaSettings, PostgresSettings):
    """What a review reaches."""


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    log.configure(f"{DATA_QUALITY.name}-review")
    settings = load(ReviewSettings)
    try:
        with (
            Database(settings, application_name=f"{DATA_QUALITY.name}-review") as database,
            database.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            if args.action == "list":
                now = datetime.now(UTC)
                wanted = {
                    "state": args.state,
                    "rule": args.rule,
                    "source": args.source,
                    "series": "",
                    "since": now - timedelta(days=args.days),
                    "until": now,
                    "after": None,
                    "count": args.limit,
                }
                answer = {"alerts": cursor.execute(FOUND, wanted).fetchall()}
            else:
                send = to_topic(settings, _REVIEW_ID)
                row = review(cursor, send, args.action, args.id, args.by, args.reason.strip())
                answer = {"reviewed": args.id, **row}
        print(json.dumps(answer, default=datetime.isoformat))
    except ReviewRefused as error:
        print(f"{error}: `quality list` says which there are", file=sys.stderr)
        return 2
    except (Transient, Aborted, ProducerLost, KafkaUnavailable, KafkaException) as error:
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
    for action in STATES:
        one = actions.add_parser(action)
        one.add_argument("id")
        one.add_argument("--reason", type=_reason, required=True)
        one.add_argument("--by", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
