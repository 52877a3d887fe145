"""PostgreSQL: connections, many rows at once, and the record of a job's runs."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.types.json import Jsonb

from workloads.kit import scrub, staging
from workloads.kit.contracts import env, tables
from workloads.kit.records import Transient
from workloads.kit.settings import PostgresSettings
from workloads.kit.storable import storable

Connection = psycopg.Connection[tuple[Any, ...]]

LOST = (psycopg.OperationalError, psycopg.InterfaceError)
"""What psycopg raises when the server is away, shuts down or refuses for now."""

_GONE = (*LOST, psycopg.InternalError)
"""And what a connection says that is of no more use, such as to a primary that was demoted and only reads: a
new one may help, and no row is at fault."""

_NOT_READY = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedTable,
)
"""The schema or the grants are not (or no longer) what this code was made for: an operator's to mend, and no
row's fault."""


def parameters(settings: PostgresSettings, *, application_name: str) -> dict[str, Any]:
    """Arguments of a connection with `SCHEMA` on its search path and UTC as its zone; reads the password.

    Behind a pooler that shares server connections, `options` does not reach the server: there the server's
    own parameters say the same.
    """
    held = passwords(settings.postgres_password_file)
    authority = settings.postgres_ca_file
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority)} if authority else {}
    return {
        **verified,
        "host": settings.postgres_host,
        "port": settings.postgres_port,
        "dbname": settings.postgres_database,
        "user": settings.postgres_user,
        "password": held[0] if held else None,
        "connect_timeout": settings.postgres_connect_timeout_seconds,
        "application_name": application_name,
        "options": f"-c search_path={tables.SCHEMA} -c timezone=UTC -c client_min_messages=warning",
        # A cut network drops packets silently: a lost server is noticed after about 15 s.
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15_000,
    }


def connect(settings: PostgresSettings, *, application_name: str, autocommit: bool = False) -> Connection:
    """A connection made with `parameters`.

    Raises:
        Transient: the server is away or refuses the connection.
    """
    try:
        made, file = parameters(settings, application_name=application_name), settings.postgres_password_file
        return Login.connect(**made, password_file=file, autocommit=autocommit)
    except LOST as error:
        at = f"{settings.postgres_host}:{settings.postgres_port}"
        raise Transient(f"PostgreSQL at {at}: {error}") from error


