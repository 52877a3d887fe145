"""Rows in every table that dashboards read, of two tenants, up to now; and what they add up to."""

from __future__ import annotations

from typing import Final

from tools.embedded.postgres import Postgres
from workloads.kit.contracts import tables

TENANTS: Final = {"acme": 70, "globex": 11}
"""Tenant → its requests in each of the last 48 hours."""
HOURS: Final = 48

_NAMES: Final = ", ".join(f"('{name}', {requests})" for name, requests in TENANTS.items())
_TENANTS: Final = f"(VALUES {_NAMES}) tenant(name, amount)"
_EACH_HOUR: Final = f"generate_series(0, {HOURS - 1}) n"
_HOUR: Final = "date_trunc('hour', now(), 'UTC') - n * interval '1 hour'"
_DAY: Final = "date_trunc('day', now(), 'UTC') - n * interval '1 day'"

_CARBON: Final = (
    f"""
    INSERT INTO features.api_usage
    SELECT name, {_HOUR}, 'key', product, '00000000-0000-0000-0000-000000000001', amount, amount * 100,
        amount * 4096
    FROM {_TENANTS}, {_EACH_HOUR}, (VALUES ('prices')) products(product)
    """,
    """
    INSERT INTO features.api_audit
    SELECT gen_random_uuid(), now() - n * interval '3 hours', n::text, 'price-pipeline', provider, '/v1',
        '', 1,
        'ok', 200, 40 + n % 60, CASE WHEN n % 3 = 0 THEN 'hit' ELSE 'miss' END, n % 3 = 0, 2048,
        CASE WHEN n % 3 = 0 THEN 0 ELSE 5 END
    FROM generate_series(1, 300) n, (VALUES ('weather'), ('places')) providers(provider)
    """,
    f"""
    INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, delivery_end, published_at,
        market,
        price, currency, unit, provenance, correction, resolution, product, topic_partition, topic_offset)
    SELECT 'settlements', symbol, {_DAY}, {_DAY} + interval '1 day', {_DAY} + interval '18 hours', 'oil',
        base + 8 * sin(n / 9.0), 'USD', 'bbl', 'synthetic', n % 50 = 0, 'P1D', 'settlement', 0, n
    FROM generate_series(1, 200) n, (VALUES ('BRENT', 80), ('WTI', 74)) symbols(symbol, base)
    """,
    f"""
    INSERT INTO features.ml_predictions (source, symbol, event_time, price_available_time, available_time,
        market,
        provenance, horizon_sessions, price, predicted_return, prediction, lower, upper, nominal_level,
            model_name,
        model_version, model_alias, skill, resolution)
    SELECT 'settlements', symbol, {_DAY}, {_DAY} + interval '18 hours', {_DAY} + interval '19 hours', 'oil',
        'synthetic', 1, base + 8 * sin(n / 9.0), 0, base + 8 * sin((n - 1) / 9.0) + 0.2 * cos(n), base - 12,
        base + 12, 0.9, symbol, 1, 'champion', 'proven', 'P1D'
    FROM generate_series(2, 200) n, (VALUES ('BRENT', 80), ('WTI', 74)) symbols(symbol, base)
    """,
    f"""
    INSERT INTO features.forecast_runs (source, symbol, resolution, delivery_day, issued_at, made_at,
        outcome, reason)
    SELECT 'day-ahead-de', 'DE', 'PT1H', ({_DAY})::date, {_DAY}, {_DAY}, 'not forecast', 'no prices yet'
    FROM generate_series(0, 20) n
    """,
    """
    INSERT INTO features.job_runs (job, run_id, started_at, finished_at, status)
    SELECT job, job || n, now() - n * interval '1 day',
        now() - n * interval '1 day' + n * interval '5 minutes',
        CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END
    FROM generate_series(1, 40) n, (VALUES ('model-training'), ('customer-metrics')) jobs(job)
    """,
    f"""
    INSERT INTO features.quality_alerts (id, rule, severity, of_topic, source, series, resolution, provenance,
        period_start, period_end, published_at, rows, expected, evidence, remedy, detected_at)
    SELECT n::text, (ARRAY['gap', 'jump', 'stale'])[1 + n % 3], (ARRAY['critical', 'warning',
        'info'])[1 + n % 3],
        'commodity-prices', 'settlements', 'BRENT', 'P1D', 'synthetic', {_DAY}, {_DAY}, {_DAY}, 1, 'a price',
        'there is none', 'ask the source', {_DAY} + interval '1 hour'
    FROM generate_series(1, 30) n
    """,
)

