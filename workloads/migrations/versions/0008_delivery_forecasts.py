"""Forecasts of whole delivery days: their runs, what each kind forecast, and a row a period among
predictions, which become append-only: what was said once stands.

A row of ml_predictions with a `delivery_start` is of that period, which is its `event_time` too, by what was
known at `issued_at`, its `price_available_time`; one without is of the period that follows `event_time`. The
naive forecast of both is their `price`: the last one, or that of the period a day or a week before.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    ALTER TABLE features.ml_predictions
        ALTER COLUMN predicted_return DROP NOT NULL,
        ADD COLUMN delivery_start timestamptz,
        ADD COLUMN delivery_end timestamptz,
        ADD COLUMN issued_at timestamptz,
        ADD COLUMN kind text,
        ADD COLUMN quantiles double precision[],
        ADD COLUMN missing text[],
        ADD CHECK (num_nulls(delivery_start, delivery_end, issued_at, kind, quantiles, missing) IN (0, 6)),
        ADD CHECK (delivery_start = event_time AND issued_at = price_available_time),
        ADD CHECK (predicted_return IS NOT NULL OR delivery_start IS NOT NULL),
        DROP CONSTRAINT ml_predictions_pkey
    """,
    # Each kind of prediction has its identity.
    """
    CREATE UNIQUE INDEX ml_predictions_next_session
        ON features.ml_predictions (source, symbol, event_time, resolution, price_available_time)
        WHERE delivery_start IS NULL
    """,
    """
    CREATE UNIQUE INDEX ml_predictions_delivery
        ON features.ml_predictions (source, symbol, delivery_start, resolution, issued_at)
        WHERE delivery_start IS NOT NULL
    """,
    # `message` is what stands on the topic, as it was sent: a repeated run sends the same or nothing.
    """
    CREATE TABLE features.forecast_runs (
        source text NOT NULL,
        symbol text NOT NULL,
        resolution text NOT NULL,
        delivery_day date NOT NULL,
        issued_at timestamptz NOT NULL,
        made_at timestamptz NOT NULL,
        outcome text NOT NULL CHECK (outcome IN ('forecast', 'not forecast')),
        reason text NOT NULL,
        message bytea,
        sent_at timestamptz,
        PRIMARY KEY (source, symbol, resolution, delivery_day, issued_at),
        CHECK ((message IS NOT NULL) = (outcome = 'forecast'))
    )
    """,
    "CREATE INDEX forecast_runs_newest ON features.forecast_runs (symbol, delivery_day, issued_at DESC)",
    "CREATE INDEX forecast_runs_unsent ON features.forecast_runs (made_at)"
    " WHERE outcome = 'forecast' AND sent_at IS NULL",
    # `inputs` says which kinds from which inputs: forecasts of others teach nothing about these.
    """
    CREATE TABLE features.forecast_members (
        source text NOT NULL,
        symbol text NOT NULL,
        resolution text NOT NULL,
        inputs text NOT NULL,
        delivery_day date NOT NULL,
        forecasts double precision[] NOT NULL,
        PRIMARY KEY (source, symbol, resolution, inputs, delivery_day)
    )
    """,
    # As before for the next session. A period's outcome is its own price, where all of it was unknown. What a
    # view that is replaced was told of whose rights it reads with is forgotten: it is told again.
    """
    CREATE OR REPLACE VIEW features.prediction_outcomes WITH (security_invoker = true) AS
        SELECT
            p.source, p.symbol, p.event_time, p.price_available_time, p.available_time, p.market,
            p.provenance, p.horizon_sessions, p.price, p.predicted_return, p.prediction, p.lower, p.upper,
            p.nominal_level, p.model_name, p.model_version, p.model_alias, p.skill, p.skill_score,
            p.replayed_from, p.schema_version, p.resolution,
            following.delivery_start AS outcome_time,
            following.published_at AS outcome_available_time,
            following.price AS realised_price,
            following.price BETWEEN p.lower AND p.upper AS covered,
            abs(following.price - p.prediction) AS abs_error,
            abs(following.price - p.price) AS naive_abs_error,
            p.delivery_start, p.delivery_end, p.issued_at, p.kind
        FROM features.ml_predictions p
        CROSS JOIN LATERAL (
            SELECT delivery_start, published_at
            FROM features.commodity_prices_daily d
            WHERE d.symbol = p.symbol AND d.source = p.source AND d.resolution = p.resolution
                AND d.delivery_start >= coalesce(p.delivery_start, p.event_time + interval '1 microsecond')
                AND d.delivery_start <= coalesce(p.delivery_start, 'infinity')
            ORDER BY d.delivery_start, d.published_at
            LIMIT 1
        ) first
        CROSS JOIN LATERAL (
            SELECT delivery_start, published_at, price
            FROM features.commodity_prices_daily d
            WHERE d.symbol = p.symbol AND d.source = p.source AND d.resolution = p.resolution
                AND d.delivery_start = first.delivery_start
            ORDER BY d.published_at DESC
            LIMIT 1
        ) following
        WHERE first.published_at > p.available_time
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop the forecasts; restore a backup instead")
