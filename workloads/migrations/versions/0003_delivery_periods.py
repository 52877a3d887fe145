"""Prices get delivery periods, products and resolutions; what was there is a spot price of its day.

Every row stays, and keeps its times under the names that they have now. Figures and predictions are told
apart by resolution too. `market_indicators` held indicators of prices: it becomes `technical_indicators`.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "DROP VIEW features.prediction_outcomes, features.commodity_prices_current",
    """
    CREATE DOMAIN features.product AS text CHECK (
        VALUE IN ('day-ahead', 'intraday', 'real-time', 'settlement', 'spot', 'forward')
    )
    """,
    "ALTER TABLE features.commodity_prices_daily RENAME COLUMN event_time TO delivery_start",
    "ALTER TABLE features.commodity_prices_daily RENAME COLUMN available_time TO published_at",
    # A constant default rewrites no row; the end of the day is the one column that has to be computed.
    """
    ALTER TABLE features.commodity_prices_daily
        ADD COLUMN resolution text NOT NULL DEFAULT 'P1D',
        ADD COLUMN product features.product NOT NULL DEFAULT 'spot',
        ADD COLUMN delivery_end timestamptz
    """,
    "UPDATE features.commodity_prices_daily SET delivery_end = delivery_start + interval '24 hours'",
    """
    ALTER TABLE features.commodity_prices_daily
        ALTER COLUMN resolution DROP DEFAULT,
        ALTER COLUMN product DROP DEFAULT,
        ALTER COLUMN delivery_end SET NOT NULL,
        ALTER COLUMN schema_version SET DEFAULT 2,
        ADD CHECK (delivery_end >= delivery_start),
        DROP CONSTRAINT commodity_prices_daily_pkey,
        ADD PRIMARY KEY (source, symbol, delivery_start, resolution, published_at)
    """,
    "DROP INDEX features.commodity_prices_daily_session",
    # Both orders descending: the newest sessions of a symbol are read without a sort.
    """
    CREATE INDEX commodity_prices_daily_session
        ON features.commodity_prices_daily (symbol, delivery_start DESC, published_at DESC)
        INCLUDE (price, resolution, currency, unit)
    """,
    """
    CREATE VIEW features.commodity_prices_current AS
        SELECT DISTINCT ON (source, symbol, delivery_start, resolution) *
        FROM features.commodity_prices_daily
        ORDER BY source, symbol, delivery_start, resolution, published_at DESC
    """,
    "ALTER TABLE features.market_indicators RENAME TO technical_indicators",
    "ALTER INDEX features.market_indicators_pkey RENAME TO technical_indicators_pkey",
    *(
        f"""
        ALTER TABLE features.{table}
            ADD COLUMN resolution text NOT NULL DEFAULT 'P1D',
            DROP CONSTRAINT {table}_pkey,
            ADD PRIMARY KEY (source, symbol, event_time, resolution, {available})
        """
        for table, available in (
            ("price_trends", "available_time"),
            ("technical_indicators", "available_time"),
            ("ml_predictions", "price_available_time"),
        )
    ),
    # A prediction counts where it was made before its outcome was known at all; then the outcome is what
    # holds now. Newest outcomes of a symbol: ORDER BY event_time DESC LIMIT n walks the index.
    """
    CREATE VIEW features.prediction_outcomes AS
        SELECT
            p.*,
            following.delivery_start AS outcome_time,
            following.published_at AS outcome_available_time,
            following.price AS realised_price,
            following.price BETWEEN p.lower AND p.upper AS covered,
            abs(following.price - p.prediction) AS abs_error,
            abs(following.price - p.price) AS naive_abs_error
        FROM features.ml_predictions p
        CROSS JOIN LATERAL (
            SELECT delivery_start, published_at
            FROM features.commodity_prices_daily d
            WHERE d.symbol = p.symbol AND d.resolution = p.resolution AND d.delivery_start > p.event_time
            ORDER BY d.delivery_start, d.published_at
            LIMIT 1
        ) first
        CROSS JOIN LATERAL (
            SELECT delivery_start, published_at, price
            FROM features.commodity_prices_daily d
            WHERE d.symbol = p.symbol AND d.resolution = p.resolution
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
    raise NotImplementedError("going back would drop periods and products; restore a backup instead")
