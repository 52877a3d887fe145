"""A price can be withdrawn: a revision says so, and by whom. From then on there is no price of its period.

It is the newest revision of its identity, as a correction is, so that what was known before stays known. The
views that show what holds leave it out, and a prediction of a session that was withdrawn has no outcome.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE DOMAIN features.withdrawn AS text CHECK (VALUE IN ('source', 'platform'))",
    # Null of all that are there: no row is written, and none is read. `stated_at` is when the source
    # says that it published a revision, where that was met later.
    """
    ALTER TABLE features.commodity_prices_daily
        ADD COLUMN stated_at timestamptz, ADD COLUMN withdrawn features.withdrawn
    """,
    "ALTER TABLE features.market_indicators ADD COLUMN stated_at timestamptz",
    "DROP VIEW features.commodity_prices_current",
    """
    CREATE VIEW features.commodity_prices_current WITH (security_invoker = true) AS
        SELECT * FROM (
            SELECT DISTINCT ON (source, symbol, delivery_start, resolution) *
            FROM features.commodity_prices_daily
            ORDER BY source, symbol, delivery_start, resolution, published_at DESC
        ) newest
        WHERE withdrawn IS NULL
    """,
    # As it was but for its withdrawn outcomes.
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
            SELECT delivery_start, published_at, price, withdrawn
            FROM features.commodity_prices_daily d
            WHERE d.symbol = p.symbol AND d.source = p.source AND d.resolution = p.resolution
                AND d.delivery_start = first.delivery_start
            ORDER BY d.published_at DESC
            LIMIT 1
        ) following
        WHERE first.published_at > p.available_time
            AND following.withdrawn IS NULL
            AND NOT EXISTS (
                SELECT FROM features.ml_predictions later
                WHERE later.symbol = p.symbol AND later.source = p.source AND later.resolution = p.resolution
                    AND later.event_time = p.event_time
                    AND (later.delivery_start IS NULL) = (p.delivery_start IS NULL)
                    AND later.available_time < first.published_at
                    AND (later.available_time, later.price_available_time)
                        > (p.available_time, p.price_available_time)
            )
""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("withdrawn prices would hold again; restore a backup instead")
