"""Scenarios that tenants save, and the list of series without a reading of all prices.

An index has each series' publications in order, so that one look-up finds the next series, another its newest
publication. Rows of one publication share an entry: it is small beside the table. Row security would have to
look at the rows between two series, of markets and times that the tenant does not see; so a function with its
owner's rights lists the series, of entitled markets alone, and what is told of each is read under row
security again. While the index is made, prices can be read and not written.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SERIES = "market, symbol, source, product, resolution, currency, unit, provenance"
_PRICES = "features.commodity_prices_daily"

_STATEMENTS = (
    f"CREATE INDEX commodity_prices_daily_series ON {_PRICES} ({_SERIES}, published_at)",
    f"""
    CREATE FUNCTION features.price_series() RETURNS TABLE (
        market text, symbol text, source text, product text,
        resolution text, currency text, unit text, provenance text
    ) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        WITH RECURSIVE series AS (
            (SELECT {_SERIES} FROM {_PRICES} ORDER BY {_SERIES} LIMIT 1)
            UNION ALL
            SELECT following.* FROM series CROSS JOIN LATERAL (
                SELECT {_SERIES} FROM {_PRICES} WHERE ({_SERIES})
                    > ({", ".join(f"series.{name}" for name in _SERIES.split(", "))})
                ORDER BY {_SERIES} LIMIT 1
            ) following
        )
        SELECT * FROM series WHERE market = ANY (features.entitled_markets())
            OR '*' = ANY (features.entitled_markets())
    $$
    """,
    "REVOKE ALL ON FUNCTION features.price_series() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION features.price_series() TO data_api",
    # What is saved is the JSON of a question to /v1/curves. data-api keeps it smaller than that.
    """
    CREATE TABLE features.scenarios (
        tenant_id text NOT NULL CHECK (tenant_id <> ''),
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
        curves jsonb NOT NULL CHECK (octet_length(curves::text) <= 262144),
        saved_at timestamptz NOT NULL,
        saved_by text NOT NULL,
        PRIMARY KEY (tenant_id, name)
    )
    """,
    "ALTER TABLE features.scenarios ENABLE ROW LEVEL SECURITY",
    # The only policy: of other roles' rows there are none, and without a tenant none at all.
    """
    CREATE POLICY own ON features.scenarios TO data_api
        USING (tenant_id = current_setting('carbon.tenant', true))
        WITH CHECK (tenant_id = current_setting('carbon.tenant', true))
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop what tenants saved; restore a backup instead")
