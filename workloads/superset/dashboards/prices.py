"""Prices and forecasts, and their quality: two dashboards."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.superset.dashboards import kinds
from workloads.superset.dashboards.model import Dashboard, Dataset
from workloads.superset.dashboards.rows import of

_DATABASE: Final = tables.DATABASE

PRICES: Final = Dataset(
    name="prices_newest_revision",
    about="The newest revision of each price of the last two years, but for those that were withdrawn.",
    database=_DATABASE,
    sql=f"""
SELECT
    source, symbol, market, product, resolution, delivery_start, published_at, price, currency, unit,
    provenance::text AS provenance, correction::int AS correction
FROM (
    SELECT DISTINCT ON (source, symbol, delivery_start, resolution) *
    FROM {of(tables.COMMODITY_PRICES_DAILY)}
    WHERE delivery_start > now() - interval '2 years'
    ORDER BY source, symbol, delivery_start, resolution, published_at DESC
) newest
WHERE withdrawn IS NULL
""",
    columns={
        **dict.fromkeys(("source", "symbol", "market", "product", "resolution", "currency", "unit"), "text"),
        "provenance": "text",
        "delivery_start": "time",
        "published_at": "time",
        "price": "number",
        "correction": "number",
    },
    metrics={
        "mean price": "avg(price)",
        "prices": "count(*)",
        "symbols": "count(DISTINCT symbol)",
        "corrections": "sum(correction)",
        "newest": "max(published_at)",
        "last price": "(array_agg(price ORDER BY delivery_start DESC))[1]",
        "last delivery": "max(delivery_start)",
    },
    time="delivery_start",
)

OUTCOMES: Final = Dataset(
    name="forecasts_and_outcomes",
    about="Predictions of the last year beside the price that followed.",
    database=_DATABASE,
    sql=f"""
SELECT
    source, symbol, market, event_time, outcome_time, model_name, model_alias, skill,
    prediction, lower, upper, realised_price, covered::int AS covered, abs_error, naive_abs_error
FROM {of(tables.PREDICTION_OUTCOMES)}
WHERE event_time > now() - interval '1 year'
""",
    columns={
        **dict.fromkeys(("source", "symbol", "market", "model_name", "model_alias", "skill"), "text"),
        "event_time": "time",
        "outcome_time": "time",
        **dict.fromkeys(("prediction", "lower", "upper", "realised_price"), "number"),
        **dict.fromkeys(("covered", "abs_error", "naive_abs_error"), "number"),
    },
    metrics={
        "predicted": "avg(prediction)",
        "lower bound": "avg(lower)",
        "upper bound": "avg(upper)",
        "price that followed": "avg(realised_price)",
        "mean error": "avg(abs_error)",
        "mean error of the last price": "avg(naive_abs_error)",
        "covered": "avg(covered)",
        "skill over the last price": "1 - avg(abs_error) / nullif(avg(naive_abs_error), 0)",
        "forecasts": "count(*)",
    },
    time="outcome_time",
)

RUNS: Final = Dataset(
    name="forecast_runs_newest",
    about="Forecasts of delivery days, or why there is none.",
    database=_DATABASE,
    sql=f"""
SELECT
    source, symbol, resolution, delivery_day::timestamptz AS delivery_day, issued_at, made_at, outcome, reason
FROM {of(tables.FORECAST_RUNS)}
WHERE delivery_day > current_date - 365
""",
    columns={
        **dict.fromkeys(("source", "symbol", "resolution", "outcome", "reason"), "text"),
        **dict.fromkeys(("delivery_day", "issued_at", "made_at"), "time"),
    },
    metrics={"runs": "count(*)"},
    time="delivery_day",
)

SCORES: Final = Dataset(
    name="quality_by_day",
    about="Share of rows without an alert, by source, day and rule, of the last 90 days.",
    database=_DATABASE,
    sql=f"""
SELECT source, day::timestamptz AS day, to_char(day, 'YYYY-MM-DD') AS date, rule, rows, flagged, score
FROM {of(tables.QUALITY_SCORES)}
WHERE day > current_date - 90
""",
    columns={
        "source": "text",
        "day": "time",
        "date": "text",
        "rule": "text",
        **dict.fromkeys(("rows", "flagged", "score"), "number"),
    },
    metrics={
        "rows": "sum(rows) FILTER (WHERE rule = 'all')",
        "flagged": "sum(flagged) FILTER (WHERE rule = 'all')",
        "flagged by rule": "sum(flagged) FILTER (WHERE rule <> 'all')",
        "score": "avg(score) FILTER (WHERE rule = 'all')",
    },
    time="day",
)

FINDINGS: Final = Dataset(
    name="quality_findings",
    about="What data-quality found in the last 90 days, and what a person said of it.",
    database=_DATABASE,
    sql=f"""
