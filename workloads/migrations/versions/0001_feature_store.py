"""The feature store, the predictions with their outcomes, and the records of jobs and models.

Prices, features and predictions are append-only: a correction is a row with a later `available_time`.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE DOMAIN features.provenance AS text CHECK (VALUE IN ('market', 'replay', 'synthetic'))",
    """
    CREATE TABLE features.commodity_prices_daily (
        source text NOT NULL,
        symbol text NOT NULL,
        event_time timestamptz NOT NULL,
        available_time timestamptz NOT NULL,
        market text NOT NULL,
        price double precision NOT NULL,
        currency text NOT NULL,
        unit text NOT NULL,
        provenance features.provenance NOT NULL,
        correction boolean NOT NULL,
        replayed_from timestamptz,
        topic_partition integer NOT NULL,
        topic_offset bigint NOT NULL,
        schema_version integer NOT NULL DEFAULT 1,
        PRIMARY KEY (source, symbol, event_time, available_time)
    )
    """,
    # Sessions of a symbol across its sources, the newest revision of each first.
    """
    CREATE INDEX commodity_prices_daily_session
        ON features.commodity_prices_daily (symbol, event_time, available_time DESC) INCLUDE (price)
    """,
    """
    CREATE VIEW features.commodity_prices_current AS
        SELECT DISTINCT ON (source, symbol, event_time) *
        FROM features.commodity_prices_daily
        ORDER BY source, symbol, event_time, available_time DESC
    """,
    """
    CREATE TABLE features.price_trends (
        source text NOT NULL,
        symbol text NOT NULL,
        event_time timestamptz NOT NULL,
        available_time timestamptz NOT NULL,
        market text NOT NULL,
        provenance features.provenance NOT NULL,
        last double precision NOT NULL,
        mean_7 double precision,
        mean_30 double precision,
        volatility_7 double precision,
        volatility_30 double precision,
        trend_30 double precision,
        sessions integer NOT NULL,
        schema_version integer NOT NULL DEFAULT 1,
        PRIMARY KEY (source, symbol, event_time, available_time)
    )
    """,
    """
    CREATE TABLE features.market_indicators (
        source text NOT NULL,
        symbol text NOT NULL,
        event_time timestamptz NOT NULL,
        available_time timestamptz NOT NULL,
        market text NOT NULL,
        provenance features.provenance NOT NULL,
        rsi_14 double precision,
        momentum_10 double precision,
        zscore_30 double precision,
        drawdown_250 double precision,
        PRIMARY KEY (source, symbol, event_time, available_time)
    )
    """,
    """
    CREATE TABLE features.ml_predictions (
        source text NOT NULL,
        symbol text NOT NULL,
        event_time timestamptz NOT NULL,
        price_available_time timestamptz NOT NULL,
        available_time timestamptz NOT NULL,
        market text NOT NULL,
        provenance features.provenance NOT NULL,
        horizon_sessions integer NOT NULL,
        price double precision NOT NULL,
        predicted_return double precision NOT NULL,
        prediction double precision NOT NULL,
        lower double precision NOT NULL,
        upper double precision NOT NULL,
        nominal_level double precision NOT NULL,
        model_name text NOT NULL,
        model_version integer NOT NULL,
        model_alias text NOT NULL CHECK (model_alias IN ('champion', 'challenger', 'naive')),
        skill text NOT NULL CHECK (skill IN ('proven', 'none')),
        skill_score double precision,
        replayed_from timestamptz,
        schema_version integer NOT NULL DEFAULT 1,
        PRIMARY KEY (source, symbol, event_time, price_available_time)
    )
    """,
    "CREATE INDEX ml_predictions_symbol ON features.ml_predictions (symbol, event_time DESC)",
    # Newest outcomes of a symbol: ORDER BY event_time DESC LIMIT n walks the index and looks each outcome up.
    """
    CREATE VIEW features.prediction_outcomes AS
        SELECT
            p.*,
            following.event_time AS outcome_time,
            following.available_time AS outcome_available_time,
            following.price AS realised_price,
            following.price BETWEEN p.lower AND p.upper AS covered,
            abs(following.price - p.prediction) AS abs_error,
            abs(following.price - p.price) AS naive_abs_error
        FROM features.ml_predictions p
        CROSS JOIN LATERAL (
            SELECT event_time, available_time, price
            FROM features.commodity_prices_daily d
            WHERE d.symbol = p.symbol AND d.event_time > p.event_time
            ORDER BY d.event_time, d.available_time DESC
            LIMIT 1
        ) following
        -- A correction of an old session is predicted when its outcome is known already: no forecast.
        WHERE following.available_time >= p.price_available_time
    """,
    """
    CREATE TABLE features.job_runs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job text NOT NULL,
        run_id text NOT NULL UNIQUE,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed')),
        detail jsonb NOT NULL DEFAULT '{}'
    )
    """,
    "CREATE INDEX job_runs_newest ON features.job_runs (job, started_at DESC)",
    """
    CREATE TABLE features.model_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        symbol text NOT NULL,
        model_name text NOT NULL,
        event text NOT NULL CHECK (event IN ('registered', 'promoted', 'refused', 'rolled_back')),
        from_version integer,
        to_version integer,
        actor text NOT NULL CHECK (actor IN ('automatic', 'manual')),
        reason text NOT NULL
    )
    """,
    "CREATE INDEX model_events_newest ON features.model_events (symbol, at DESC)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop the feature store; restore a backup instead")
