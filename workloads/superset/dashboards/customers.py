"""What customers do and what follows from it: five dashboards."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.customers import CHURN_HIGH, CHURN_MEDIUM
from workloads.superset.dashboards import kinds
from workloads.superset.dashboards.model import Chart, Dashboard, Dataset
from workloads.superset.dashboards.rows import of

_DATABASE: Final = tables.METRICS_DATABASE

USE: Final = Dataset(
    name="customer_use",
    about="What customers did in the last 30 days, by hour and kind.",
    database=_DATABASE,
    sql=f"""
SELECT hour, customer, kind, nullif(currency, '') AS currency, events, amount, score, last_at
FROM {of(tables.CUSTOMER_HOURS)}
WHERE hour > now() - interval '30 days'
""",
    columns={
        "hour": "time",
        "customer": "text",
        "kind": "text",
        "currency": "text",
        "events": "number",
        "amount": "number",
        "score": "number",
        "last_at": "time",
    },
    metrics={
        "events": "sum(events)",
        "customers": "count(DISTINCT customer)",
        "amount": "sum(amount)",
        "newest": "max(last_at)",
        "errors": "sum(events) FILTER (WHERE kind = 'error')",
        "share of errors": "coalesce(sum(events) FILTER (WHERE kind = 'error'), 0)::float8"
        " / nullif(sum(events), 0)",
    },
    time="hour",
)

LAST_HOUR: Final = Dataset(
    name="customer_last_hour",
    about="What customers did in the last sixty minutes, event by event.",
    database=_DATABASE,
    # None came before it was; when it came is what there is an index of.
    sql=f"""
SELECT customer, kind, occurred_at
FROM {of(tables.CUSTOMER_EVENTS)}
WHERE received_at > now() - interval '1 hour' AND occurred_at > now() - interval '1 hour'
""",
    columns={"customer": "text", "kind": "text", "occurred_at": "time"},
    metrics={"events": "count(*)", "customers": "count(DISTINCT customer)"},
    time="occurred_at",
)

FIGURES: Final = Dataset(
    name="customer_figures",
    about="Figures over all customers, as of each hour of the last year.",
    database=_DATABASE,
    sql=f"""
SELECT
    as_of, name, value,
    CASE WHEN name LIKE 'active%' THEN 'customers' WHEN name LIKE 'revenue%' THEN 'revenue' ELSE 'other' END
        AS "group",
    row_number() OVER (PARTITION BY name ORDER BY as_of DESC) = 1 AS newest
FROM {of(tables.CUSTOMER_KPIS)}
WHERE as_of > now() - interval '1 year'
""",
    columns={"as_of": "time", "name": "text", "group": "text", "value": "number", "newest": "text"},
    metrics={"now": "max(value) FILTER (WHERE newest)", "value": "avg(value)"},
    time="as_of",
)

NOW: Final = Dataset(
    name="customers_today",
    about="What each customer did in the last 24 hours and what is over of the hour before, and its figures.",
    database=_DATABASE,
    sql=f"""
SELECT
    customer, last_seen, logins, api_calls, downloads, scenarios, errors, engagement, segment, churn,
    lifetime_value, currency,
    -- Who has no figure comes last.
    coalesce(lifetime_value, -1) AS by_value, coalesce(churn, -1) AS by_churn,
    CASE
        WHEN churn IS NULL THEN 'no figure'
        WHEN churn >= {CHURN_HIGH} THEN 'high'
        WHEN churn >= {CHURN_MEDIUM} THEN 'medium'
        ELSE 'low'
    END AS risk
FROM {of(tables.CUSTOMERS_NOW)}
""",
    columns={
        "customer": "text",
        "last_seen": "time",
        "segment": "text",
        "currency": "text",
        "risk": "text",
        **dict.fromkeys(("logins", "api_calls", "downloads", "scenarios", "errors"), "number"),
        **dict.fromkeys(("engagement", "churn", "lifetime_value", "by_value", "by_churn"), "number"),
    },
    metrics={
        "customers": "count(*)",
        "customers at risk": f"count(*) FILTER (WHERE churn >= {CHURN_HIGH})",
        "customers with errors": "count(*) FILTER (WHERE errors > 0)",
        "errors": "sum(errors)",
        "engagement": "avg(engagement)",
        "churn": "avg(churn)",
        "lifetime value": "sum(lifetime_value)",
        "value at risk": "sum(lifetime_value * churn)",
    },
    time="last_seen",
)

COHORTS: Final = Dataset(
    name="customer_cohorts_newest",
    about="Who stayed, by month of the first event, as last computed.",
    database=_DATABASE,
    sql=f"""
