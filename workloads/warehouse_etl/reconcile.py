"""Source against layer: as many rows, adding up to the same."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from workloads.kit.db import Connection
from workloads.warehouse_etl.sources import Figures
from workloads.warehouse_etl.staging import Rejected


class Difference(NamedTuple):
    """A figure that is not the same on both sides."""

    figure: str
    at_source: Decimal
    in_layer: Decimal


_OF_FLOATS: Final = Decimal("1e-9")
_OF_DECIMALS: Final = Decimal("1e-25")
"""Oracle adds with 38 digits, and what is added here has 28."""

# What PostgreSQL reads as a number, be it one to the layers or not.
_WRITTEN: Final = (
    "'^([+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)(e[+-]?[0-9]{1,3})?|nan|[+-]?inf(inity)?)$'"  # of any case
)
_VALUE: Final = "(record ->> %s)"
# A column's sum, that of what is a number to its source alone, and of the sizes of both.
_SUMS: Final = (
    f"coalesce(sum(CASE WHEN etl.is_number{_VALUE} THEN {_VALUE}::numeric END), 0),"
    f" coalesce(sum(CASE WHEN etl.is_number{_VALUE} THEN NULL"
    f" WHEN {_VALUE} ~* {_WRITTEN} THEN {_VALUE}::numeric END), 0),"
    f" coalesce(sum(CASE WHEN {_VALUE} ~* {_WRITTEN} THEN abs({_VALUE}::numeric) END), 0)"
)


def reconcile(
    connection: Connection, source: str, table: str, at: datetime, figures: Figures, rejected: Rejected
) -> list[Difference]:
    """Compare, and keep what was found. Returns what differs. Rows that cannot be loaded are no difference,
    and neither are numbers that the layers do not take for one, such as 1e300: they are told of apart.

    Sums are of decimals as they came, so they are equal or something is missing; a float's last digits may
    differ by the order in which they were added, one part in 10^9 of what was added, whatever its sign.
    """
    wanted = {"rows": Decimal(figures.rows)} | {
        f"sum({name})": Decimal(value) for name, value in figures.sums.items()
    }
    names = list(figures.sums)
    sums = "".join(f", {_SUMS}" for _ in names)
    row = connection.execute(
        f"SELECT count(*){sums} FROM (SELECT DISTINCT ON (key) operation, record FROM raw.records"
        " WHERE source = %s AND table_name = %s ORDER BY key, load_id DESC, ordinal DESC) newest"
        " WHERE operation = 'upsert'".encode(),
        (*(name for name in names for _ in range(_SUMS.count("%s"))), source, table),
    ).fetchone()
    rows, *of_columns = map(Decimal, row or ())
    found = {"rows": rows}
    apart = {"rows": Decimal(rejected.rows)}
    allowed = {"rows": Decimal(0)}
    for name, held, beyond, size in zip(
        names, of_columns[::3], of_columns[1::3], of_columns[2::3], strict=True
    ):
        figure = f"sum({name})"
        found[figure] = held
        apart[figure] = beyond + (lost := rejected.sums.get(name, Decimal(0)))
        allowed[figure] = (size + abs(lost)) * (_OF_FLOATS if name in figures.floats else _OF_DECIMALS)
    differing: list[Difference] = []
    for figure, at_source in wanted.items():
        in_layer = found[figure] + apart[figure]
        finite = at_source.is_finite() and in_layer.is_finite()
        matches = abs(in_layer - at_source) <= allowed[figure] if finite else str(in_layer) == str(at_source)
        if not matches:
            differing.append(Difference(figure, at_source, found[figure]))
        connection.execute(
            "INSERT INTO etl.reconciliation"
            " (source, table_name, checked_at, figure, at_source, in_layer, rejected, matches)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (source, table_name, checked_at, figure)"
            " DO UPDATE SET at_source = excluded.at_source, in_layer = excluded.in_layer,"
            " rejected = excluded.rejected, matches = excluded.matches",
            (source, table, at, figure, at_source, found[figure], apart[figure], matches),
        )
    return differing
