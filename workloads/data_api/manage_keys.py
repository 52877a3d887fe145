"""`python -m workloads.data_api.manage_keys`: make, list, rotate and revoke API keys.

`python -m tools keys` runs it in a pod of data-api.

Each change is a row of `access_events`, in the same transaction, and a message on `platform-audit` before it
is committed: one that cannot be recorded there does not happen, but for a revocation, which never waits.
A key is printed once, when it is made. Exit codes: 0 done, 1 database or Kafka away, 2 the question is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from confluent_kafka import KafkaException
from psycopg.types.json import Jsonb

from workloads.data_api import keys
from workloads.kit import db, log
from workloads.kit.audit import Send, to_topic
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.data_api import DATA_API, KEYS_ID
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.tables import ACCESS_EVENTS, API_KEYS, ENTITLEMENTS
from workloads.kit.db import Connection
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost
from workloads.kit.records import Transient
from workloads.kit.settings import KafkaSettings, PostgresSettings, load

_log: Any = structlog.get_logger(__name__)

LONGEST_DAYS: Final = 730
_KAFKA_AWAY: Final = (Aborted, ProducerLost, KafkaUnavailable, KafkaException)
_TEXT: Final = 200
"""Characters of a name or a reason."""


class KeyRefused(Exception):
    """What is asked for cannot be; says what can."""


def create(
    connection: Connection,
    send: Send,
    *,
    tenant: str,
    name: str,
    scopes: tuple[str, ...],
    days: float,
    by: str,
    reason: str,
    requests_per_minute: int | None = None,
    replaces: str | None = None,
) -> dict[str, Any]:
    """A new key, with its text: the only time that it is seen.

    Args:
        days: until it expires.
        requests_per_minute: a limit of its own, within that of its tenant.
        replaces: id of the key that it is a successor of.

    Raises:
        KeyRefused: no such tenant, or a value is none; so is `by` or `reason` that says nothing.
    """
    _must_be_said(by, reason)
    _must_be_a_tenant(connection, tenant)
    if not 0 < days <= LONGEST_DAYS:
        raise KeyRefused(f"days {days:g}: a key holds for more than 0 and at most {LONGEST_DAYS} days")
    if requests_per_minute is not None and not 0 < requests_per_minute < 1_000_000:
        raise KeyRefused(f"requests a minute {requests_per_minute}: give 1 to 999999")
    if not name.strip() or len(name) > _TEXT or not name.isprintable():
        raise KeyRefused(f"name {name[:_TEXT]!r}: give one of up to {_TEXT} printable characters")
    try:
        checked = keys.checked_scopes(scopes)
    except ValueError as error:
        raise KeyRefused(str(error)) from error
    (key_id, secret), now = keys.make(), datetime.now(UTC)
    expires = now + timedelta(days=days)
    connection.execute(
        f"INSERT INTO {API_KEYS} (id, tenant_id, name, digest, scopes, created_at, created_by, expires_at,"
        " replaces, requests_per_minute) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(key_id, tenant, name, keys.digest(secret), list(checked), now, by, expires, replaces),
            requests_per_minute,
        ),
    )
    detail = {"name": name, "scopes": ",".join(checked), "expires_at": _text(expires), "replaces": replaces}
    _record(connection, send, "key.create", tenant, key_id, by, reason, detail)
    return {
        "key": keys.text(key_id, secret),
        "id": key_id,
        "tenant": tenant,
        "name": name,
        "scopes": list(checked),
        "expires_at": _text(expires),
    }


def listed(connection: Connection, tenant: str) -> list[dict[str, Any]]:
    """A tenant's keys, the newest first; nothing that opens anything.

    Raises:
        KeyRefused: no such tenant.
    """
    _must_be_a_tenant(connection, tenant)
    rows = connection.execute(
        "SELECT id, name, scopes, created_at, created_by, expires_at, revoked_at, replaces"
        f" FROM {API_KEYS} WHERE tenant_id = %s ORDER BY created_at DESC",
        (tenant,),
    ).fetchall()
    now = datetime.now(UTC)
    return [
        {
            "id": key_id,
            "name": name,
            "scopes": scopes,
            "state": "revoked" if revoked else "expired" if expires <= now else "valid",
            "created_at": _text(created),
            "created_by": by,
            "expires_at": _text(expires),
            "replaces": replaces,
        }
        for key_id, name, scopes, created, by, expires, revoked, replaces in rows
    ]


def rotate(
    connection: Connection,
    send: Send,
    *,
    tenant: str,
    key_id: str,
    overlap_hours: float,
    days: float,
    by: str,
    reason: str,
) -> dict[str, Any]:
    """A key that takes another's place; the old one holds for `overlap_hours` more: nobody is cut off.

    Raises:
        KeyRefused: there is no such key of the tenant that is still valid.
    """
    if not 0 <= overlap_hours <= 24 * 90:
        raise KeyRefused(f"overlap {overlap_hours:g} hours: give 0 to {24 * 90}")
    name, scopes, limit = _valid(connection, tenant, key_id)
    made = create(
        connection,
        send,
        tenant=tenant,
        name=name,
        scopes=tuple(scopes),
        days=days,
        by=by,
        reason=reason,
        requests_per_minute=limit,
        replaces=key_id,
    )
    ends = datetime.now(UTC) + timedelta(hours=overlap_hours)
    connection.execute(
        f"UPDATE {API_KEYS} SET expires_at = greatest(created_at + interval '1 microsecond',"
        " least(expires_at, %s)) WHERE id = %s",
        (ends, key_id),
    )
    detail = {"ends_at": _text(ends), "successor": made["id"]}
    _record(connection, send, "key.rotate", tenant, key_id, by, reason, detail)
    return {**made, "replaces": key_id, "old_ends_at": _text(ends)}


def revoke(
    connection: Connection, send: Send, *, tenant: str, key_id: str, by: str, reason: str
) -> dict[str, Any]:
    """End a key now.

    Raises:
        KeyRefused: there is no such key of the tenant that is still valid, or it is not said who and why.
    """
    _must_be_said(by, reason)
    _valid(connection, tenant, key_id)
    connection.execute(f"UPDATE {API_KEYS} SET revoked_at = %s WHERE id = %s", (datetime.now(UTC), key_id))

    def at_once(event: AuditEvent) -> None:
        try:
            send(event)
        except _KAFKA_AWAY as error:
            _log.warning("audit.topic_away", subject=event.subject, error=str(error))

    _record(connection, at_once, "key.revoke", tenant, key_id, by, reason, {})
    return {"id": key_id, "tenant": tenant, "state": "revoked"}


def _must_be_said(by: str, reason: str) -> None:
    for what, text, told in (("by", by, "who you are"), ("reason", reason, "why")):
        if not text.strip() or len(text) > _TEXT or not text.isprintable():
            shown = text[:_TEXT]
            raise KeyRefused(
                f"{what} {shown!r}: say {told} in up to {_TEXT} printable characters; it is recorded"
            )


def _must_be_a_tenant(connection: Connection, tenant: str) -> None:
    known = [name for (name,) in connection.execute(f"SELECT tenant_id FROM {ENTITLEMENTS} ORDER BY 1")]
    if tenant not in known:
        there = f"there are {', '.join(known)}" if known else "there is none: carbon:tenants names them"
        raise KeyRefused(f"tenant {tenant!r} is none: {there}")


def _valid(connection: Connection, tenant: str, key_id: str) -> tuple[str, list[str], int | None]:
    _must_be_a_tenant(connection, tenant)
    row = connection.execute(
        f"SELECT name, scopes, requests_per_minute FROM {API_KEYS} WHERE id = %s"
        " AND tenant_id = %s AND revoked_at IS NULL AND expires_at > now() FOR UPDATE",
        (key_id, tenant),
    ).fetchone()
    if row is None:
        raise KeyRefused(f"{tenant} has no valid key {key_id!r}: list shows those that it has")
    return row[0], row[1], row[2]


def _record(
    connection: Connection,
    send: Send,
    action: str,
    tenant: str,
    key_id: str,
    by: str,
    reason: str,
    detail: dict[str, Any],
) -> None:
    subject, now = f"{tenant}/{key_id}", datetime.now(UTC)
    connection.execute(
        f"INSERT INTO {ACCESS_EVENTS} (id, at, tenant_id, actor, action, subject, reason, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (uuid.uuid4(), now, tenant, by, action, subject, reason, Jsonb(detail)),
    )
    send(AuditEvent(at=now, actor=by, action=action, subject=subject, reason=reason, detail=detail))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _nowhere(_event: AuditEvent) -> None:
    """Without brokers the table is the only record."""


def main(arguments: list[str] | None = None) -> int:
    args = vars(_parser().parse_args(arguments))
    log.configure(DATA_API.name)
    settings = load(PostgresSettings)
    send = to_topic(load(KafkaSettings), KEYS_ID) if os.environ.get(env.KAFKA_BOOTSTRAP) else _nowhere
    command = args.pop("command")
    try:
        with db.Database(settings, application_name=KEYS_ID) as database, database.transaction() as c:
            if command == "create":
                scopes = tuple(args.pop("scopes") or ("read",))
                answer: Any = create(c, send, scopes=scopes, **args)
            elif command == "list":
                answer = listed(c, args["tenant"])
            elif command == "rotate":
                answer = rotate(c, send, **args)
            else:
                answer = revoke(c, send, **args)
    except KeyRefused as error:
        print(error, file=sys.stderr)
        return 2
    except (Transient, *_KAFKA_AWAY) as error:
        print(f"nothing was changed: {error}; try again when it answers", file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage_keys", description="API keys of a tenant.")
    commands = parser.add_subparsers(dest="command", required=True)
    making, listing = commands.add_parser("create"), commands.add_parser("list")
    rotating, revoking = commands.add_parser("rotate"), commands.add_parser("revoke")
    for one in (making, listing, rotating, revoking):
        one.add_argument("--tenant", required=True)
    for one in (making, rotating, revoking):
        one.add_argument("--by", required=True)
        one.add_argument("--reason", required=True)
    for one in (making, rotating):
        one.add_argument("--days", type=float, default=90.0)
    for one in (rotating, revoking):
        one.add_argument("--id", dest="key_id", required=True)
    making.add_argument("--name", required=True)
    making.add_argument("--requests-per-minute", type=int)
    making.add_argument("--scope", dest="scopes", action="append")
    rotating.add_argument("--overlap-hours", type=float, default=24.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