class Login(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is let in while its role's password is being rotated.

    Server and pods learn of a new password each in its own time, so a role's secret holds three: that of now,
    the one that comes next and the one before (`contracts.env.PASSWORDS`). Whichever of the two sides is
    first, one of them is the server's.
    """

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's, with each password of the file `password_file` and of those beside it in turn.

        Raises:
            psycopg.OperationalError: the server is away, or refuses them all: then what it said of the first.
        """
        file: Path | None = kwargs.pop("password_file", None)
        refused: list[psycopg.OperationalError] = []
        # Again: between two tries the server may have taken on the first, or the files may have changed.
        for _ in range(2):
            held = passwords(file)
            for one in held or [kwargs.get("password")]:
                try:
                    kwargs["password"] = one
                    return super().connect(conninfo, **kwargs)
                except psycopg.OperationalError as error:
                    if error.pgconn is None or not error.pgconn.used_password:
                        raise
                    refused.append(error)
            if len(held) < 2:
                break
        raise refused[0]


def passwords(file: Path | None) -> list[str]:
    """What the file and those beside it hold, in the order in which they are tried; none is logged."""
    if file is None:
        return []
    beside = (file.with_name(f"{file.name}{suffix}") for suffix in env.PASSWORDS if suffix)
    now = file.read_text().strip()
    others = (one.read_text().strip() for one in beside if one.is_file())
    read = list(dict.fromkeys([now, *filter(None, others)]))
    scrub.hide(*read)
    return read


class Database:
    """One connection, made when it is first needed and made again after it was lost."""

    def __init__(self, settings: PostgresSettings, *, application_name: str) -> None:
        self._settings = settings
        self._application_name = application_name
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """The connection in a transaction: committed at the block's end, rolled back on an exception.

        Raises:
            Transient: the server is away, or was lost on the way; whether the commit happened is then
                unknown, so the work has to be one that can be repeated. Or tables or rights are missing.
        """
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = connect(self._settings, application_name=self._application_name)
        try:
            with connection.transaction():
                yield connection
        except _GONE as error:
            self.close()
            raise Transient(f"PostgreSQL was lost: {error}") from error
        except _NOT_READY as error:
            raise Transient(f"PostgreSQL is not as this release needs it: {error}") from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def upsert(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> int:
    """Insert rows in `columns`' order, or update those whose `key` is there; of rows with one key the last
    holds. Returns the number of rows with distinct keys. Part of the caller's transaction.
    """
    distinct = _last_by_key(columns, key, rows)
    if distinct:
        staging.merge(connection, table, columns, key, distinct)
    return len(distinct)


def append(
    connection: Connection, table: str, columns: Sequence[str], rows: Collection[Sequence[Any]]
) -> int:
    """Insert rows in `columns`' order; one whose identity is there already changes nothing. Returns how many
    were new. Part of the caller's transaction."""
    return staging.merge(connection, table, columns, (), rows) if rows else 0


def _last_by_key(
    columns: Sequence[str], key: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Collection[Sequence[Any]]:
    identity = itemgetter(*map(columns.index, key))
    return {identity(row): row for row in rows}.values()


@contextmanager
def job_run(connection: Connection, job: str, run_id: str) -> Generator[dict[str, Any]]:
    """Record a job's run in `job_runs`: `running` now, then `succeeded`, or `failed` with the error when the
    block raises. What the block puts into the yielded dictionary becomes the row's `detail` (JSON).

    A run id that is there already, of a run that was killed, starts anew. Each write is committed at once.
    """
    detail: dict[str, Any] = {}
    begin_run(connection, job, run_id)
    try:
        yield detail
    except BaseException as error:
        with suppress(psycopg.Error):
            # What the block had begun is not done, and would take this record with it.
            connection.rollback()
        finish_run(connection, run_id, "failed", {**detail, "error": f"{type(error).__name__}: {error}"})
        raise
    finish_run(connection, run_id, "succeeded", detail)


def begin_run(connection: Connection, job: str, run_id: str, *, shared: bool = False) -> None:
    """Record that a run is `running`; of one that is `shared`, what others of it recorded stands.

    Other runs of the job that are still `running` were killed, or their machine is gone: they are `failed`
    from now on, which is when it was noticed. One that is at work all the same says itself how it ended.
    """
    anew = (
        "NOTHING"
        if shared
        else "UPDATE SET started_at = excluded.started_at, finished_at = NULL, status = excluded.status,"
        " detail = '{}'"
    )
    with connection.transaction():
        killed = {"error": f"killed: it never said how it ended, as run {run_id} noticed", "killed": True}
        connection.execute(
            f"UPDATE {tables.JOB_RUNS} SET finished_at = %s, status = 'failed', detail = detail || %s"
            " WHERE job = %s AND run_id <> %s AND status = 'running'",
            (datetime.now(UTC), Jsonb(killed), job, run_id),
        )
        connection.execute(
            f"INSERT INTO {tables.JOB_RUNS} (job, run_id, started_at, status) VALUES (%s, %s, %s, 'running')"
            f" ON CONFLICT (run_id) DO {anew}",
            (job, run_id, datetime.now(UTC)),
        )


def finish_run(connection: Connection, run_id: str, status: str, detail: dict[str, Any]) -> None:
    """Record how a run ended, and its detail."""
    with connection.transaction():
        connection.execute(
            f"UPDATE {tables.JOB_RUNS} SET finished_at = %s, status = %s, detail = %s WHERE run_id = %s",
            (datetime.now(UTC), status, Jsonb(storable(detail)), run_id),
        )
