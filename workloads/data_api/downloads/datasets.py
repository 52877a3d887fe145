"""The table of what may be downloaded, and the statements that read it.

Rows are in the order of the primary key, or of the index that begins with the symbol where the question names
that alone. So they come out of an index as they are, whatever their number: the first is there at once, and
nothing is sorted. Predictions of all symbols have no such index, and are. Of revisions the one that held is
that without a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, LiteralString

from psycopg import sql
from pydantic import BaseModel

from workloads.data_api.downloads import columns
from workloads.data_api.downloads.columns import Column
from workloads.data_api.indicators import IndicatorRow
from workloads.data_api.predictions import Prediction, with_outcomes
from workloads.data_api.prices import Price
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, MARKET_INDICATORS, ML_PREDICTIONS, SCHEMA

_PRICE: Final = "currency per unit, as /v1/instruments says of the symbol"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Args:
    row: what the route of this name gives of each.
    asked: parameters of the question, each a column that has that value.
    key: column of the file → of the table: the primary key, in its order.
    by_symbol: columns of the file, of the key, in the order of the index that begins with the symbol.
    begins: column of the table that `start` and `end` are of.
    known: that which `as_of` is of.
    revised: whether the last column of the key tells revisions apart.
    holds: what the newest revision says where there is such a row at all.
    made: columns of the file that are not the table's of that name.
    """

    row: type[BaseModel]
    table: str
    asked: tuple[str, ...]
    key: Mapping[str, str]
    by_symbol: tuple[str, ...] = ()
    begins: str
    known: str
    revised: bool
    holds: LiteralString = "true"
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    made: Mapping[str, LiteralString] = field(default_factory=dict[str, LiteralString])

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return columns.of(self.row, self.units)

    def order(self, asked: Mapping[str, Any]) -> Sequence[str]:
        """Columns of the file that rows are in the order of; the last one tells revisions apart."""
        by_symbol = "symbol" in asked and "source" not in asked
        return self.by_symbol if by_symbol and self.by_symbol else tuple(self.key)

    def continued(self, asked: Mapping[str, Any], every: bool) -> Sequence[str]:
        """Those by which a row is told from the ones before: a period's revisions are one, unless `every` one
        is asked for."""
        names = self.order(asked)
        return names if every or not self.revised else names[:-1]

    def copy(self, asked: Mapping[str, Any], *, every: bool, text: bool, most: int | None) -> sql.Composed:
        """COPY … TO STDOUT of the rows, as CSV without a head.

        Args:
            asked: what the question says, and so the values of the statement: `as_of`, any of `start`, `end`
                and `self.asked`, and `after_…` of each column of `continued`.
            every: each revision, not only that which held.
            text: for people: times as in the API's answers, nothing that a spreadsheet would take for a
                formula. Else as PostgreSQL writes it.
            most: rows, at most.
        """
        columns = sql.SQL(", ").join(self._column(one, text) for one in self.columns)
        return sql.SQL("COPY ({}) TO STDOUT csv").format(self._select(columns, asked, every, most))

    def count(self, asked: Mapping[str, Any], *, every: bool, most: int) -> sql.Composed:
        """COPY … TO STDOUT of one number: how many rows `copy` gives, `most` at most."""
        rows = self._select(sql.SQL("1"), asked, every, most)
        return sql.SQL("COPY (SELECT count(*) FROM ({}) counted) TO STDOUT csv").format(rows)

    def plan(self, asked: Mapping[str, Any], *, every: bool) -> sql.Composed:
        """EXPLAIN, as JSON, of what `copy` reads: how many rows the database thinks there are."""
        return sql.SQL("EXPLAIN (FORMAT JSON) {}").format(self._select(sql.SQL("1"), asked, every, None))

    def _select(
        self, columns: sql.Composable, asked: Mapping[str, Any], every: bool, most: int | None
    ) -> sql.Composed:
        return sql.SQL("SELECT {columns} FROM ({found}) found{held} ORDER BY {key}{limit}").format(
            columns=columns,
            found=self._found(asked, every),
            held=sql.SQL(" WHERE revised IS NULL AND {}").format(sql.SQL(self.holds))
            if self.revised and not every
            else sql.SQL(""),
            key=_names(self.order(asked)),
            limit=sql.SQL("") if most is None else sql.SQL(" LIMIT {}").format(sql.Literal(most)),
        )

    def _found(self, asked: Mapping[str, Any], every: bool) -> sql.Composed:
        chosen = sql.SQL("SELECT *{revised} FROM {table} WHERE {asked}").format(
            revised=self._revised(asked) if self.revised and not every else sql.SQL(""),
            table=sql.Identifier(SCHEMA, self.table),
            asked=sql.SQL(" AND ").join(self._conditions(asked, every)),
        )
        return chosen if self.revised else with_outcomes(chosen)

    def _revised(self, asked: Mapping[str, Any]) -> sql.Composed:
        *identity, last = (self.key[name] for name in self.order(asked))
        return sql.SQL(", lead({last}) OVER (PARTITION BY {identity} ORDER BY {last}) AS revised").format(
            last=sql.Identifier(last), identity=_names(identity)
        )

    def _conditions(self, asked: Mapping[str, Any], every: bool) -> list[sql.Composed]:
        bounds: list[tuple[str, LiteralString, str]] = [
            (self.known, "<=", "as_of"),
            (self.begins, ">=", "start"),
            (self.begins, "<", "end"),
            *((name, "=", name) for name in self.asked),
        ]
        found = [
            sql.SQL("{} {} {}").format(sql.Identifier(column), sql.SQL(sign), sql.Placeholder(name))
            for column, sign, name in bounds
            if asked.get(name) is not None
        ]
        names = self.continued(asked, every)
        if f"after_{names[0]}" in asked:
            found.append(
                sql.SQL("({}) > ({})").format(
                    _names([self.key[name] for name in names]),
                    sql.SQL(", ").join(sql.Placeholder(f"after_{name}") for name in names),
                )
            )
        return found

    def _column(self, column: Column, text: bool) -> sql.Composable:
        made = self.made.get(column.name)
        value = sql.Identifier(column.name) if made is None else sql.SQL(made)
        if text and column.type == "time":
            return sql.SQL("replace(replace(({})::text, ' ', 'T'), '+00', 'Z')").format(value)
        if text and column.name == "unit":  # text that may begin with anything; that of the others may not
            return sql.SQL("CASE WHEN {} ~ '^[-=+@]' THEN '''' || {} ELSE {} END").format(*[value] * 3)
        return sql.SQL("({})::text").format(value) if column.type == "boolean" else value


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


