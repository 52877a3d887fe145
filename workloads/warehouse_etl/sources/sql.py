"""Tables of MySQL, MariaDB and Oracle, read in one read-only snapshot."""

# The packages of the image are in an environment of their own, where pyright does not look.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workloads.kit import scrub
from workloads.kit.contracts.sources.legacy import MySqlLegacy, OracleLegacy, SqlTable
from workloads.kit.contracts.warehouse import Kind, StagedFile
from workloads.warehouse_etl.sources import Comparable, Figures, Record, SourceError, SourceKey
from workloads.warehouse_etl.sources.statements import FLOATS, MYSQL, ORACLE, Dialect
from workloads.warehouse_etl.values import plain

_KEYS_A_QUERY = 200


@dataclass
class Database:
    """How a server is talked to.

    Args:
        connect: a connection within its snapshot.
        cursor: one that leaves its rows at the server until they are asked for.
        errors: what the driver raises.
    """

    dialect: Dialect
    connect: Callable[[], Any]
    cursor: Callable[[Any], Any]
    errors: tuple[type[Exception], ...]
    where: str
    fetch_rows: int


class SqlReading:
    """A table's rows in the order of watermark and key."""

    is_whole: bool
    lacking: Mapping[str, str] = MappingProxyType({})
    lost: Mapping[str, str] = lacking
    left_out: Mapping[str, str] = lacking

    def __init__(self, database: Database, connection: Any, name: str, table: SqlTable) -> None:
        self._database, self._connection, self._table = database, connection, table
        self._dialect, self._name = database.dialect, table.name or name
        self._types: Mapping[str, str] = {}
        self.types: Mapping[str, tuple[Any, ...]] = {}
        """What the catalogue says of each column: its type first."""
        self.columns = self._described()
        self.is_whole = table.watermark is None
        self.may_omit = False
        self.comparable: Comparable | None = self
        self._highest: str | None = None

    def rows(self, after: str | None) -> Iterator[Record]:
        mark = self._table.watermark
        since = None if mark is None or after is None else _native(after, self.columns[mark])
        if isinstance(since, datetime):
            # What was changed before and is seen only now: its transaction took that long.
            since -= self._table.overlap
        statement = self._dialect.select(
            self._name, self._types, self._table.key, mark, since=since is not None
        )
        for row in self._fetched(statement, [] if since is None else [since]):
            if mark is not None and row[mark] is not None:
                self._highest = str(row[mark])
            yield row

    def watermark(self, at: datetime) -> str | None:
        mark, now = self._table.watermark, at.replace(tzinfo=None)
        if mark is None or self._highest is None or self.columns[mark] != "timestamp":
            return self._highest
        try:
            return str(now) if _native(self._highest, "timestamp") > now else self._highest
        except ValueError:
            # A day that no calendar has.
            return None

    def files(self) -> Sequence[StagedFile]:
        return ()

    def all_keys(self) -> Iterator[SourceKey]:
        names = self._table.key
        size = len(names)
        for both in self.asked(self._dialect.keys(self._name, self._types, names), []):
            shown = zip(names, both[size:], strict=True)
            yield SourceKey(both[:size], {name: plain(value) for name, value in shown})

    def rows_of(self, keys: Sequence[SourceKey]) -> Iterator[Record]:
        for start in range(0, len(keys), _KEYS_A_QUERY):
            asked = [key.values for key in keys[start : start + _KEYS_A_QUERY]]
            statement = self._dialect.of_keys(self._name, self._types, self._table.key, len(asked))
            yield from self._fetched(statement, [value for values in asked for value in values])

    def unkeyed(self) -> Iterator[Record]:
        yield from self._fetched(self._dialect.unkeyed(self._name, self._types, self._table.key), [])

    def figures(self) -> Figures:
        # What is hidden adds up to nothing here.
        numbers = [
            name
            for name, kind in self.columns.items()
            if kind in ("integer", "number") and name not in self._table.personal
        ]
        row = next(self.asked(self._dialect.figures(self._name, numbers), []))
        sums = {
            name: str(plain(Decimal(str(value or 0)))) for name, value in zip(numbers, row[1:], strict=True)
        }
        floats = frozenset(name for name in numbers if self._types[name].lower() in FLOATS)
        return Figures(int(row[0]), sums, floats)

    def _described(self) -> Mapping[str, Kind]:
        statement, values = self._dialect.described(self._name)
        listed = [(self._dialect.named(name), *of) for name, *of in self.asked(statement, values)]
        found: dict[str, Kind] = {name: self._dialect.kind(*of) for name, *of in listed}
        self._types = {name: of for name, of, *_ in listed}
        self.types = {name: tuple(of) for name, *of in listed}
        if not found:
            raise SourceError(
                f"{self._database.where} has no table {self._name} that this user may read: "
                "correct its name, or grant SELECT"
            )
        wanted = (*self._table.key, *filter(None, [self._table.watermark]), *self._table.personal)
        if missing := [name for name in wanted if name not in found]:
            raise SourceError(f"{self._name} has no column {', '.join(missing)}: it has {', '.join(found)}")
        return found

    def _fetched(self, statement: str, values: Sequence[Any]) -> Iterator[Record]:
        names = list(self.columns)
        for row in self.asked(statement, values):
            yield {name: plain(value) for name, value in zip(names, row, strict=True)}

    def asked(self, statement: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """What the server says within the snapshot."""
        try:
            with closing(self._database.cursor(self._connection)) as cursor:
                cursor.execute(statement, list(values))
                while rows := cursor.fetchmany(self._database.fetch_rows):
                    yield from rows
        except self._database.errors as error:
            raise SourceError(f"{self._database.where}: {' '.join(str(error).split())}") from error


def _native(watermark: str, kind: Kind) -> Any:
    match kind:
        case "timestamp":
            return datetime.fromisoformat(watermark).replace(tzinfo=None)
        case "date":
            return date.fromisoformat(watermark)
        case "integer":
            return int(watermark)
        case "number":
            return Decimal(watermark)
        case _:
            return watermark


@contextmanager
def opened(source: MySqlLegacy | OracleLegacy, name: str) -> Iterator[SqlReading]:
    """A table as of now.

    Raises:
        SourceError: the server is away or refuses, or has no such table or column.
    """
    database = mysql(source) if isinstance(source, MySqlLegacy) else oracle(source)
    try:
        connection = database.connect()
    except database.errors as error:
        raise SourceError(f"{database.where}: {' '.join(str(error).split())}") from error
    with closing(connection):
        yield SqlReading(database, connection, name, source.tables[name])


def mysql(source: MySqlLegacy) -> Database:
    """A server of MySQL or MariaDB."""
    import pymysql
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import decoders, encoders
    from pymysql.cursors import SSCursor

    # Numbers as numbers, all else as the server writes it: days that no calendar has come as they are, too.
    numbers = ("TINY", "SHORT", "LONG", "LONGLONG", "INT24", "YEAR", "FLOAT", "DOUBLE")
    readers: dict[Any, Any] = {of: decoders[of] for of in (getattr(FIELD_TYPE, name) for name in numbers)}

    def connect() -> Any:
        trusted = None if source.ca_file is None else ssl.create_default_context(cafile=str(source.ca_file))
        connection = pymysql.connect(
            host=source.host,
            port=source.port,
            database=source.database,
            user=source.user,
            password=_secret(source.password_file),
            ssl=trusted,
            charset="utf8mb4",
            connect_timeout=10,
            read_timeout=int(source.timeout_seconds),
            init_command="SET time_zone = '+00:00', sql_mode = 'ANSI_QUOTES'",
            conv={**encoders, **readers},
            autocommit=True,
        )
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        return connection

    return Database(
        MYSQL,
        connect,
        lambda connection: connection.cursor(SSCursor),
        (pymysql.Error, OSError),
        f"{source.user}@{source.host}:{source.port}/{source.database}",
        source.fetch_rows,
    )


def oracle(source: OracleLegacy) -> Database:
    """A server of Oracle, by the thin driver."""
    import oracledb

    def connect() -> Any:
        # Decimals as they are, not as the nearest float.
        oracledb.defaults.fetch_decimals = True
        oracledb.defaults.fetch_lobs = False
        connection = oracledb.connect(
            user=source.user,
            password=_secret(source.password_file),
            host=source.host,
            port=source.port,
            service_name=source.database,
            protocol="tcps" if source.encrypted else "tcp",
            tcp_connect_timeout=10,
        )
        connection.call_timeout = int(source.timeout_seconds * 1000)
        with connection.cursor() as cursor:
            cursor.execute("ALTER SESSION SET TIME_ZONE = '+00:00'")
            cursor.execute("SET TRANSACTION READ ONLY")
        return connection

    return Database(
        ORACLE,
        connect,
        lambda connection: connection.cursor(),
        (oracledb.Error, OSError),
        f"{source.user}@{source.host}:{source.port}/{source.database}",
        source.fetch_rows,
    )


def _secret(file: Path) -> str:
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SourceError(f"password_file {file}: {error.strerror}") from error
    scrub.hide(password)
    return password
