"""The tenant's own jobs, as data-api reads and changes them in their table."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from workloads.data_api import identity
from workloads.data_api.downloads.jobs import link
from workloads.data_api.downloads.jobs.settings import JobSettings
from workloads.data_api.downloads.question import FileQuery
from workloads.data_api.problems import Refused
from workloads.data_api.store import Cursor, Row, Store
from workloads.kit.contracts.tables import ACCESS_EVENTS, DOWNLOAD_JOBS, SCHEMA

TABLE: Final = sql.Identifier(SCHEMA, DOWNLOAD_JOBS)


def statement(text: LiteralString) -> sql.Composed:
    """A statement in which `{table}` is that of the jobs and `{events}` that of access events."""
    return sql.SQL(text).format(table=TABLE, events=sql.Identifier(SCHEMA, ACCESS_EVENTS))


_COLUMNS: Final = (
    "id, asked_at, asked_by, question, as_of, state, rows_estimated, row_count, bytes, error, link_key,"
    " ended_at, expires_at"
)
_LIST: Final = statement(
    f"SELECT {_COLUMNS} FROM {{table}} WHERE tenant_id = %(tenant)s AND state <> 'removed'"
    " ORDER BY asked_at DESC, id"
)
_ONE: Final = statement(
    f"SELECT {_COLUMNS} FROM {{table}} WHERE tenant_id = %(tenant)s AND id = %(id)s AND state <> 'removed'"
)
# One of a tenant at a time, so that the counts hold.
_LOCK: Final = sql.SQL("SELECT pg_advisory_xact_lock(hashtextextended(%(tenant)s, 1014))").format()
_COUNT: Final = statement(
    "SELECT count(*) FILTER (WHERE state IN ('queued', 'running'))::int AS open, count(*)::int AS kept"
    " FROM {table} WHERE tenant_id = %(tenant)s AND state <> 'removed'"
)
_ADD: Final = statement(
    "INSERT INTO {table} (id, tenant_id, asked_at, asked_by, question, as_of, state, not_before,"
    " rows_estimated, link_key) VALUES (%(id)s, %(tenant)s, %(at)s, %(by)s, %(question)s, %(as_of)s,"
    " 'queued', %(at)s, %(estimated)s, %(link_key)s)"
)
# Its file goes with it, which is not done here: whoever makes files removes them.
_REMOVE: Final = statement(
    "UPDATE {table} SET state = 'removed', ended_at = %(at)s"
    " WHERE tenant_id = %(tenant)s AND id = %(id)s AND state <> 'removed' RETURNING id"
)
_EVENT: Final = statement(
    "INSERT INTO {events} (id, at, tenant_id, actor, action, subject, reason, detail)"
    " VALUES (%(id)s, %(at)s, %(tenant)s, %(by)s, %(action)s, %(subject)s, %(reason)s, %(detail)s)"
)


def listed(store: Store) -> list[Row]:
    """The tenant's, the newest first."""
    return store.rows(_LIST, {"tenant": identity.tenant()})


def one(store: Store, job: UUID) -> Row:
    """One of the tenant's. Refused, 404, where it has none such."""
    found = store.rows(_ONE, {"tenant": identity.tenant(), "id": job})
    if not found:
        raise none(job)
    return found[0]


def ask(store: Store, settings: JobSettings, query: FileQuery, as_of: datetime, estimated: int | None) -> Row:
    """Take a job down. Refused, 409, where the tenant has as many as it may have."""
    asking, now, job = identity.asking(), datetime.now(UTC), uuid.uuid4()
    question = query.model_dump(mode="json", exclude={"as_of"}, exclude_none=True)
    values: dict[str, Any] = {
        "id": job,
        "tenant": asking.tenant,
        "at": now,
        "by": asking.key,
        "question": Jsonb(question),
        "as_of": as_of,
        "estimated": estimated,
        "link_key": link.new_key(),
    }
    with store.changing() as cursor:
        cursor.execute(_LOCK, values)
        count = cursor.execute(_COUNT, values).fetchone() or {"open": 0, "kept": 0}
        if count["open"] >= settings.jobs_open:
            raise _too_many(
                f"{count['open']} jobs of the tenant wait or are under way, and no more may",
                "wait until one has ended, or delete one",
            )
        if count["kept"] >= settings.jobs_kept:
            raise _too_many(f"the tenant has {count['kept']} jobs", "delete one that is no longer needed")
        cursor.execute(_ADD, values)
        note(cursor, "download.ask", job, asking.key, now, question)
        found = cursor.execute(_ONE, values).fetchone()
    assert found is not None, "it was added"
    return found


def remove(store: Store, job: UUID) -> None:
    """Cancel a job, or remove it and its file. Refused, 404, where the tenant has none such."""
    asking, now = identity.asking(), datetime.now(UTC)
    with store.changing() as cursor:
        values = {"tenant": asking.tenant, "id": job, "at": now}
        if cursor.execute(_REMOVE, values).fetchone() is None:
            raise none(job)
        note(cursor, "download.remove", job, asking.key, now, {})


def note(
    cursor: Cursor,
    action: str,
    job: UUID,
    actor: str,
    at: datetime,
    detail: Mapping[str, Any],
    reason: str = "by its holder",
) -> None:
    """Record in the transaction what was done with a job of the tenant that asks."""
    values = {"id": uuid.uuid4(), "at": at, "tenant": identity.tenant(), "by": actor, "action": action}
    cursor.execute(_EVENT, {**values, "subject": str(job), "reason": reason, "detail": Jsonb(dict(detail))})


def none(job: UUID) -> Refused:
    """404."""
    return Refused(
        404,
        "there is no such job",
        field="id",
        value=str(job),
        remedy="/v1/downloads/jobs lists those that there are",
        reason="unknown",
    )


def _too_many(detail: str, remedy: str) -> Refused:
    return Refused(409, detail, field="path", value="/v1/downloads/jobs", remedy=remedy, reason="limit")
