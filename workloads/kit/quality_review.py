"""What a person says of an alert on data, by whichever way: one rule for the command line and for the API.

`confirm` says that an alert is right, `release` that the data are; either may be said again, and the last
word holds. It is an event on `platform-audit` first, then in the table: a crash between leaves an event of
what can be said again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import psycopg
from psycopg import sql

from workloads.kit.audit import Send
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.quality import AlertState
from workloads.kit.contracts.tables import QUALITY_ALERTS, SCHEMA

Action = Literal["confirm", "release"]

STATES: Final[Mapping[Action, AlertState]] = {"confirm": "confirmed", "release": "released"}
"""What is said of an alert → its state then."""

COLUMNS: Final = (
    *("id", "rule", "severity", "of_topic", "source", "series", "market", "resolution", "provenance"),
    *("period_start", "period_end", "published_at", "rows", "value", "expected", "evidence", "remedy"),
    *("detected_at", "state", "reviewed_by", "reviewed_at", "reason"),
)
"""What is shown of an alert."""

_TABLE: Final = sql.Identifier(SCHEMA, QUALITY_ALERTS)
_COLUMNS: Final = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))

FOUND: Final = sql.SQL(
    "SELECT {columns} FROM {table}"
    " WHERE (%(state)s = 'all' OR state = %(state)s) AND (%(rule)s = '' OR rule = %(rule)s)"
    " AND (%(source)s = '' OR source = %(source)s) AND (%(series)s = '' OR series = %(series)s)"
    " AND detected_at >= %(since)s AND detected_at <= %(until)s"
    " AND (%(after)s::text IS NULL OR detected_at < %(until)s OR id > %(after)s)"
    " ORDER BY detected_at DESC, id LIMIT %(count)s"
).format(columns=_COLUMNS, table=_TABLE)
"""Alerts, newest first; an empty text is any. `until` and `after` are instant and id of the last one that was
shown before."""

_LOCKED: Final = sql.SQL("SELECT {columns} FROM {table} WHERE id = %(id)s FOR UPDATE").format(
    columns=_COLUMNS, table=_TABLE
)
_SAID: Final = sql.SQL(
    "UPDATE {table} SET state = %(state)s, reviewed_by = %(by)s, reviewed_at = %(at)s, reason = %(reason)s"
    " WHERE id = %(id)s RETURNING {columns}"
).format(columns=_COLUMNS, table=_TABLE)


class ReviewRefused(Exception):
    """There is nothing to say it of; nothing was changed."""


def review(
    cursor: psycopg.Cursor[dict[str, Any]], send: Send, action: Action, alert: str, who: str, reason: str
) -> dict[str, Any]:
    """Say it of an alert; gives its row. What the same person said already is said once.

    Args:
        cursor: in a transaction, which the caller commits.

    Raises:
        ReviewRefused: there is no such alert, or who asks does not see it.
        Aborted, ProducerLost, KafkaUnavailable, KafkaException: it is not recorded, and nothing changed.
    """
    now = datetime.now(UTC)
    row = cursor.execute(_LOCKED, {"id": alert}).fetchone()
    if row is None:
        raise ReviewRefused(f"there is no alert {alert!r}")
    said = {"state": STATES[action], "reviewed_by": who, "reason": reason}
    if all(row[name] == value for name, value in said.items()):
        return row
    send(
        AuditEvent(
            at=now,
            actor=who,
            action=f"quality-{action}",
            subject=f"alert {alert}",
            reason=reason,
            detail={
                "rule": row["rule"],
                "source": row["source"],
                "series": row["series"],
                "period_start": row["period_start"].isoformat(),
                "before": row["state"],
            },
        )
    )
    values = {"id": alert, "state": STATES[action], "by": who, "at": now, "reason": reason}
    changed = cursor.execute(_SAID, values).fetchone()
    assert changed is not None, "the row is locked"
    return changed
