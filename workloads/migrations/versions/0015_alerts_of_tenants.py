"""Alerts on data are of a market, so that data-api shows each tenant those of its own."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE features.quality_alerts ADD COLUMN market text",
    # Of those that are there: what their series' prices say. One without stays for who sees every market.
    """
    UPDATE features.quality_alerts a SET market = CASE a.of_topic
        WHEN 'market-indicators' THEN 'power'
        ELSE (
            SELECT p.market FROM features.commodity_prices_daily p
            WHERE p.source = a.source AND p.symbol = a.series LIMIT 1
        )
    END
    """,
    "ALTER TABLE features.quality_alerts ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY all_rows ON features.quality_alerts USING (true) WITH CHECK (true)",
    # As that of prices, and of changes too: nobody says anything of what he does not see.
    """
    CREATE POLICY entitled ON features.quality_alerts AS RESTRICTIVE TO data_api USING (
        (market = ANY ((SELECT features.entitled_markets())::text[])
            OR '*' = ANY ((SELECT features.entitled_markets())::text[]))
        AND period_end >= (SELECT features.entitled_since())
        AND published_at <= (SELECT features.entitled_until())
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would show alerts to all; restore a backup instead")
