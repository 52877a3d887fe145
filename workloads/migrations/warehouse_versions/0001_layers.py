"""The warehouse's layers: what was loaded, the rows as they came, and the catalogue of the Iceberg tables.

Tables of `cleaned` and `analytics` are made by the models of warehouse-etl.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    *(f"CREATE SCHEMA {layer}" for layer in ("etl", "raw", "cleaned", "analytics", "lake")),
    # One row a load of a table: what it brought, and up to where, as the source's own kind says it.
    # `read_at` is the instant of the run, not of the clock.
    """
    CREATE TABLE etl.loads (
        load_id bigint PRIMARY KEY,
        source text NOT NULL,
        table_name text NOT NULL,
        read_at timestamptz NOT NULL,
        rows bigint NOT NULL,
        deletes bigint NOT NULL,
        watermark text,
        columns jsonb NOT NULL
    )
    """,
    "CREATE INDEX loads_table ON etl.loads (source, table_name, load_id)",
    # Files that were loaded, each by its content.
    """
    CREATE TABLE etl.files (
        source text NOT NULL,
        table_name text NOT NULL,
        file text NOT NULL,
        digest text NOT NULL,
        load_id bigint NOT NULL,
        PRIMARY KEY (source, table_name, file)
    )
    """,
    # Where the next message of the staging topic is read: it moves with the rows.
    """
    CREATE TABLE etl.offsets (
        partition integer PRIMARY KEY,
        next_offset bigint NOT NULL
    )
    """,
    # How far each step that follows has come.
    """
    CREATE TABLE etl.progress (
        step text PRIMARY KEY,
        load_id bigint NOT NULL
    )
    """,
    # What each table was like when it was last taken in, and what of it stops it.
    """
    CREATE TABLE etl.sources (
        source text NOT NULL,
        table_name text NOT NULL,
        columns jsonb NOT NULL,
        state text NOT NULL CHECK (state IN ('ready', 'stopped', 'failed')),
        message text,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (source, table_name)
    )
    """,
    # New columns, refused changes and what a person accepted: kept.
    """
    CREATE TABLE etl.drift (
        source text NOT NULL,
        table_name text NOT NULL,
        found_at timestamptz NOT NULL,
        kind text NOT NULL CHECK (kind IN ('added', 'removed', 'retyped', 'accepted')),
        column_name text NOT NULL,
        detail text NOT NULL,
        PRIMARY KEY (source, table_name, found_at, kind, column_name)
    )
    """,
    # Rows without a key or too long for a message: set aside once, however often they are read.
    """
    CREATE TABLE etl.refused (
        source text NOT NULL,
        table_name text NOT NULL,
        digest text NOT NULL,
        refused_at timestamptz NOT NULL,
        reason text NOT NULL,
        PRIMARY KEY (source, table_name, digest)
    )
    """,
    # One row a figure of a check of source against layer.
    """
    CREATE TABLE etl.reconciliation (
        source text NOT NULL,
        table_name text NOT NULL,
        checked_at timestamptz NOT NULL,
        figure text NOT NULL,
        at_source numeric,
        in_layer numeric,
        matches boolean NOT NULL,
        PRIMARY KEY (source, table_name, checked_at, figure)
    )
    """,
    # What a text is, without an error where it is nothing of the kind.
    r"""
    CREATE FUNCTION etl.is_number(value text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$
    SELECT CASE
        WHEN value ~ '^[+-]?([0-9]{1,60}([.][0-9]{0,60})?|[.][0-9]{1,60})([eE][+-]?[0-9]{1,2})?$'
            -- What a decimal of 38 digits with ten after the point holds, as the lake has them.
            THEN abs(value::numeric) < 1e28
        ELSE value IS NULL AND NULL
    END
    $$
    """,
    # Of days and times in ISO 8601, and of a calendar that has no 30 February. In plain SQL, which is planned
    # as part of the query: a function that caught errors would cost a sub-transaction a value.
    r"""
    CREATE FUNCTION etl.is_timestamp(value text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$
    SELECT CASE
        WHEN value !~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
            '([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?'
            '(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])?)?$'
            THEN false
        -- Times that are of the year 0 or 10000 in another zone, or once they are rounded.
        WHEN value ~ '^(0001|9999).*[+-][0-9]{2}:?[0-9]{2}$' OR value ~ '^9999.*[.][0-9]{7}' THEN false
        WHEN substr(value, 6, 2) IN ('04', '06', '09', '11') THEN substr(value, 9, 2) < '31'
        WHEN substr(value, 6, 2) <> '02' OR substr(value, 9, 2) < '29' THEN value IS NOT NULL OR NULL
        ELSE substr(value, 9, 2) = '29' AND substr(value, 1, 4)::int % 4 = 0
            AND (substr(value, 1, 4)::int % 100 <> 0 OR substr(value, 1, 4)::int % 400 = 0)
    END
    $$
    """,
    """
    -- Also at midnight: some have no day without a time.
    CREATE FUNCTION etl.is_date(value text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT value ~ '^.{10}([T ]00[:]00([:]00([.]0+)?)?)?$' AND etl.is_timestamp(value) $$
    """,
    # Of what `is_timestamp` holds of; without a zone it is UTC.
    r"""
    CREATE FUNCTION etl.as_timestamp(value text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
    $$
    SELECT CASE WHEN value ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' THEN value ELSE value || 'Z' END::timestamptz
    $$
    """,
    """
    CREATE TABLE raw.records (
        load_id bigint NOT NULL,
        ordinal bigint NOT NULL,
        source text NOT NULL,
        table_name text NOT NULL,
        operation text NOT NULL CHECK (operation IN ('upsert', 'delete')),
        key text NOT NULL,
        record jsonb NOT NULL,
        PRIMARY KEY (load_id, ordinal)
    )
    """,
    "CREATE INDEX records_key ON raw.records (source, table_name, key, load_id DESC, ordinal DESC)",
    # As Iceberg's JDBC catalogue wants them, in its version V1.
    """
    CREATE TABLE lake.iceberg_tables (
        catalog_name varchar(255) NOT NULL,
        table_namespace varchar(255) NOT NULL,
        table_name varchar(255) NOT NULL,
        metadata_location varchar(1000),
        previous_metadata_location varchar(1000),
        iceberg_type varchar(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name)
    )
    """,
    """
    CREATE TABLE lake.iceberg_namespace_properties (
        catalog_name varchar(255) NOT NULL,
        namespace varchar(255) NOT NULL,
        property_key varchar(255) NOT NULL,
        property_value varchar(1000),
        PRIMARY KEY (catalog_name, namespace, property_key)
    )
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
