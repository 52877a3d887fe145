"""Rows of a PostgreSQL query."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import psycopg
from psycopg import sql
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.sources.kinds import SqlSource as SqlConfig
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, sql_text, table
from workloads.price_pipeline.sources.secret import read_secret


def _or_text(known: type[Loader]) -> type[Loader]:
    """Reads a time that Python has none for, such as `infinity` or one before Christ, as its text: it spoils
    its row, if that is read of it at all, and not the query."""

    class OrText(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self._known = known(oid, context)

        def load(self, data: Buffer) -> object:
            try:
                return self._known.load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return OrText


_LOADERS: Final = {
    "date": _or_text(DateLoader),
    "timestamp": _or_text(TimestampLoader),
    "timestamptz": _or_text(TimestamptzLoader),
}


class SqlSource:
    """Runs the configured query read-only, narrowed and ordered by its event time on the server, through a
    cursor there: memory holds `fetch_rows` rows. A row's bytes are its columns as JSON."""

    def __init__(self, config: SqlConfig) -> None:
        self._config = config

    @property
    def ordered(self) -> bool:
        """By the column of times alone: not where another one tells rows of one time apart."""
        return self._config.columns.hour is None and self._config.columns.repeated is None

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        config, terms = self._config, table.market_terms(self._config)
        since, until = table.asked(config, since, until)
        try:
            with (
                self._connect() as connection,
                connection.cursor(name="price_pipeline", row_factory=dict_row) as cursor,
            ):
                cursor.itersize = config.fetch_rows
                cursor.execute(self._query(since, until), {"since": since, "until": until})
                present = [column.name for column in cursor.description or ()]
                table.require(config.columns, present, f"the query of {config.name}")
                for row in cursor:
                    yield from table.split(config, terms, row.__getitem__, table.as_json(row))
        except psycopg.Error as error:
            where = f"{config.user}@{config.host}:{config.port}/{config.database}"
            raise SourceError(f"{where}: {' '.join(str(error).split())}") from error

    def _connect(self) -> psycopg.Connection:
        config = self._config
        password = read_secret(config.password_file, "password_file")
        connection = psycopg.connect(
            host=config.host,
            port=config.port,
            dbname=config.database,
            user=config.user,
            password=password,
            sslmode=config.sslmode,
            connect_timeout=10,
            application_name=PRICE_PIPELINE.name,
            options=f"-c TimeZone=UTC -c statement_timeout={int(config.timeout_seconds * 1000)}",
        )
        connection.read_only = True
        for name, loader in _LOADERS.items():
            connection.adapters.register_loader(name, loader)
        return connection

    def _query(self, since: datetime | None, until: datetime | None) -> sql.Composed:
        event_time = sql.Identifier(self._config.columns.event_time)
        conditions: list[sql.Composable] = []
        if since is not None:
            conditions.append(sql.SQL("{} >= %(since)s").format(event_time))
        if until is not None:
            conditions.append(sql.SQL("{} <= %(until)s").format(event_time))
        narrowed = sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("TRUE")
        # A row without a time is no price, but it is to be refused, not passed over.
        # Ordered by all that is read: of two rows of one identity the same one is last each time.
        order = sql.SQL(", ").join(map(sql.Identifier, self._config.columns.read))
        return sql.SQL(
            "SELECT * FROM ({}) AS prices WHERE ({}) OR {} IS NULL ORDER BY {} NULLS FIRST, {}"
        ).format(
            sql.SQL(sql_text.within(self._config.query).replace("%", "%%")),  # pyright: ignore
            narrowed,
            event_time,
            event_time,
            order,
        )