_METRICS: Final = (
    """
    INSERT INTO features.customer_events
        (event_id, customer, subject, kind, occurred_at, published_at, source, received_at)
    SELECT gen_random_uuid(), 'acme', 'someone', 'login', at, at, 'data-api', now()
    FROM generate_series(now() - interval '119 minutes', now() - interval '1 minute', interval '2 minutes') at
    """,
    f"""
    INSERT INTO features.customer_hours
    SELECT name, {_HOUR}, kind, currency, amount * share, price, 0, {_HOUR} + interval '1 minute' * least(n,
        1)
    FROM {_TENANTS}, {_EACH_HOUR},
        (VALUES ('login', '', 1, 0), ('api-call', '', 9, 0), ('error', '', 2, 0), ('purchase', 'EUR', 1, 250))
        kinds(kind, currency, share, price)
    """,
    """
    INSERT INTO features.customer_kpis
    SELECT date_trunc('hour', now(), 'UTC') - n * interval '6 hours', name, base * (1 + 0.2 * sin(n / 7.0))
    FROM generate_series(0, 120) n, (VALUES ('active_1d', 120), ('active_7d', 160), ('active_30d', 210),
        ('events_1h', 900), ('error_share_1d', 0.05), ('nps_90d', 31), ('revenue_30d_EUR', 42000))
        kpis(name, base)
    """,
    f"""
    INSERT INTO features.customer_scores
    SELECT figure, {_DAY}, name, base + n % 5 * step, label, '{{}}'
    FROM generate_series(0, 30) n, {_TENANTS},
        (VALUES ('engagement', 55, 1, 'medium'), ('rfm', 4, 0, 'champions'), ('churn', 0.6, 0.05, 'high'),
            ('clv-EUR', 900, 1, 'EUR')) figures(figure, base, step, label)
    """,
    """
    INSERT INTO features.customer_cohorts
    SELECT date_trunc('day', now(), 'UTC'), (date_trunc('month', now()) - c * interval '1 month')::date, m,
        100 + c, ((100 + c) * exp(-m / 4.0))::bigint
    FROM generate_series(0, 11) c, generate_series(0, 11) m WHERE m <= c
    """,
    """
    INSERT INTO features.customer_models
    SELECT figure, date_trunc('day', now(), 'UTC') - days * interval '1 day', status, reason, '{}', '{}'
    FROM (VALUES ('churn', 0, 'offered', 'calibrated'), ('clv-EUR', 0, 'offered', 'calibrated'),
        ('clv-USD', 9, 'refused', 'history is short')) models(figure, days, status, reason)
    """,
)

_WAREHOUSE: Final = (
    """
    INSERT INTO etl.loads
    SELECT n * 10 + t, source, name, now() - n * interval '6 hours', 1000 + n, n % 4, NULL, '[]'
    FROM generate_series(0, 60) n, (VALUES (1, 'erp', 'orders'), (2, 'files', 'meters')) t(t, source, name)
    """,
    """
    INSERT INTO etl.sources
    SELECT source, name, '[]', state, message, now()
    FROM (VALUES ('erp', 'orders', 'ready', NULL), ('files', 'meters', 'stopped',
        'column amount was retyped'))
        t(source, name, state, message)
    """,
    """
    INSERT INTO etl.reconciliation
    SELECT 'erp', 'orders', now() - n * interval '6 hours', 'rows', 1000, 1000 - n % 2, n % 2 = 0
    FROM generate_series(0, 20) n
    """,
    "INSERT INTO etl.drift VALUES ('files', 'meters', now(), 'retyped', 'amount', 'numeric to text')",
)

_BY_DATABASE: Final = {
    tables.DATABASE: _CARBON,
    tables.METRICS_DATABASE: _METRICS,
    tables.WAREHOUSE_DATABASE: _WAREHOUSE,
}


def seed(server: Postgres) -> None:
    """Put them into the databases of a server whose migrations have run."""
    for database, statements in _BY_DATABASE.items():
        with server.connect(database) as connection:
            for statement in statements:
                # Of constants above, which no parameter reaches.
                connection.execute(statement.encode())