SELECT to_char(cohort, 'YYYY-MM') AS cohort, month, lpad(month::text, 2, '0') AS age, customers, active
FROM {of(tables.CUSTOMER_COHORTS)}
WHERE as_of = (SELECT max(as_of) FROM {of(tables.CUSTOMER_COHORTS)})
""",
    columns={
        "cohort": "text",
        "age": "text",
        **dict.fromkeys(("month", "customers", "active"), "number"),
    },
    metrics={
        "retention": "sum(active)::float8 / nullif(sum(customers), 0)",
        "came": "sum(customers) FILTER (WHERE month = 0)",
        "active": "sum(active)",
        "retention after a month": """
            sum(active) FILTER (WHERE month = 1)::float8 / nullif(sum(customers) FILTER (WHERE month = 1), 0)
        """,
    },
)

SCORES: Final = Dataset(
    name="customer_score_days",
    about="Figures of customers over the last year: engagement, segment, churn, value.",
    database=_DATABASE,
    sql=f"""
SELECT as_of, figure, customer, value, label
FROM {of(tables.CUSTOMER_SCORES)}
WHERE as_of > now() - interval '1 year'
""",
    columns={"as_of": "time", "figure": "text", "customer": "text", "value": "number", "label": "text"},
    metrics={"mean": "avg(value)", "customers": "count(DISTINCT customer)"},
    time="as_of",
)

MODELS: Final = Dataset(
    name="customer_models_newest",
    about="What was fitted or refused, and why.",
    database=_DATABASE,
    sql=f"""
