"""Who gets what: entitlements, keys, usage and events; and row security that keeps entitlements for data-api.

A table with row security is open to every role that has rights on it, as before (policy `all_rows`), but for
`data_api`: it sees only what the tenant named by the transaction's `carbon.tenant` is entitled to, and
nothing without one (policy `entitled`, restrictive: it holds whatever else is permitted). The functions are
called in sub-selects, so that they run once a query and not once a row.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = (
    """
    CREATE TABLE features.entitlements (
        tenant_id text PRIMARY KEY,
        products text[] NOT NULL,
        markets text[] NOT NULL,
        history_days integer CHECK (history_days > 0),
        delay_minutes integer NOT NULL CHECK (delay_minutes >= 0),
        rows_per_month bigint CHECK (rows_per_month >= 0),
        requests_per_minute integer NOT NULL CHECK (requests_per_minute > 0)
    )
    """,
    # The secret is 256 random bits, so that a plain digest of it tells nothing: no word list leads back.
    """
    CREATE TABLE features.api_keys (
        id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{12}$'),
        tenant_id text NOT NULL,
        name text NOT NULL,
        digest bytea NOT NULL CHECK (octet_length(digest) = 32),
        scopes text[] NOT NULL,
        requests_per_minute integer CHECK (requests_per_minute > 0),
        created_at timestamptz NOT NULL,
        created_by text NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        replaces text REFERENCES features.api_keys (id),
        CHECK (expires_at > created_at)
    )
    """,
    "CREATE INDEX api_keys_tenant ON features.api_keys (tenant_id)",
    # A writer is one process, and its figures of an hour only grow: written again they are the same.
    """
    CREATE TABLE features.api_usage (
        tenant_id text NOT NULL,
        hour timestamptz NOT NULL CHECK (hour = date_trunc('hour', hour, 'UTC')),
        key_id text NOT NULL,
        product text NOT NULL,
        writer uuid NOT NULL,
        requests bigint NOT NULL CHECK (requests >= 0),
        row_count bigint NOT NULL CHECK (row_count >= 0),
        bytes bigint NOT NULL CHECK (bytes >= 0),
        PRIMARY KEY (tenant_id, hour, key_id, product, writer)
    )
    """,
    """
    CREATE TABLE features.access_events (
        id uuid PRIMARY KEY,
        at timestamptz NOT NULL,
        tenant_id text,
        actor text NOT NULL,
        action text NOT NULL,
        subject text NOT NULL,
        reason text NOT NULL,
        detail jsonb NOT NULL DEFAULT '{}'
    )
    """,
    "CREATE INDEX access_events_newest ON features.access_events (tenant_id, at DESC)",
)

_MINE = "FROM features.entitlements WHERE tenant_id = current_setting('carbon.tenant', true)"

_FUNCTIONS = (
    f"""
    CREATE FUNCTION features.entitled_markets() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT markets {_MINE} $$
    """,
    f"""
    CREATE FUNCTION features.entitled_since() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT coalesce(now() - make_interval(days => history_days), '-infinity') {_MINE} $$
    """,
    f"""
    CREATE FUNCTION features.entitled_until() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT now() - make_interval(mins => delay_minutes) {_MINE} $$
    """,
)

# Table → its market, when its delivery begins, and when it was known.
_GUARDED = {
    "commodity_prices_daily": ("market", "delivery_start", "published_at"),
    "ml_predictions": ("market", "event_time", "available_time"),
    "market_indicators": ("'power'", "delivery_start", "published_at"),
}


def _guard(table: str, market: str, begins: str, known: str) -> tuple[str, ...]:
    return (
        f"ALTER TABLE features.{table} ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY all_rows ON features.{table} USING (true) WITH CHECK (true)",
        f"""
        CREATE POLICY entitled ON features.{table} AS RESTRICTIVE FOR SELECT TO data_api USING (
            ({market} = ANY ((SELECT features.entitled_markets())::text[])
                OR '*' = ANY ((SELECT features.entitled_markets())::text[]))
            AND {begins} >= (SELECT features.entitled_since())
            AND {known} <= (SELECT features.entitled_until())
        )
        """,
    )


_VIEWS = ("prediction_outcomes", "commodity_prices_current", "market_indicators_current")


def upgrade() -> None:
    for statement in (*_TABLES, *_FUNCTIONS):
        op.execute(statement)
    for table, columns in _GUARDED.items():
        for statement in _guard(table, *columns):
            op.execute(statement)
    # Else a view reads as its owner, who sees every row.
    for view in _VIEWS:
        op.execute(f"ALTER VIEW features.{view} SET (security_invoker = true)")


def downgrade() -> None:
    raise NotImplementedError("going back would drop keys and usage; restore a backup instead")
