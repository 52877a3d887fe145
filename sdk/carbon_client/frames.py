"""Rows as columns: for Arrow, pandas and polars, each an extra to be installed: `carbon-client[pandas]`."""

# Their types are known where they are installed.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownParameterType=false, reportUnknownMemberType=false

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import inspect

from carbon_client.base import Answer
from carbon_client.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Kind = Literal["time", "number", "count", "text", "flag"]

R = TypeVar("R", bound=Answer)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a row's table.

    Attributes:
        path: from the row to the value: one attribute, or that of a part of it.
    """

    name: str
    kind: Kind
    path: tuple[str, ...]

    def of(self, row: Any) -> Any:
        """The row's value; None where a part on the way to it is not there."""
        for name in self.path:
            if row is None:
                return None
            row = getattr(row, name)
        return _listed(cast("list[Any]", row)) if isinstance(row, list) else row


def columns(row: type[Answer]) -> list[Column]:
    """The columns of a kind of row: those of its CSV, in their order. A list is text, its JSON.

    Raises:
        BadInput: it holds what is no column.
    """
    return list(_columns(inspect.type_info(row), ()))


def _columns(of: inspect.Type, path: tuple[str, ...]) -> Iterator[Column]:
    match of:
        case inspect.UnionType():
            (one,) = (part for part in of.types if not isinstance(part, inspect.NoneType))
            yield from _columns(one, path)
        case inspect.StructType():
            for field in of.fields:
                yield from _columns(field.type, (*path, field.name))
        case _ if (kind := _KINDS.get(type(of))) is not None:
            yield Column("_".join(path), kind, path)
        case _:
            raise BadInput(f"{'.'.join(path)}: it is no column of a table: take the rows as they are")


_KINDS: Final[dict[type[inspect.Type], Kind]] = {
    inspect.DateTimeType: "time",
    inspect.FloatType: "number",
    inspect.IntType: "count",
    inspect.StrType: "text",
    inspect.LiteralType: "text",
    inspect.BoolType: "flag",
    inspect.ListType: "text",
}


def _listed(value: list[Any]) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)


class Columns(Generic[R]):
    """Rows taken apart into columns, as they come."""

    def __init__(self, row: type[R]) -> None:
        self._of = columns(row)
        self._values: list[list[Any]] = [[] for _ in self._of]

    def add(self, rows: Iterable[R]) -> None:
        """Add rows after those that are there."""
        held = list(rows)
        for column, values in zip(self._of, self._values, strict=True):
            values.extend(column.of(row) for row in held)

    def to_arrow(self) -> pa.Table:
        """A pyarrow.Table; times are timestamp[us, tz=UTC]."""
        pa = _package("pyarrow", "arrow")
        kinds: dict[Kind, Any] = {
            "time": pa.timestamp("us", tz="UTC"),
            "number": pa.float64(),
            "count": pa.int64(),
            "text": pa.string(),
            "flag": pa.bool_(),
        }
        schema = pa.schema([(column.name, kinds[column.kind]) for column in self._of])
        return pa.table(
            [pa.array(values, part.type) for values, part in zip(self._values, schema, strict=True)], schema
        )

    def to_pandas(self) -> pd.DataFrame:
        """A pandas.DataFrame; times are datetime64[us, UTC], and what may be missing is NA, NaN or NaT."""
        pd = _package("pandas", "pandas")
        kinds: dict[Kind, str] = {
            "time": "datetime64[us, UTC]",
            "number": "float64",
            "count": "Int64",
            "text": "string",
            "flag": "boolean",
        }
        return pd.DataFrame(
            {
                column.name: pd.Series(values, dtype=kinds[column.kind])
                for column, values in zip(self._of, self._values, strict=True)
            }
        )

    def to_polars(self) -> pl.DataFrame:
        """A polars.DataFrame; times are Datetime("us", "UTC")."""
        pl = _package("polars", "polars")
        kinds: dict[Kind, Any] = {
            "time": pl.Datetime("us", "UTC"),
            "number": pl.Float64,
            "count": pl.Int64,
            "text": pl.String,
            "flag": pl.Boolean,
        }
        return pl.DataFrame(
            [
                pl.Series(column.name, values, dtype=kinds[column.kind])
                for column, values in zip(self._of, self._values, strict=True)
            ]
        )


def of(rows: Iterable[R], row: type[R]) -> Columns[R]:
    """Rows that are held, as those of curves: `frames.of(page.items, models.CurvePrice).to_pandas()`."""
    made = Columns(row)
    made.add(rows)
    return made


def _package(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise BadInput(f"{name} is not installed: pip install 'carbon-client[{extra}]'") from None
