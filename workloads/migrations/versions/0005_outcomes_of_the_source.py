"""A prediction's outcome is its own source's price: another's may be of another currency or market."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_VIEW = """
    CREATE OR REPLACE VIEW features.prediction_outcomes AS
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
            WHERE d.symbol = p.symbol AND d.source = p.source AND d.resolution = p.resolution
                AND d.delivery_start > p.event_time
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
"""


def upgrade() -> None:
    op.execute(_VIEW)


def downgrade() -> None:
    raise NotImplementedError("going back would count other sources' prices again; restore a backup instead")
