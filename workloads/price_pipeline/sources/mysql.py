"""Rows of a query of MySQL or MariaDB."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions, convert_datetime
from pymysql.cursors import SSCursor

from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.sources.kinds import MySqlSource as Config
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, sql_text, table
from workloads.price_pipeline.sources.secret import read_secret

_TIMES = (FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)


class MySqlSource:
    """Runs the configured query read-only, narrowed and ordered by its event time on the server, which keeps
    the rows until they are asked for: memory holds `fetch_rows` of them. A row's bytes are its columns as
    JSON."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @property
    def ordered(self) -> bool:
        """By the column of times alone: not where another one tells rows of one time apart."""
        return self._config.columns.hour is None and self._config.columns.repeated is None

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        config, terms = self._config, table.market_terms(self._config)
        where = f"{config.user}@{config.host}:{config.port}/{config.database}"
        try:
            with closing(self._connect()) as connection, closing(connection.cursor(SSCursor)) as cursor:
                cursor.execute(*self._query(*table.asked(config, since, until)))
                types = {name: kind for name, kind, *_ in cursor.description}
                present = list(types)
                table.require(config.columns, present, f"the query of {config.name}")
                if types[config.columns.event_time] not in _TIMES:
                    raise SourceError(
                        f"the query of {config.name} gives {config.columns.event_time!r} as text or number: "
                        "CAST it AS DATE or DATETIME, so that the server can narrow by it"
                    )
                while fetched := cursor.fetchmany(config.fetch_rows):
                    for cells in fetched:
                        row = dict(zip(present, cells, strict=True))
                        yield from table.split(config, terms, row.__getitem__, table.as_json(row))
        except (pymysql.Error, OSError) as error:
            raise SourceError(f"{where}: {' '.join(str(error).split())}") from error

    def _connect(self) -> pymysql.Connection[Any]:
        config = self._config
        password = read_secret(config.password_file, "password_file")
        trusted = None if config.ca_file is None else ssl.create_default_context(cafile=str(config.ca_file))
        connection = pymysql.connect(
            host=config.host,
            port=config.port,
            database=config.database,
            user=config.user,
            password=password,
            ssl=trusted,
            charset="utf8mb4",
            connect_timeout=10,
            # Of one answer of the server, as long as it is waited for.
            read_timeout=config.timeout_seconds,
            # Instants are given and taken in UTC.
            init_command="SET time_zone = '+00:00'",
            conv={**conversions, FIELD_TYPE.TIMESTAMP: _instant},
            program_name=PRICE_PIPELINE.name,
            autocommit=True,
        )
        with closing(connection.cursor()) as cursor:
            cursor.execute("START TRANSACTION READ ONLY")
        return connection

    def _query(self, since: datetime | None, until: datetime | None) -> tuple[str, list[str]]:
        """The configured query within one that narrows and orders it, and its values."""
        columns = self._config.columns
        event_time = _quoted(columns.event_time)
        ends = [(sign, end) for sign, end in ((">=", since), ("<=", until)) if end is not None]
        narrowed = " AND ".join(f"{event_time} {sign} %s" for sign, _ in ends) or "TRUE"
        query = sql_text.within(self._config.query, sql_text.MYSQL).replace("%", "%%")
        # A row without a time is no price, but it is to be refused, not passed over: NULL comes first.
        # Ordered by all that is read: of two rows of one identity the same one is last each time.
        order = ", ".join([event_time, *map(_quoted, columns.read)])
        return (
            f"SELECT * FROM ({query}) AS prices WHERE ({narrowed}) OR {event_time} IS NULL ORDER BY {order}",
            [f"{end.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" for _, end in ends],
        )


def _instant(text: str) -> object:
    """A TIMESTAMP as the session, which is in UTC, writes it; what is no time stays its text."""
    time = convert_datetime(text)
    return time.replace(tzinfo=UTC) if isinstance(time, datetime) else time


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"
