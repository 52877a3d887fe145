"""The SQL for Oracle and MySQL: read by a parser of each, and Oracle's run on a database that takes it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tools import environments, paths
from workloads.kit.contracts.sources.legacy import SqlTable
from workloads.warehouse_etl.sources import SourceError
from workloads.warehouse_etl.sources.sql import Database, SqlReading
from workloads.warehouse_etl.sources.statements import MYSQL, ORACLE, Dialect

_SQLGLOT = paths.ROOT / "tests" / "requirements-sqlglot.txt"
_PARSE = """
import json, sys, sqlglot
found = []
for dialect, text in json.load(sys.stdin):
    (tree,) = sqlglot.parse(text, dialect=dialect)
    found.append([type(tree).__name__, sorted({one.name for one in tree.find_all(sqlglot.exp.Table)})])
print(json.dumps(found))
"""


def _statements(dialect: Dialect) -> list[str]:
    columns = {"trade_id": "NUMBER", "price": "float", "modified": "TIMESTAMP(6) WITH TIME ZONE"}
    return [
        dialect.described("trades")[0],
        dialect.described("etrm.trades")[0],
        dialect.select("trades", columns, ["trade_id"], None, since=False),
        dialect.select("etrm.trades", columns, ["trade_id", "leg"], "modified", since=False),
        dialect.select("trades", columns, ["trade_id"], "modified", since=True),
        dialect.keys("trades", columns, ["trade_id", "modified"]),
        dialect.of_keys("trades", columns, ["trade_id", "leg"], 2),
        dialect.unkeyed("trades", columns, ["trade_id", "leg"]),
        dialect.figures("trades", ["price", "quantity"]),
    ]


@pytest.mark.parametrize("dialect", [MYSQL, ORACLE], ids=lambda one: one.name)
def test_a_parser_of_the_dialect_reads_every_statement(dialect: Dialect) -> None:
    # MySQL in the mode that the connection sets, in which double quotes are names; and with values in place.
    texts = [text.replace('"', "`") if dialect is MYSQL else text for text in _statements(dialect)]
    texts = [re.sub(r":(\d)", r":b\1", text.replace("%s", "1")) for text in texts]
    done = subprocess.run(
        [environments.made("sqlglot", _SQLGLOT.read_bytes()), "-c", _PARSE],
        input=json.dumps([[dialect.name, text] for text in texts]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {kind for kind, _ in found} == {"Select"}
    table = "TRADES" if dialect is ORACLE else "trades"
    assert [names for _, names in found[2:]] == [[table]] * 7


@pytest.fixture
def oracle() -> Iterator[Database]:
    """SQLite with what Oracle's catalogue has: it takes the same statements."""
    connection = sqlite3.connect(":memory:")
    connection.create_function("SYS_CONTEXT", 2, lambda *_: "ETRM")
    connection.executescript(
        """
        CREATE TABLE all_tab_columns (owner, table_name, column_name, data_type, data_scale, column_id);
        INSERT INTO all_tab_columns VALUES
            ('ETRM', 'TRADES', 'TRADE_ID', 'NUMBER', 0, 1),
            ('ETRM', 'TRADES', 'PRICE', 'NUMBER', 4, 2),
            ('ETRM', 'TRADES', 'MARKET', 'VARCHAR2', NULL, 3),
            ('ETRM', 'TRADES', 'MODIFIED', 'TIMESTAMP(6)', 6, 4),
            ('OTHER', 'TRADES', 'SECRET', 'VARCHAR2', NULL, 1);
        CREATE TABLE TRADES (TRADE_ID, PRICE, MARKET, MODIFIED);
        INSERT INTO TRADES VALUES (1, -4.25, 'DE-LU', '2026-01-01T00:00:00'),
            (2, 7, 'FR', '2026-01-02T00:00:00'), (3, NULL, 'NL', '2026-01-02T00:00:00'), (4, 1, 'NL', NULL);
        """
    )
    yield Database(
        ORACLE, lambda: connection, lambda one: one.cursor(), (sqlite3.Error,), "etrm@oracle:1521/X", 2
    )
    connection.close()


def _reading(database: Database, **table: Any) -> SqlReading:
    given = SqlTable.model_validate({"key": ["trade_id"], "watermark": "modified", **table})
    return SqlReading(database, database.connect(), "trades", given)


def test_a_table_of_oracle_is_read_from_its_watermark_on_compared_and_asked_by_key(oracle: Database) -> None:
    reading = _reading(oracle)
    assert reading.columns == {
        "trade_id": "integer", "price": "number", "market": "text", "modified": "timestamp",
    }  # fmt: skip
    assert [row["trade_id"] for row in reading.rows(None)] == [4, 1, 2, 3]
    assert reading.watermark(datetime(2026, 2, 1, tzinfo=UTC)) == "2026-01-02T00:00:00"
    # One that is dated ahead would keep all others out.
    assert reading.watermark(datetime(2026, 1, 1, 12, tzinfo=UTC)) == "2026-01-01 12:00:00"
    # Bound as a time; SQLite compares its text.
    sqlite3.register_adapter(datetime, lambda at: at.isoformat())
    later = list(reading.rows("2026-01-02T00:30:00"))
    assert [row["trade_id"] for row in later] == [4, 2, 3], "what a long transaction hid is read again"
    again = list(reading.rows("2026-01-02T00:00:00"))
    assert [row["trade_id"] for row in again] == [4, 2, 3]
    assert [key.values for key in reading.all_keys()] == [(1,), (2,), (3,), (4,)]
    some = [key for key in reading.all_keys() if key.values in ((1,), (4,))]
    assert [row["price"] for row in reading.rows_of(some)] == [-4.25, 1]
    figures = reading.figures()
    assert (figures.rows, dict(figures.sums)) == (4, {"trade_id": "10", "price": "3.75"})
    assert figures.floats == frozenset()


def test_times_with_a_zone_and_floats_are_asked_for_as_they_are() -> None:
    oracle = ORACLE.select("t", {"at": "TIMESTAMP(6) WITH TIME ZONE", "d": "DATE"}, ["id"], None, since=False)
    assert (
        'SELECT TO_CHAR(SYS_EXTRACT_UTC("AT"), \'YYYY-MM-DD"T"HH24:MI:SS.FF6"+00:00"\'), "D" FROM' in oracle
    )
    columns = {"f": "float", "d": "double", "i": "timestamp", "l": "datetime"}
    mysql = MYSQL.select("t", columns, ["id"], None, since=False)
    assert 'SELECT "f" + 0e0, "d", CONCAT("i", \'+00:00\'), "l" FROM' in mysql


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"name": "nowhere"}, "has no table nowhere that this user may read"),
        ({"name": "other.trades"}, "has no column trade_id, modified"),
        ({"key": ["id"]}, "trades has no column id: it has trade_id, price"),
    ],
)
def test_what_is_not_there_is_named(oracle: Database, table: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        _reading(oracle, **table)
