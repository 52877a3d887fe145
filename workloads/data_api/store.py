"""The feature store, as the API asks it: one question a transaction, with a limit to its time."""

from __future__ import annotations

import select
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from workloads.data_api import identity
from workloads.data_api.settings import DataApiSettings
from workloads.kit import db
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.entitlements import TENANT_SETTING

Row = dict[str, Any]
Cursor = psycopg.Cursor[Row]

_BEGIN: Final = sql.SQL(
    f"BEGIN {{access}}; SET LOCAL statement_timeout = {{timeout}}; SET LOCAL {TENANT_SETTING} = {{tenant}}"
)
_READ_ONLY: Final = sql.SQL("READ ONLY")
_READ_WRITE: Final = sql.SQL("READ WRITE")
_MOST_MS: Final = 3_600_000


_UNREADY: Final = (
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
)
"""The server is a standby, or behind by a migration: it passes, or an operator mends it."""

_log: Any = structlog.get_logger(__name__)


class StoreAway(Exception):
    """The database does not answer, or is not (yet) as this release needs it."""


class _Cut(StoreAway):
    """A connection was lost under a question: another may be there."""


class StoreBusy(Exception):
    """As many questions as may wait for the database do so already."""


class StoreSlow(Exception):
    """The database did not finish in its time."""


@contextmanager
def _told() -> Generator[None]:
    """What psycopg raises, as one of the three."""
    try:
        yield
    except TooManyRequests as error:
        raise StoreBusy(str(error)) from error
    except psycopg.errors.QueryCanceled as error:
        raise StoreSlow(str(error)) from error
    except PoolTimeout as error:
        raise StoreAway(str(error)) from error
    except db.LOST as error:
        raise _Cut(str(error)) from error
    except _UNREADY as error:
        _log.error("store.unready", error=str(error))
        raise StoreAway(str(error)) from error


class _Bounded(db.Login):
    """Given up and closed where the server keeps silent for longer than it may take: its own limit to a
    statement holds only while it runs."""

    patience: float
    """Seconds."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, which waits for ever without a timeout."""
        limit = timeout or self.patience
        ends = time.monotonic() + limit
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except psycopg.Error:
            if time.monotonic() >= ends:
                self.pgconn.finish()
            raise


def _check(connection: psycopg.Connection[Any]) -> None:
    """As the pool's own, which asks the server before each question, where there is reason to: a server that
    ends a connection says so, and the system ends what is silently dead (keepalives, `db.parameters`). What
    neither has ended yet the question finds out, in the time that asking would have taken."""
    said = select.poll()
    said.register(connection.fileno(), select.POLLIN)
    if said.poll(0):
        ConnectionPool.check_connection(connection)


class Store:
    """A bounded pool of connections, opened in the background: the API starts while the database is away.

    A pooler that shares connections takes no options of a session, so each transaction says for itself
    whether it writes, for how long it may run, and for which tenant: row security then shows what that one is
    entitled to.
    """

    def __init__(self, settings: DataApiSettings) -> None:
        self._timeout = sql.Literal(min(max(int(settings.store_timeout_seconds * 1000), 1), _MOST_MS))

        self._silent = settings.download_patience_seconds

        class Connection(_Bounded):
            # It says itself when a statement took too long; only a silent one is waited for in vain.
            patience = settings.store_timeout_seconds + 1

        def parameters() -> dict[str, Any]:
            given = db.parameters(settings, application_name=DATA_API.name)
            return {**given, "password_file": settings.postgres_password_file, "autocommit": True}

        self._pool = ConnectionPool(
            connection_class=Connection,
            kwargs=parameters,
            min_size=1,
            max_size=settings.store_connections,
            max_waiting=settings.store_waiting,
            open=False,
            timeout=settings.store_wait_seconds,
            check=_check,
            name=DATA_API.name,
        )
        self._pool.open(wait=False)

    def rows(self, query: sql.Composed, values: Mapping[str, Any]) -> list[Row]:
        """All rows of a query that who asks may see, as dictionaries.

        Raises:
            StoreAway, StoreBusy, StoreSlow: there are none to be had just now.
        """
        try:
            return self._rows(query, values)
        except _Cut as error:  # reading twice does no harm
            _log.warning("store.cut", error=str(error))
            return self._rows(query, values)

    def _rows(self, query: sql.Composed, values: Mapping[str, Any]) -> list[Row]:
        with self._transaction(_READ_ONLY) as cursor:
            return cursor.execute(query, values).fetchall()

    @contextmanager
    def changing(self) -> Generator[Cursor]:
        """A transaction that writes what is the tenant's own: whole at the block's end, or not at all.

        Raises:
            StoreAway, StoreBusy, StoreSlow: as `rows`. At its end it may be unknown whether it counts, so
                what it does has to be such that it can be done again.
        """
        with self._transaction(_READ_WRITE) as cursor:
            yield cursor

    # The pool's block ends the transaction: it commits, or rolls back on an exception.
    @contextmanager
    def _transaction(self, access: sql.SQL) -> Generator[Cursor]:
        with (
            _told(),
            self._pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            cursor.execute(self._begin(access))
            yield cursor

    def copied(
        self, query: sql.Composed, values: Mapping[str, Any], seconds: float
    ) -> Generator[bytes, None, None]:
        """What a COPY … TO STDOUT sends, a row at a time, as it comes; the connection is held until the end
        or `close()`. Times are in UTC. What an index gives in order is read from it, never sorted first: the
        first row is there at once, and the database keeps nothing.

        Raises:
            StoreAway, StoreBusy, StoreSlow: as `rows`, also in its midst.
        """
        limit = sql.SQL(
            "SET LOCAL statement_timeout = {}; SET LOCAL enable_sort = off; SET LOCAL random_page_cost = 1.1;"
            " SET LOCAL TimeZone = 'UTC'"
        ).format(sql.Literal(min(max(int(seconds * 1000), 1), _MOST_MS)))
        with (
            _told(),
            self._pool.connection() as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(self._begin(_READ_ONLY))
            cursor.execute(limit)
            patience, connection.patience = connection.patience, self._silent
            try:
                with cursor.copy(query, values) as copy:
                    yield from map(bytes, copy)
            finally:
                connection.patience = patience

    def _begin(self, access: sql.SQL) -> sql.Composed:
        return _BEGIN.format(access=access, timeout=self._timeout, tenant=sql.Literal(identity.tenant()))

    def close(self) -> None:
        self._pool.close()
