"""The jobs of all tenants, as whoever makes files takes them: each for a time, by an attempt of its own.

What says that it has an attempt which is no longer the job's, or of which was not heard in time, changes
nothing: the job is another's, or gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import sql

from workloads.data_api import identity
from workloads.data_api.downloads.jobs.table import note, statement
from workloads.data_api.identity import Principal
from workloads.data_api.store import Cursor, Row, Store
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.tables import API_USAGE, ENTITLEMENTS, SCHEMA

_CLAIM: Final = sql.SQL("SELECT * FROM {}(%(lease)s)").format(sql.Identifier(SCHEMA, "claim_download_job"))
_ENDED: Final = sql.SQL("SELECT * FROM {}(%(kept)s)").format(sql.Identifier(SCHEMA, "ended_download_jobs"))
_ENTITLEMENT: Final = sql.SQL("SELECT {} FROM {} WHERE tenant_id = %(tenant)s").format(
    sql.SQL(", ").join(map(sql.Identifier, Entitlement.model_fields)), sql.Identifier(SCHEMA, ENTITLEMENTS)
)
_FIND: Final = statement("SELECT asked_by, question, as_of, state, attempt FROM {table} WHERE id = %(id)s")

_MINE: Final[LiteralString] = (
    " WHERE id = %(id)s AND attempt = %(attempt)s AND state = 'running' RETURNING id"
)
_BEAT: Final = statement(
    "UPDATE {table} SET leased_until = clock_timestamp() + %(lease)s, row_count = %(rows)s,"
    f" bytes = %(bytes)s{_MINE}"
)
_DONE: Final = statement(
    "UPDATE {table} SET state = 'done', row_count = %(rows)s, bytes = %(bytes)s, place = %(place)s,"
    " digest = %(digest)s, ended_at = %(at)s, expires_at = %(expires_at)s, leased_until = NULL,"
    f" error = NULL{_MINE}"
)
_AGAIN: Final = statement(
    "UPDATE {table} SET state = 'queued', row_count = 0, bytes = 0, leased_until = NULL, error = %(error)s,"
    f" failures = failures + (%(error)s::text IS NOT NULL)::int, not_before = %(at)s{_MINE}"
)
_FAILED: Final = statement(
    "UPDATE {table} SET state = 'failed', row_count = 0, bytes = 0, leased_until = NULL, error = %(error)s,"
    f" ended_at = %(at)s{_MINE}"
)
_USED: Final = sql.SQL(
    "INSERT INTO {} AS held (tenant_id, hour, key_id, product, writer, requests, row_count, bytes)"
    " VALUES (%(tenant)s, %(hour)s, %(by)s, 'downloads', %(id)s, 0, %(rows)s, %(bytes)s)"
    " ON CONFLICT (tenant_id, hour, key_id, product, writer) DO NOTHING"
).format(sql.Identifier(SCHEMA, API_USAGE))
_EXPIRE: Final = statement(
    "UPDATE {table} SET state = 'expired', place = NULL, ended_at = %(at)s"
    " WHERE id = %(id)s AND state = 'done' RETURNING id"
)
_DELETE: Final = statement(
    "DELETE FROM {table} WHERE id = %(id)s AND state IN ('removed', 'failed', 'expired') RETURNING id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job in hand.

    Args:
        attempt: how often it was begun, this time included: what tells one maker from the next.
    failures: how often it broke off. One that was given back by a worker that ends did not.
    """

    id: UUID
    tenant: str
    attempt: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file that is there."""

    place: str
    rows: int
    size: int
    digest: str


class Lost(Exception):
    """The job is another's, or gone."""


