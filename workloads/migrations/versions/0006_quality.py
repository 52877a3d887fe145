"""What data-quality found, what a person said of it, and how good a source's day was."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE features.quality_alerts (
        id text PRIMARY KEY,
        rule text NOT NULL,
        severity text NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
        of_topic text NOT NULL,
        source text NOT NULL,
        series text NOT NULL,
        resolution text NOT NULL,
        provenance features.provenance NOT NULL,
        period_start timestamptz NOT NULL,
        period_end timestamptz NOT NULL,
        published_at timestamptz NOT NULL,
        rows integer NOT NULL CHECK (rows >= 0),
        value double precision,
        expected text NOT NULL,
        expected_low double precision,
        expected_high double precision,
        evidence text NOT NULL,
        remedy text NOT NULL,
        detected_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'released')),
        reviewed_by text,
        reviewed_at timestamptz,
        reason text,
        CHECK ((state = 'open') = (reviewed_by IS NULL)),
        CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)),
        CHECK ((reviewed_by IS NULL) = (reason IS NULL))
    )
    """,
    # As people look at them: the newest, and those of a source and day.
    "CREATE INDEX quality_alerts_detected ON features.quality_alerts (detected_at DESC)",
    "CREATE INDEX quality_alerts_source ON features.quality_alerts (source, period_start)",
    # Made from the rows themselves, so that it is right whatever was read twice, and a release counts at
    # once. A day is that of UTC; a rule without a line flagged nothing.
    """
    CREATE VIEW features.quality_scores AS
        WITH published AS (
            SELECT source, (delivery_start AT TIME ZONE 'UTC')::date AS day, count(*) AS rows
            FROM (
                SELECT source, delivery_start FROM features.commodity_prices_daily
                UNION ALL
                SELECT source, delivery_start FROM features.market_indicators
            ) every
            GROUP BY 1, 2
        ), flagged AS (
            SELECT
                source,
                (period_start AT TIME ZONE 'UTC')::date AS day,
                coalesce(rule, 'all') AS rule,
                sum(rows) AS flagged,
                sum(rows) FILTER (WHERE rule = 'gap') AS missing
            FROM features.quality_alerts
            WHERE state <> 'released'
            GROUP BY GROUPING SETS ((1, 2, rule), (1, 2))
        )
        SELECT
            coalesce(p.source, f.source) AS source,
            coalesce(p.day, f.day) AS day,
            coalesce(f.rule, 'all') AS rule,
            coalesce(p.rows, 0) AS rows,
            coalesce(f.flagged, 0) AS flagged,
            greatest(0, 1 - coalesce(f.flagged, 0)::double precision
                / greatest(coalesce(p.rows, 0) + coalesce(f.missing, 0), coalesce(f.flagged, 0), 1)) AS score
        FROM published p
        FULL JOIN flagged f USING (source, day)
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop what people said of alerts; restore a backup instead")
