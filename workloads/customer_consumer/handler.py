"""What customer-consumer does with a batch: each event is kept once, and counts once in its hour."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import Any, Final

from psycopg import sql

from workloads.kit.contracts import tables
from workloads.kit.contracts.customers import CUT_LOCK, CustomerEvent
from workloads.kit.db import Database
from workloads.kit.records import Output, Record

Save = Callable[[Sequence[Sequence[Any]]], None]
"""Makes rows of `COLUMNS` durable, at once; again the same ones change nothing."""

COLUMNS: Final = tuple(name for name in CustomerEvent.__struct_fields__ if name != "schema_version")

_row: Final = attrgetter(*COLUMNS)

_PARTS: Final = {
    "events": sql.Identifier(tables.SCHEMA, tables.CUSTOMER_EVENTS),
    "hours": sql.Identifier(tables.SCHEMA, tables.CUSTOMER_HOURS),
    "names": sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
    "others": sql.SQL(", ").join(map(sql.Identifier, COLUMNS[1:])),
}
_LOCK: Final = sql.SQL("SELECT pg_advisory_xact_lock_shared({})").format(sql.Literal(CUT_LOCK))
_STAGE: Final = sql.SQL(
    "CREATE TEMP TABLE IF NOT EXISTS staged_events ON COMMIT DELETE ROWS"
    " AS SELECT {names} FROM {events} WITH NO DATA"
).format(**_PARTS)
_COPY: Final = sql.SQL("COPY staged_events ({names}) FROM STDIN").format(**_PARTS)
# Only what was not there counts: whatever is read again adds nothing. In order, so that no two writers wait
# for each other.
_MERGE: Final = sql.SQL(
    "WITH fresh AS ("
    " INSERT INTO {events} ({names}, received_at)"
    " SELECT {names}, clock.at FROM staged_events, (SELECT clock_timestamp() AS at) clock"
    " ON CONFLICT (event_id) DO NOTHING"
    " RETURNING customer, date_trunc('hour', occurred_at, 'UTC') AS hour, kind,"
    " coalesce(currency, '') AS currency, amount, score, occurred_at"
    ") INSERT INTO {hours} AS held (customer, hour, kind, currency, events, amount, score, last_at)"
    " SELECT customer, hour, kind, currency, count(*), coalesce(sum(amount::numeric), 0),"
    " coalesce(sum(score), 0), max(occurred_at) FROM fresh GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    " ON CONFLICT (customer, hour, kind, currency) DO UPDATE SET events = held.events + excluded.events,"
    " amount = held.amount + excluded.amount, score = held.score + excluded.score,"
    " last_at = greatest(held.last_at, excluded.last_at)"
).format(**_PARTS)


class CustomerHandler:
    """Has no state: what is counted is known by what is kept."""

    def __init__(self, save: Save) -> None:
        self._save = save

    def restore(self, records: Sequence[Record[CustomerEvent]]) -> None:
        """There is nothing to restore."""

    def forget(self, partitions: Collection[int]) -> None:
        """There is nothing to forget."""

    def committed(self, partitions: Collection[int]) -> None:
        """There is nothing to settle."""

    def process(self, batch: Sequence[Record[CustomerEvent]]) -> list[Output]:
        """Raises Transient where the database is away."""
        self._save([_row(record.value) for record in batch])
        return []


def save_to(database: Database) -> Save:
    """Writes a batch in one transaction."""

    def save(rows: Sequence[Sequence[Any]]) -> None:
        with database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(_LOCK)
            cursor.execute(_STAGE)
            with cursor.copy(_COPY) as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(_MERGE)

    return save