class Queue:
    """Every method raises what `Store` raises. Who asks is set to the tenant of what is in hand."""

    def __init__(self, store: Store, lease: timedelta) -> None:
        self._store, self._lease = store, lease

    def claim(self) -> Claim | None:
        """The next job, for the time of the lease; None where none waits."""
        identity.admit(None)
        with self._store.changing() as cursor:
            found = cursor.execute(_CLAIM, {"lease": self._lease}).fetchone()
        if found is None:
            return None
        return Claim(
            id=found["id"], tenant=found["tenant_id"], attempt=found["attempt"], failures=found["failures"]
        )

    def opened(self, claim: Claim) -> tuple[Principal | None, Row]:
        """In whose name the job is done, None where its tenant is none any more; and what is asked."""
        self.enter(claim.tenant)
        found = self._store.rows(_FIND, {"id": claim.id})
        if not found or found[0]["attempt"] != claim.attempt:
            raise Lost
        held = self._store.rows(_ENTITLEMENT, {"tenant": claim.tenant})
        if not held:
            return None, found[0]
        return _principal(claim.tenant, found[0]["asked_by"], Entitlement.model_validate(held[0])), found[0]

    def beat(self, claim: Claim, rows: int, size: int) -> None:
        """Say how far it is, and that it is still being made. Lost where it is no longer one's own."""
        self._mine(claim, _BEAT, {"lease": self._lease, "rows": rows, "bytes": size})

    def done(self, claim: Claim, by: str, made: Made, keep: timedelta) -> None:
        """Say that the file is there, and count its rows: both, or neither. To be asked again until it is
        known whether it counts. Lost where the job is no longer one's own."""
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "id": claim.id,
            "attempt": claim.attempt,
            "tenant": claim.tenant,
            "by": by,
            "place": made.place,
            "rows": made.rows,
            "bytes": made.size,
            "digest": made.digest,
            "at": now,
            "hour": now.replace(minute=0, second=0, microsecond=0),
            # Whole seconds, as a link says it.
            "expires_at": (now + keep).replace(microsecond=0),
        }
        with self._store.changing() as cursor:
            if cursor.execute(_DONE, values).fetchone() is None:
                held = cursor.execute(_FIND, values).fetchone()
                if held is None or held["state"] != "done" or held["attempt"] != claim.attempt:
                    raise Lost
                return  # the time before counted
            cursor.execute(_USED, values)
            note(cursor, "download.made", claim.id, by, now, {"rows": made.rows, "bytes": made.size}, "made")

    def again(self, claim: Claim, error: str | None, after: timedelta) -> None:
        """Give it back, to be begun anew; it counts as broken off where there is an error."""
        self._mine(claim, _AGAIN, {"error": error, "at": datetime.now(UTC) + after})

    def failed(self, claim: Claim, error: str) -> None:
        """Say that it is not to be had, and why."""
        self._mine(claim, _FAILED, {"error": error, "at": datetime.now(UTC)})

    def ended(self, kept: timedelta) -> list[tuple[UUID, str]]:
        """Jobs and tenants whose files, or rows that ended so long ago, are to be removed."""
        identity.admit(None)
        return [(row["id"], row["tenant_id"]) for row in self._store.rows(_ENDED, {"kept": kept})]

    def clear(self, job: UUID, tenant: str) -> None:
        """Its file is gone: say so, or forget the job where it has been told for long enough."""
        self.enter(tenant)
        with self._store.changing() as cursor:
            values = {"id": job, "at": datetime.now(UTC)}
            if cursor.execute(_EXPIRE, values).fetchone() is None:
                cursor.execute(_DELETE, values)

    def enter(self, tenant: str) -> None:
        """From now on this thread sees the tenant's rows, by what it is entitled to."""
        identity.admit(_principal(tenant, "", _NOTHING))

    def _mine(self, claim: Claim, text: sql.Composed, values: Mapping[str, Any]) -> None:
        with self._store.changing() as cursor:
            _changed(cursor, text, {"id": claim.id, "attempt": claim.attempt, **values})


def _changed(cursor: Cursor, text: sql.Composed, values: Mapping[str, Any]) -> None:
    if cursor.execute(text, values).fetchone() is None:
        raise Lost


_NOTHING: Final = Entitlement(
    products=(), markets=(), history_days=None, delay_minutes=0, rows_per_month=None, requests_per_minute=1
)
"""What is known of a tenant before its own is read; row security reads its own."""


def _principal(tenant: str, key: str, entitlement: Entitlement) -> Principal:
    return Principal(tenant=tenant, key=key, scopes=frozenset({"read"}), entitlement=entitlement)
