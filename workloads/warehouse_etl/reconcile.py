"""Source against layer: as many rows, adding up to the same."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from workloads.kit.db import Connection
from workloads.warehouse_etl.sources import Figures
from workloads.warehouse_etl.staging import Rejected


class Difference(NamedTuple):
    """A figure that is not the same on both sides."""

    figure: str
    at_source: Decimal
    in_layer: Decimal


def reconcile(
    connection: Connection, source: str, table: str, at: datetime, figures: Figures, rejected: Rejected
) -> list[Difference]:
    """Compare, and keep what was found. Returns what differs. Rows that cannot be loaded are no difference:
    they are told of apart.

    Sums are of decimals as they came, so they are equal or something is missing; a float's last digits may
    differ by the order in which they were added, one part in 10^9.
    """
    wanted = {"rows": Decimal(figures.rows)} | {
        f"sum({name})": Decimal(value) for name, value in figures.sums.items()
    }
    names = list(figures.sums)
    sums = "".join(
        ", coalesce(sum(CASE WHEN etl.is_number(record ->> %s) THEN (record ->> %s)::numeric END), 0)"
        for _ in names
    )
    row = connection.execute(
        f"SELECT count(*){sums} FROM (SELECT DISTINCT ON (key) operation, record FROM raw.records"
        " WHERE source = %s AND table_name = %s ORDER BY key, load_id DESC, ordinal DESC) newest"
        " WHERE operation = 'upsert'".encode(),
        (*(name for name in names for _ in range(2)), source, table),
    ).fetchone()
    found = dict(zip(wanted, map(Decimal, row or ()), strict=True))
    apart = {"rows": Decimal(rejected.rows)} | {
        f"sum({name})": rejected.sums.get(name, Decimal(0)) for name in names
    }
    differing: list[Difference] = []
    for figure, at_source in wanted.items():
        in_layer = found[figure] + apart[figure]
        finite = at_source.is_finite() and in_layer.is_finite()
        matches = (
            abs(in_layer - at_source) <= abs(at_source) * Decimal("1e-9")
            if finite
            else str(in_layer) == str(at_source)
        )
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