SELECT id, rule, severity, source, series, period_start, detected_at, rows, evidence, remedy, state
FROM {of(tables.QUALITY_ALERTS)}
WHERE detected_at > now() - interval '90 days'
""",
    columns={
        **dict.fromkeys(
            ("id", "rule", "severity", "source", "series", "evidence", "remedy", "state"), "text"
        ),
        "period_start": "time",
        "detected_at": "time",
        "rows": "number",
    },
    metrics={
        "findings": "count(*)",
        "open": "count(*) FILTER (WHERE state = 'open')",
        "critical and open": "count(*) FILTER (WHERE state = 'open' AND severity = 'critical')",
    },
    time="detected_at",
)

_SYMBOL: Final = {"Symbol": (PRICES, "symbol"), "Source": (PRICES, "source")}

PRICES_AND_FORECASTS: Final = Dashboard(
    title="Markets · prices and forecasts",
    slug="markets-prices",
    about="What markets paid, what was predicted, and how far off it was.",
    rows=[
        [
            (kinds.number("Prices", PRICES, "prices"), 3),
            (kinds.number("Symbols", PRICES, "symbols"), 3),
            (
                kinds.number(
                    "Skill over the last price", OUTCOMES, "skill over the last price", format=kinds.SHARE
                ),
                3,
            ),
            (kinds.number("Within the interval", OUTCOMES, "covered", format=kinds.SHARE), 3),
        ],
        [(kinds.line("Prices by symbol", PRICES, ["mean price"], by=["symbol"]), 12)],
        [
            (
                kinds.line(
                    "Predicted, and what followed",
                    OUTCOMES,
                    ["predicted", "price that followed", "lower bound", "upper bound"],
                ),
                8,
            ),
            (
                kinds.ranking(
                    "Error, beside that of the last price",
                    OUTCOMES,
                    "symbol",
                    ["mean error", "mean error of the last price"],
                    format=kinds.DECIMAL,
                ),
                4,
            ),
        ],
        [
            (
                kinds.totals(
                    "Newest by symbol",
                    PRICES,
                    ["market", "symbol", "source", "currency", "unit"],
                    ["last price", "last delivery", "prices", "corrections"],
                ),
                7,
            ),
            (
                kinds.table(
                    "Forecasts of delivery days",
                    RUNS,
                    ["symbol", "delivery_day", "issued_at", "outcome", "reason"],
                    newest="issued_at",
                ),
                5,
            ),
        ],
    ],
    heights=[20, 48, 48, 48],
    filters=_SYMBOL,
)

QUALITY: Final = Dashboard(
    title="Markets · quality",
    slug="markets-quality",
    about="How much of what was published is in doubt, where and why.",
    rows=[
        [
            (kinds.number("Rows without an alert", SCORES, "score", format=kinds.SHARE), 4),
            (kinds.number("Open findings", FINDINGS, "open"), 4),
            (kinds.number("Critical and open", FINDINGS, "critical and open"), 4),
        ],
        [
            (
                kinds.heatmap(
                    "Rows without an alert, by source and day",
                    SCORES,
                    "date",
                    "source",
                    "score",
                    values=False,
                ),
                12,
            )
        ],
        [
            (kinds.bars("Findings by day", FINDINGS, ["findings"], by=["severity"]), 6),
            (kinds.ranking("Findings by rule", FINDINGS, "rule", ["findings"], by=["severity"]), 6),
        ],
        [
            (
                kinds.table(
                    "Findings",
                    FINDINGS,
                    ["detected_at", "severity", "rule", "source", "series", "evidence", "remedy", "state"],
                    newest="detected_at",
                ),
                12,
            )
        ],
    ],
    heights=[20, 48, 44, 52],
    filters={"Source": (FINDINGS, "source"), "Rule": (FINDINGS, "rule")},
)

DASHBOARDS: Final = (PRICES_AND_FORECASTS, QUALITY)
