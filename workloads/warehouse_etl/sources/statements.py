"""The SQL that legacy databases are asked with: pure text, so that it can be read by a parser of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workloads.kit.contracts.warehouse import Kind

FLOATS = frozenset({"float", "double", "binary_float", "binary_double"})
"""Types of binary floats, of both. Oracle's FLOAT is a decimal, here taken for a float: nothing is lost."""

_MYSQL_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), "integer"),
    **dict.fromkeys(("decimal", "float", "double"), "number"),
    "date": "date",
    **dict.fromkeys(("datetime", "timestamp"), "timestamp"),
    **dict.fromkeys(("bit", "binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob"), "binary"),
}


def _mysql_kind(of: str, *_: Any) -> Kind:
    return _MYSQL_KINDS.get(of.lower(), "text")


def _oracle_kind(of: str, scale: int | None) -> Kind:
    name = of.upper()
    if name == "NUMBER":
        return "integer" if scale == 0 else "number"
    if name in ("FLOAT", "BINARY_FLOAT", "BINARY_DOUBLE"):
        return "number"
    # An Oracle DATE has a time of day.
    if name == "DATE" or name.startswith("TIMESTAMP"):
        return "timestamp"
    return "binary" if name in ("BLOB", "RAW", "LONG RAW") else "text"


@dataclass(frozen=True)
class Dialect:
    """How one of them writes.

    Args:
        name: as a parser knows it.
        parameter: the placeholder of the n-th value, from 1.
        kind: of a column, from what the catalogue says of it.
        catalogue: statement that lists a table's columns in order, of its schema (or of the default one)
            and its name.
        default_schema: expression of it.
        folded: how a name stands in the catalogue.
        named: how a column of the catalogue is called here.
        shown: what is selected for a column, from its quoted name and its type in the catalogue.
    """

    name: str
    parameter: Callable[[int], str]
    kind: Callable[..., Kind]
    catalogue: str
    default_schema: str
    folded: Callable[[str], str]
    named: Callable[[str], str] = str
    shown: Callable[[str, str], str] = lambda quoted, _: quoted

    def described(self, table: str) -> tuple[str, list[str]]:
        """The columns of a table: name, type and scale."""
        schema, _, name = table.rpartition(".")
        if not schema:
            one = self.parameter(1)
            return self.catalogue.format(schema=self.default_schema, table=one), [self.folded(name)]
        return (
            self.catalogue.format(schema=self.parameter(1), table=self.parameter(2)),
            [self.folded(schema), self.folded(name)],
        )

    def select(
        self,
        table: str,
        columns: Mapping[str, str],
        key: Sequence[str],
        watermark: str | None,
        *,
        since: bool,
    ) -> str:
        """All rows, or those from a watermark on, those without one included; in its order and the key's."""
        where, order = "", [*([watermark] if watermark else []), *key]
        if since and watermark:
            mark = self._quoted(watermark)
            where = f" WHERE ({mark} >= {self.parameter(1)} OR {mark} IS NULL)"
        ordered = ", ".join(map(self._quoted, dict.fromkeys(order)))
        return f"SELECT {self._all(columns)} FROM {self._table(table)}{where} ORDER BY {ordered}"

    def keys(self, table: str, columns: Mapping[str, str], key: Sequence[str]) -> str:
        """The keys of all rows: their columns as the server compares them, then as rows show them."""
        shown = self._all({name: columns[name] for name in key})
        return f"SELECT {', '.join(map(self._quoted, key))}, {shown} FROM {self._table(table)}"

    def of_keys(self, table: str, columns: Mapping[str, str], key: Sequence[str], count: int) -> str:
        """The rows of so many keys."""
        numbers = iter(range(1, count * len(key) + 1))
        one = [
            "("
            + " AND ".join(f"{self._quoted(name)} = {self.parameter(next(numbers))}" for name in key)
            + ")"
            for _ in range(count)
        ]
        return f"SELECT {self._all(columns)} FROM {self._table(table)} WHERE {' OR '.join(one)}"

    def unkeyed(self, table: str, columns: Mapping[str, str], key: Sequence[str]) -> str:
        """The rows without a value of some part of the key."""
        lacking = " OR ".join(f"{self._quoted(name)} IS NULL" for name in key)
        return f"SELECT {self._all(columns)} FROM {self._table(table)} WHERE {lacking}"

    def figures(self, table: str, numbers: Sequence[str]) -> str:
        """How many rows, and what each of these columns adds up to."""
        sums = "".join(f", SUM({self._quoted(name)})" for name in numbers)
        return f"SELECT COUNT(*){sums} FROM {self._table(table)}"

    def _quoted(self, name: str) -> str:
        quoted = '"' + self.folded(name).replace('"', '""') + '"'
        return quoted.replace("%", "%%") if self.parameter(1) == "%s" else quoted

    def _all(self, columns: Mapping[str, str]) -> str:
        """Columns by name, each with its type."""
        return ", ".join(self.shown(self._quoted(name), of) for name, of in columns.items())

    def _table(self, name: str) -> str:
        return ".".join(map(self._quoted, name.split(".")))


def _mysql_shown(quoted: str, of: str) -> str:
    if of.lower() == "timestamp":
        # An instant, in the connection's zone, which is UTC; a datetime is whatever clock it was read from.
        return f"CONCAT({quoted}, '+00:00')"
    # The server writes a float with six digits, and a double with all.
    return f"{quoted} + 0e0" if of.lower() == "float" else quoted


def _oracle_shown(quoted: str, of: str) -> str:
    # The driver gives such a time without its zone.
    if "TIME ZONE" in of.upper():
        return f"""TO_CHAR(SYS_EXTRACT_UTC({quoted}), 'YYYY-MM-DD"T"HH24:MI:SS.FF6"+00:00"')"""
    return quoted


MYSQL = Dialect(
    name="mysql",
    parameter=lambda _: "%s",
    kind=_mysql_kind,
    catalogue="SELECT column_name, data_type, numeric_scale, datetime_precision"
    " FROM information_schema.columns"
    " WHERE table_schema = {schema} AND table_name = {table} ORDER BY ordinal_position",
    default_schema="DATABASE()",
    folded=str,
    shown=_mysql_shown,
)
"""With ANSI_QUOTES, which the connection sets."""

ORACLE = Dialect(
    name="oracle",
    parameter=lambda n: f":{n}",
    kind=_oracle_kind,
    catalogue="SELECT column_name, data_type, data_scale FROM all_tab_columns"
    " WHERE owner = {schema} AND table_name = {table} ORDER BY column_id",
    default_schema="SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')",
    # Names that nobody quoted are kept in capitals.
    folded=str.upper,
    named=str.lower,
    shown=_oracle_shown,
)
