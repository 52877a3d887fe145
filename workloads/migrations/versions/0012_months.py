"""The tables that grow with every delivery period are partitioned by time.

What a table holds becomes its first partition, `<table>_before`, as it lies: no row of the past is copied.
What is of this month or later goes to `<table>_after`, of which `workloads.migrations.months` makes months.
Both are open at one end, so that no row is without a partition. Indexes, checks, row security, views and
functions stay as they are; rights are given again by the job that runs this. Readers and writers wait until
it is done: it reads each table once, prices twice, and builds one index, of forecasts.

The list of series is a table of its own, `known_series`: to find it in the prices takes a look into every
month for every series. Each statement that writes prices notes the series that it is of.
"""

from __future__ import annotations

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = {
    "commodity_prices_daily": "delivery_start",
    "market_indicators": "delivery_start",
    "price_trends": "event_time",
    "technical_indicators": "event_time",
    "ml_predictions": "event_time",
}
_VIEWS = (
    "commodity_prices_current",
    "market_indicators_current",
    "prediction_outcomes",
    "quality_scores",
)
_FUNCTION = "features.market_indicators_as_of(timestamptz)"

# An identity of a partitioned table has the time in it. Here it is the same instant, which a check says.
_FORECASTS = (
    "DROP INDEX features.ml_predictions_delivery",
    """
    CREATE UNIQUE INDEX ml_predictions_delivery
        ON features.ml_predictions (source, symbol, event_time, resolution, issued_at)
        WHERE delivery_start IS NOT NULL
    """,
)

_SERIES = "market, symbol, source, product, resolution, currency, unit, provenance"
_LIST = (
    f"""
    CREATE TABLE features.known_series AS
        SELECT {_SERIES}, max(published_at) AS last_published
        FROM features.commodity_prices_daily GROUP BY {_SERIES}
    """,
    f"ALTER TABLE features.known_series ADD PRIMARY KEY ({_SERIES}), ALTER last_published SET NOT NULL",
    # In order, so that two that write the same series wait for each other and not in a circle.
    f"""
    CREATE FUNCTION features.note_series() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            INSERT INTO features.known_series AS held ({_SERIES}, last_published)
                SELECT {_SERIES}, max(published_at) FROM written GROUP BY {_SERIES} ORDER BY {_SERIES}
                ON CONFLICT ({_SERIES}) DO UPDATE SET last_published = excluded.last_published
                WHERE held.last_published < excluded.last_published;
            RETURN NULL;
        END $$
    """,
    *(
        f"""
        CREATE TRIGGER series_{event.lower()} AFTER {event} ON features.commodity_prices_daily
            REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION features.note_series()
        """
        for event in ("INSERT", "UPDATE")
    ),
    # A publication is told where who asks may see it, whatever it is of; else the reader looks for one.
    "DROP FUNCTION features.price_series()",
    f"""
    CREATE FUNCTION features.price_series() RETURNS TABLE (
        market text, symbol text, source text, product text,
        resolution text, currency text, unit text, provenance text, last_published timestamptz
    ) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT {_SERIES}, CASE WHEN features.entitled_since() = '-infinity'
            AND last_published <= features.entitled_until() THEN last_published END
        FROM features.known_series
        WHERE market = ANY (features.entitled_markets()) OR '*' = ANY (features.entitled_markets())
    $$
    """,
    "REVOKE ALL ON FUNCTION features.price_series() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION features.price_series() TO data_api",
)


def upgrade() -> None:
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for table in _TABLES:
        op.execute(f"LOCK TABLE features.{table} IN ACCESS EXCLUSIVE MODE")
    views = {view: _told(f"SELECT pg_get_viewdef('features.{view}'::regclass)")[0][0] for view in _VIEWS}
    options = {
        view: _told(
            f"SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'features.{view}'::regclass"
        )
        for view in _VIEWS
    }
    ((function,),) = _told(f"SELECT pg_get_functiondef('{_FUNCTION}'::regprocedure)")
    op.execute(f"DROP VIEW {', '.join(f'features.{view}' for view in _VIEWS)}")
    op.execute(f"DROP FUNCTION {_FUNCTION}")
    for statement in _FORECASTS:
        op.execute(statement)
    for table, time in _TABLES.items():
        _partition(table, time, month.isoformat())
    _run(function)
    for view, definition in views.items():
        ((said,),) = options[view]
        _run(f"CREATE VIEW features.{view} {f'WITH ({said})' if said else ''} AS {definition}")
    for statement in _LIST:
        op.execute(statement)


def _partition(table: str, time: str, month: str) -> None:
    """Put a partitioned table in the place of one that is not."""
    whole, before, after = (f"features.{table}{end}" for end in ("", "_before", "_after"))
    keys = _told(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE conrelid = '{whole}'::regclass AND contype = 'p'"
    )
    indexes = _told(
        "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        f" WHERE i.indrelid = '{whole}'::regclass AND NOT i.indisprimary"
    )
    policies = _told(
        "SELECT policyname, permissive, cmd, array_to_string(roles, ', '), qual, with_check FROM pg_policies"
        f" WHERE schemaname = 'features' AND tablename = '{table}'"
    )
    # A partition is read as its table lets it be; by its own name by nobody.
    for policy, *_ in policies:
        op.execute(f"DROP POLICY {policy} ON {whole}")
    op.execute(f"ALTER TABLE {whole} DISABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {whole} RENAME TO {table}_before")
    for name, _ in (*keys, *indexes):
        op.execute(f"ALTER INDEX features.{name} RENAME TO {name}_before")

    op.execute(
        f"CREATE TABLE {whole} (LIKE {before} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS)"
        f" PARTITION BY RANGE ({time})"
    )
    for name, definition in keys:
        op.execute(f"ALTER TABLE {whole} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        _run(definition)
    op.execute(f"CREATE TABLE {after} PARTITION OF {whole} FOR VALUES FROM ('{month}') TO (MAXVALUE)")
    op.execute(
        f"WITH moved AS (DELETE FROM {before} WHERE {time} >= '{month}' RETURNING *)"
        f" INSERT INTO {whole} SELECT * FROM moved"
    )
    op.execute(f"ALTER TABLE {whole} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{month}')")
    if policies:
        op.execute(f"ALTER TABLE {whole} ENABLE ROW LEVEL SECURITY")
    for policy, kind, command, who, using, check in policies:
        _run(
            f"CREATE POLICY {policy} ON {whole} AS {kind} FOR {command} TO {who} USING ({using})"
            + (f" WITH CHECK ({check})" if check else "")
        )


def _told(query: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in op.get_bind().execute(text(query))]


def _run(statement: str) -> None:
    """A statement that the database wrote: a colon in it is no parameter."""
    op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("going back would copy every row; restore a backup instead")
