"""Indicators of zones and delivery periods: forecasts and actuals, every revision a row of its own.

`market_indicators_as_of(instant)` gives what was known then, one row a period of a series;
`market_indicators_current` what is known now.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Keyed as it is read: a series' periods in order, and of each its revisions.
    """
    CREATE TABLE features.market_indicators (
        zone text NOT NULL,
        name text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('forecast', 'actual')),
        source text NOT NULL,
        resolution text NOT NULL,
        delivery_start timestamptz NOT NULL,
        published_at timestamptz NOT NULL,
        delivery_end timestamptz NOT NULL,
        value double precision NOT NULL,
        unit text NOT NULL,
        provenance features.provenance NOT NULL,
        correction boolean NOT NULL,
        replayed_from timestamptz,
        topic_partition integer NOT NULL,
        topic_offset bigint NOT NULL,
        schema_version integer NOT NULL DEFAULT 1,
        PRIMARY KEY (zone, name, kind, source, resolution, delivery_start, published_at),
        CHECK (delivery_end >= delivery_start)
    )
    """,
    # Every order descending: the primary key, read backwards, needs no sort. The planner puts the body in
    # place of the call, so that conditions on the series and its periods reach the index.
    """
    CREATE FUNCTION features.market_indicators_as_of(known_by timestamptz)
        RETURNS SETOF features.market_indicators LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT DISTINCT ON (zone, name, kind, source, resolution, delivery_start) *
        FROM features.market_indicators
        WHERE published_at <= known_by
        ORDER BY zone DESC, name DESC, kind DESC, source DESC, resolution DESC, delivery_start DESC,
            published_at DESC
    $$
    """,
    """
    CREATE VIEW features.market_indicators_current AS
        SELECT * FROM features.market_indicators_as_of('infinity')
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop the indicators; restore a backup instead")
