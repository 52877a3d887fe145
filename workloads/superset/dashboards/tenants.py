"""A tenant's own dashboard, made from one template; rows are kept apart by row-level security (`access`)."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.dashboards import TENANT, slug_of
from workloads.superset.dashboards import kinds
from workloads.superset.dashboards.model import Dashboard, Dataset
from workloads.superset.dashboards.rows import of

REQUESTS: Final = Dataset(
    name="own_requests",
    about="A tenant's requests and rows, by hour and product, of the last 90 days.",
    database=tables.DATABASE,
    sql=f"""
SELECT
    tenant_id AS {TENANT}, hour, product,
    sum(requests) AS requests, sum(row_count) AS rows, sum(bytes) AS bytes
FROM {of(tables.API_USAGE)}
WHERE hour > now() - interval '90 days'
GROUP BY 1, 2, 3
""",
    columns={
        TENANT: "text",
        "hour": "time",
        "product": "text",
        **dict.fromkeys(("requests", "rows", "bytes"), "number"),
    },
    metrics={
        "requests": "coalesce(sum(requests), 0)",
        "rows": "coalesce(sum(rows), 0)",
        "rows this month": "coalesce(sum(rows) FILTER (WHERE hour >= date_trunc('month', now())), 0)",
        "megabytes": "sum(bytes) / 1e6",
    },
    time="hour",
)

DOINGS: Final = Dataset(
    name="own_doings",
    about="What a tenant's people and programs did, by hour and kind, of the last 90 days.",
    database=tables.METRICS_DATABASE,
    sql=f"""
SELECT customer AS {TENANT}, hour, kind, sum(events) AS events, max(last_at) AS last_at
FROM {of(tables.CUSTOMER_HOURS)}
WHERE hour > now() - interval '90 days' AND kind NOT IN ('purchase', 'nps')
GROUP BY 1, 2, 3
""",
    columns={TENANT: "text", "hour": "time", "kind": "text", "events": "number", "last_at": "time"},
    metrics={
        "events": "sum(events)",
        "errors": "coalesce(sum(events) FILTER (WHERE kind = 'error'), 0)",
        "log-ins": "coalesce(sum(events) FILTER (WHERE kind = 'login'), 0)",
    },
    time="hour",
)

DATASETS: Final = (REQUESTS, DOINGS)
"""Those that hold every tenant's rows."""


def dashboard(name: str) -> Dashboard:
    """That of a tenant."""
    return Dashboard(
        # Charts name the titles of all dashboards that they are on: this one names nobody.
        title="Use",
        slug=slug_of(name),
        about=f"What {name} asked, got and did.",
        rows=[
            [
                (kinds.number("Requests", REQUESTS, "requests"), 3),
                (kinds.number("Rows this month", REQUESTS, "rows this month"), 3),
                (kinds.number("Log-ins", DOINGS, "log-ins"), 3),
                (kinds.number("Errors", DOINGS, "errors"), 3),
            ],
            [
                (kinds.bars("Requests by day", REQUESTS, ["requests"], by=["product"]), 6),
                (kinds.bars("Doings by day", DOINGS, ["events"], by=["kind"]), 6),
            ],
            [(kinds.totals("Products", REQUESTS, ["product"], ["requests", "rows", "megabytes"]), 12)],
        ],
        heights=[20, 44, 40],
        filters={"Product": (REQUESTS, "product")},
        tenant=name,
    )