DATASETS: Final[Mapping[str, Dataset]] = {
    "prices": Dataset(
        row=Price,
        table=COMMODITY_PRICES_DAILY,
        asked=("symbol", "source", "resolution"),
        key={name: name for name in ("source", "symbol", "delivery_start", "resolution", "published_at")},
        by_symbol=("symbol", "delivery_start", "source", "resolution", "published_at"),
        begins="delivery_start",
        known="published_at",
        revised=True,
        holds="withdrawn IS NULL",
        units={"price": "`currency` per `unit`"},
    ),
    "indicators": Dataset(
        row=IndicatorRow,
        table=MARKET_INDICATORS,
        asked=("zone", "name", "kind", "source", "resolution"),
        key={
            name: name
            for name in ("zone", "name", "kind", "source", "resolution", "delivery_start", "published_at")
        },
        begins="delivery_start",
        known="published_at",
        revised=True,
        units={"value": "`unit`"},
    ),
    "predictions": Dataset(
        row=Prediction,
        table=ML_PREDICTIONS,
        asked=("symbol", "source", "resolution"),
        key={
            **{name: name for name in ("source", "symbol", "event_time", "resolution")},
            "price_published_at": "price_available_time",
        },
        by_symbol=("symbol", "event_time", "source", "resolution", "price_published_at"),
        begins="event_time",
        known="available_time",
        revised=False,
        units={
            **dict.fromkeys(("price", "prediction", "lower", "upper", "outcome_price"), _PRICE),
            **dict.fromkeys(("outcome_error", "outcome_naive_error"), _PRICE),
            "nominal_level": "share, 0 to 1",
            "horizon_periods": "periods of `resolution`",
            "skill_score": "share of the naive error that is saved; 1 is all",
        },
        made={
            # As the route's CSV has it: PostgreSQL writes the shorter name of an object first.
            "moved_by": "(SELECT jsonb_agg(jsonb_build_object('by', by, 'input', input)"
            " ORDER BY abs(by::float8) DESC, input)::text FROM jsonb_each(moved_by) AS each (input, by))",
            "outcome_delivery_start": "delivery_start",
            "outcome_published_at": "published_at",
            "outcome_price": "realised",
            "outcome_covered": "realised BETWEEN lower AND upper",
            "outcome_error": "abs(realised - prediction)",
            "outcome_naive_error": "abs(realised - price)",
        },
    ),
}
