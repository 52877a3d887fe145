"""What every figure is made of and written as: an instant, and rows that say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg import sql
from psycopg.errors import LockNotAvailable

from workloads.kit.contracts import tables
from workloads.kit.contracts.customers import ACTIVE, CUT_LOCK
from workloads.kit.db import Connection, upsert
from workloads.kit.records import Transient
from workloads.kit.storable import storable

KNOWN: Final = "received_at <= %(as_of)s AND published_at <= %(as_of)s AND occurred_at <= %(as_of)s"
"""Condition on an event: it was here, made known, and over at the instant."""

ACTIVE_SQL: Final = ", ".join(f"'{kind}'" for kind in ACTIVE)

_EVENTS: Final = sql.Identifier(tables.SCHEMA, tables.CUSTOMER_EVENTS)
_PATIENCE_MS: Final = sql.Literal(10_000)
_SCORES: Final = ("figure", "as_of", "customer", "value", "label", "why")
_MODELS: Final = ("figure", "as_of", "status", "reason", "parameters", "quality")


@dataclass(frozen=True, slots=True)
class Score:
    """What a figure says of a customer.

    Args:
        why: what it is made of.
    """

    customer: str
    value: float
    label: str
    why: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a figure that has to be fitted is offered.

    Args:
        reason: why not, or by what measure.
        quality: how good it was on what it had not seen.
    """

    status: Literal["offered", "refused"]
    reason: str
    parameters: Mapping[str, Any]
    quality: Mapping[str, Any]


def settle(connection: Connection) -> None:
    """Wait until nothing that came before now is still on its way: what later transactions read as of an
    instant before now stays what it is.

    Raises:
        Transient: a writer takes longer than it should; others wait behind who waits, so it is let be.
    """
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(_PATIENCE_MS))
    try:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (CUT_LOCK,))
    except LockNotAvailable as error:
        raise Transient(f"a writer of events has been at it for {_PATIENCE_MS.as_string()} ms") from error


def ask(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a question; `{events}` in it is the table of events."""
    return connection.execute(sql.SQL(statement).format(events=_EVENTS), values).fetchall()  # pyright: ignore


def write_scores(connection: Connection, figure: str, as_of: datetime, scores: Iterable[Score]) -> int:
    """Write them; again the same ones change nothing. Returns how many."""
    rows = [(figure, as_of, one.customer, one.value, one.label, dict(one.why)) for one in scores]
    return upsert(connection, tables.CUSTOMER_SCORES, _SCORES, _SCORES[:3], rows)


def write_verdict(connection: Connection, figure: str, as_of: datetime, verdict: Verdict) -> None:
    """Write whether the figure is offered."""
    # A measure may be none: of amounts that are all one, no correlation is known.
    parameters, quality = storable(dict(verdict.parameters)), storable(dict(verdict.quality))
    row: Sequence[Any] = (figure, as_of, verdict.status, verdict.reason, parameters, quality)
    upsert(connection, tables.CUSTOMER_MODELS, _MODELS, _MODELS[:2], [row])