SELECT DISTINCT ON (figure) figure, as_of, status, reason
FROM {of(tables.CUSTOMER_MODELS)}
ORDER BY figure, as_of DESC
""",
    columns={"figure": "text", "as_of": "time", "status": "text", "reason": "text"},
    metrics={"refused": "count(*) FILTER (WHERE status = 'refused')", "models": "count(*)"},
    time="as_of",
)

_CUSTOMER: Final = {"Customer": (USE, "customer")}


def _figure(title: str, name: str, format: str = kinds.INTEGER) -> Chart:
    return kinds.number(title, FIGURES, "now", format=format, where={"name": name})


def _trend(title: str, dataset: Dataset, metric: str, where: kinds.Equal) -> Chart:
    by = ["name"] if dataset is FIGURES else []
    return kinds.line(title, dataset, [metric], by=by, where=where)


LIVE: Final = Dashboard(
    title="Customers · live",
    slug="customers-live",
    about="What customers do now, and the figures of the last hour.",
    rows=[
        [
            (kinds.number("Events in the last hour", LAST_HOUR, "events"), 3),
            (kinds.number("Customers in the last hour", LAST_HOUR, "customers"), 3),
            (_figure("Active in a day", "active_1d"), 3),
            (_figure("Active in 30 days", "active_30d"), 3),
        ],
        [
            (_figure("Active in 7 days", "active_7d"), 4),
            (_figure("Share of errors, one day", "error_share_1d", kinds.SHARE), 4),
            (_figure("Net promoter score, 90 days", "nps_90d", ",.0f"), 4),
        ],
        [
            (kinds.bars("Events by hour", USE, ["events"], by=["kind"], grain="PT1H"), 8),
            (kinds.pie("Events by kind", USE, "kind", "events"), 4),
        ],
        [
            (
                kinds.table(
                    "Customers seen last",
                    NOW,
                    [*("customer", "last_seen", "logins", "api_calls", "downloads", "scenarios"), "errors"],
                    newest="last_seen",
                ),
                12,
            )
        ],
    ],
    heights=[20, 20, 44, 44],
    filters=_CUSTOMER,
    # Asked anew and drawn within the minute in which an event is to be seen.
    refresh_seconds=20,
)

RETENTION: Final = Dashboard(
    title="Customers · cohorts",
    slug="customers-cohorts",
    about="Of those who came in a month, who was still there later.",
    rows=[
        [
            (
                kinds.number(
                    "Retention after a month", COHORTS, "retention after a month", format=kinds.SHARE
                ),
                4,
            ),
            (kinds.number("Customers in cohorts", COHORTS, "came"), 4),
            (kinds.number("Retention over all months", COHORTS, "retention", format=kinds.SHARE), 4),
        ],
        [(kinds.heatmap("Retention by cohort and month", COHORTS, "age", "cohort", "retention"), 12)],
        [
            (kinds.ranking("Customers by month of arrival", COHORTS, "cohort", ["came"]), 6),
            (kinds.totals("Cohorts", COHORTS, ["cohort"], ["came", "active", "retention"]), 6),
        ],
    ],
    heights=[20, 56, 44],
    filters={"Cohort": (COHORTS, "cohort")},
)

TRENDS: Final = Dashboard(
    title="Customers · trends",
    slug="customers-trends",
    about="How use, engagement and revenue moved.",
    rows=[
        [
            (_trend("Active customers", FIGURES, "value", {"group": "customers"}), 6),
            (_trend("Revenue of 30 days", FIGURES, "value", {"group": "revenue"}), 6),
        ],
        [
            (kinds.bars("Events by day", USE, ["events"], by=["kind"]), 6),
            (kinds.line("Customers by day", USE, ["customers"], format=kinds.INTEGER), 6),
        ],
        [
            (_trend("Mean engagement", SCORES, "mean", {"figure": "engagement"}), 3),
            (_trend("Mean chance to leave", SCORES, "mean", {"figure": "churn"}), 3),
            (kinds.bars("Purchases by day", USE, ["amount"], by=["currency"], where={"kind": "purchase"}), 6),
        ],
    ],
    heights=[44, 44, 44],
    filters={**_CUSTOMER, "Figure": (FIGURES, "name")},
)

SEGMENTS: Final = Dashboard(
    title="Customers · segments and value",
    slug="customers-segments",
    about="Who is alike, what a customer will be worth, and who may leave.",
    rows=[
        [
            (kinds.number("Customers", NOW, "customers"), 3),
            (kinds.number("Lifetime value", NOW, "lifetime value", format=kinds.DECIMAL), 3),
            (kinds.number("Mean engagement now", NOW, "engagement", format=kinds.DECIMAL), 3),
            (kinds.number("Value at risk", NOW, "value at risk", format=kinds.DECIMAL), 3),
        ],
        [
            (kinds.pie("Customers by segment", NOW, "segment", "customers"), 6),
            (kinds.ranking("Value by segment", NOW, "segment", ["lifetime value"], format=kinds.DECIMAL), 6),
        ],
        [
            (
                kinds.table(
                    "Customers by value",
                    NOW,
                    ["customer", "segment", "engagement", "churn", "lifetime_value", "currency"],
                    newest="by_value",
                ),
                7,
            ),
            (
                kinds.table(
                    "Models", MODELS, ["figure", "as_of", "status", "reason"], newest="as_of", rows=20
                ),
                5,
            ),
        ],
    ],
    heights=[20, 44, 48],
    filters={"Segment": (NOW, "segment")},
)

ALERTS: Final = Dashboard(
    title="Customers · alerts",
    slug="customers-alerts",
    about="Who may leave, who meets errors, and which figure is not offered.",
    rows=[
        [
            (kinds.number("Customers at risk", NOW, "customers at risk"), 4),
            (kinds.number("Customers with errors today", NOW, "customers with errors"), 4),
            (kinds.number("Figures refused", MODELS, "refused"), 4),
        ],
        [
            (kinds.pie("Customers by risk", NOW, "risk", "customers"), 4),
            (kinds.line("Share of errors by day", USE, ["share of errors"], format=kinds.SHARE), 4),
            (kinds.ranking("Errors by customer", USE, "customer", ["errors"], where={"kind": "error"}), 4),
        ],
        [
            (
                kinds.table(
                    "Most likely to leave",
                    NOW,
                    ["customer", "risk", "churn", "engagement", "errors", "last_seen", "lifetime_value"],
                    newest="by_churn",
                ),
                12,
            )
        ],
    ],
    heights=[20, 44, 48],
    filters={"Risk": (NOW, "risk")},
    refresh_seconds=300,
)

DASHBOARDS: Final = (LIVE, RETENTION, TRENDS, SEGMENTS, ALERTS)
