"""What the platform's use costs: third-party calls, tenants' requests, time of jobs."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.superset.dashboards import kinds
from workloads.superset.dashboards.model import Dashboard, Dataset
from workloads.superset.dashboards.rows import of

_DATABASE: Final = tables.DATABASE

CALLS: Final = Dataset(
    name="third_party_calls",
    about="Calls of third-party APIs in the last 90 days, with what each provider counts.",
    database=_DATABASE,
    sql=f"""
SELECT at, caller, provider, route, outcome, milliseconds, cache_hit::int AS cache_hit, bytes, cost_units
FROM {of(tables.API_AUDIT)}
WHERE at > now() - interval '90 days'
""",
    columns={
        "at": "time",
        "caller": "text",
        "provider": "text",
        "route": "text",
        "outcome": "text",
        **dict.fromkeys(("milliseconds", "cache_hit", "bytes", "cost_units"), "number"),
    },
    metrics={
        "cost units": "sum(cost_units)",
        "calls": "count(*)",
        "answered by the cache": "avg(cache_hit)",
        "median milliseconds": "percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds)",
        "bytes": "sum(bytes)",
    },
    time="at",
)

USAGE: Final = Dataset(
    name="tenant_requests",
    about="Requests and rows of the last 90 days, by hour, tenant and product.",
    database=_DATABASE,
    sql=f"""
SELECT
    hour, tenant_id AS tenant, product,
    sum(requests) AS requests, sum(row_count) AS rows, sum(bytes) AS bytes
FROM {of(tables.API_USAGE)}
WHERE hour > now() - interval '90 days'
GROUP BY 1, 2, 3
""",
    columns={
        "hour": "time",
        "tenant": "text",
        "product": "text",
        **dict.fromkeys(("requests", "rows", "bytes"), "number"),
    },
    metrics={"requests": "sum(requests)", "rows": "sum(rows)", "megabytes": "sum(bytes) / 1e6"},
    time="hour",
)

JOBS: Final = Dataset(
    name="job_times",
    about="Runs of scheduled jobs in the last 90 days, and how long each took.",
    database=_DATABASE,
    sql=f"""
SELECT job, started_at, status, extract(epoch FROM finished_at - started_at) AS seconds
FROM {of(tables.JOB_RUNS)}
WHERE started_at > now() - interval '90 days'
""",
    columns={"job": "text", "started_at": "time", "status": "text", "seconds": "number"},
    metrics={
        "hours": "sum(seconds) / 3600",
        "runs": "count(*)",
        "failed": "count(*) FILTER (WHERE status = 'failed')",
        "mean seconds": "avg(seconds)",
    },
    time="started_at",
)

COSTS: Final = Dashboard(
    title="Markets · costs",
    slug="markets-costs",
    about="What is used up: units of third-party APIs, tenants' requests, time of jobs.",
    rows=[
        [
            (kinds.number("Cost units", CALLS, "cost units"), 3),
            (kinds.number("Answered by the cache", CALLS, "answered by the cache", format=kinds.SHARE), 3),
            (kinds.number("Requests of tenants", USAGE, "requests"), 3),
            (kinds.number("Hours of jobs", JOBS, "hours", format=kinds.DECIMAL), 3),
        ],
        [
            (kinds.bars("Cost units by day", CALLS, ["cost units"], by=["provider"]), 6),
            (kinds.bars("Requests by day", USAGE, ["requests"], by=["tenant"]), 6),
        ],
        [
            (
                kinds.totals(
                    "Providers",
                    CALLS,
                    ["provider", "route"],
                    ["cost units", "calls", "answered by the cache", "median milliseconds"],
                ),
                6,
            ),
            (kinds.totals("Tenants", USAGE, ["tenant", "product"], ["requests", "rows", "megabytes"]), 6),
        ],
        [
            (kinds.bars("Hours of jobs by day", JOBS, ["hours"], by=["job"], format=kinds.DECIMAL), 6),
            (kinds.totals("Jobs", JOBS, ["job"], ["hours", "runs", "failed", "mean seconds"]), 6),
        ],
    ],
    heights=[20, 44, 44, 44],
    filters={"Provider": (CALLS, "provider"), "Tenant": (USAGE, "tenant")},
)

DASHBOARDS: Final = (COSTS,)
