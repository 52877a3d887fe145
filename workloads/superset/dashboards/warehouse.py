"""What legacy systems brought into the warehouse, and whether it is all there."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.superset.dashboards import kinds
from workloads.superset.dashboards.model import Dashboard, Dataset

_DATABASE: Final = tables.WAREHOUSE_DATABASE

LOADS: Final = Dataset(
    name="warehouse_loads",
    about="Loads of the last 90 days: what each brought.",
    database=_DATABASE,
    sql="""
SELECT load_id, source, table_name, source || '.' || table_name AS origin, read_at, rows, deletes
FROM etl.loads
WHERE read_at > now() - interval '90 days'
""",
    columns={
        "load_id": "number",
        "source": "text",
        "table_name": "text",
        "origin": "text",
        "read_at": "time",
        "rows": "number",
        "deletes": "number",
    },
    metrics={
        "rows": "sum(rows)",
        "deletes": "sum(deletes)",
        "loads": "count(*)",
        "newest": "max(read_at)",
        "hours since the newest": "extract(epoch FROM now() - max(read_at)) / 3600",
    },
    time="read_at",
)

SOURCES: Final = Dataset(
    name="warehouse_sources",
    about="Each table of a source as it was last taken in, and what stops it.",
    database=_DATABASE,
    sql="SELECT source, table_name, state, coalesce(message, '') AS message, changed_at FROM etl.sources",
    columns={
        **dict.fromkeys(("source", "table_name", "state", "message"), "text"),
        "changed_at": "time",
    },
    metrics={"tables": "count(*)", "stopped": "count(*) FILTER (WHERE state <> 'ready')"},
    time="changed_at",
)

CHECKS: Final = Dataset(
    name="warehouse_checks",
    about="Figures of the source beside those of the layer, of the last 90 days.",
    database=_DATABASE,
    sql="""
SELECT source, table_name, checked_at, figure, at_source, in_layer, matches::int AS matches
FROM etl.reconciliation
WHERE checked_at > now() - interval '90 days'
""",
    columns={
        **dict.fromkeys(("source", "table_name", "figure"), "text"),
        "checked_at": "time",
        **dict.fromkeys(("at_source", "in_layer", "matches"), "number"),
    },
    metrics={"share that matches": "avg(matches)", "checks": "count(*)", "differ": "sum(1 - matches)"},
    time="checked_at",
)

DRIFT: Final = Dataset(
    name="warehouse_drift",
    about="Columns that came, went or changed at the sources.",
    database=_DATABASE,
    sql="SELECT source, table_name, found_at, kind, column_name, detail FROM etl.drift",
    columns={
        **dict.fromkeys(("source", "table_name", "kind", "column_name", "detail"), "text"),
        "found_at": "time",
    },
    metrics={"changes": "count(*)"},
    time="found_at",
)

WAREHOUSE: Final = Dashboard(
    title="Markets · warehouse",
    slug="markets-warehouse",
    about="What came from legacy systems, what stops, and whether source and layer agree.",
    rows=[
        [
            (kinds.number("Rows loaded", LOADS, "rows"), 3),
            (
                kinds.number(
                    "Hours since the newest load", LOADS, "hours since the newest", format=kinds.DECIMAL
                ),
                3,
            ),
            (kinds.number("Tables that are stopped", SOURCES, "stopped"), 3),
            (kinds.number("Checks that match", CHECKS, "share that matches", format=kinds.SHARE), 3),
        ],
        [
            (kinds.bars("Rows loaded by day", LOADS, ["rows"], by=["origin"]), 8),
            (kinds.pie("Rows by source", LOADS, "source", "rows"), 4),
        ],
        [
            (
                kinds.table(
                    "Tables",
                    SOURCES,
                    ["source", "table_name", "state", "changed_at", "message"],
                    newest="changed_at",
                ),
                6,
            ),
            (
                kinds.table(
                    "Checks",
                    CHECKS,
                    ["checked_at", "source", "table_name", "figure", "at_source", "in_layer", "matches"],
                    newest="checked_at",
                ),
                6,
            ),
        ],
        [
            (
                kinds.table(
                    "Changes of columns",
                    DRIFT,
                    ["found_at", "source", "table_name", "kind", "column_name", "detail"],
                    newest="found_at",
                ),
                12,
            )
        ],
    ],
    heights=[20, 44, 44, 40],
    filters={"Source": (LOADS, "source")},
)

DASHBOARDS: Final = (WAREHOUSE,)
