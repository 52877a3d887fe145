"""How a legacy source writes numbers and times: decimal commas, days first, and a clock of its own."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # 1.234,50 as 1234.50; what is not written so is said to be none, never read with a dot.
    r"""
    CREATE FUNCTION etl.of_comma(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$
    SELECT CASE
        WHEN value ~ '^[+-]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+)(,[0-9]+)?$'
            THEN replace(replace(value, '.', ''), ',', '.')
        ELSE value || ' beside decimal commas'
    END
    $$
    """,
    # 31.12.2026 07:15 as 2026-12-31 07:15; what is written otherwise stays.
    r"""
    CREATE FUNCTION etl.of_day_first(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$
    SELECT coalesce(
        (SELECT m[4] || '-' || lpad(m[3], 2, '0') || '-' || lpad(m[1], 2, '0') || m[5]
            FROM regexp_match(value, '^([0-9]{1,2})([./])([0-9]{1,2})\2([0-9]{4})($|[T ].*)') m),
        value)
    $$
    """,
    # Why a time that names no zone is none of this clock, or nothing; of what `is_timestamp` holds of.
    # Clocks are set by half an hour to two hours; where none is set within a day, all is well.
    r"""
    CREATE FUNCTION etl.clock_fault(value text, zone text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
    $$
    SELECT CASE
        WHEN zone = 'UTC' OR value ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' OR length(value) = 10 THEN NULL
        WHEN (value::timestamp AT TIME ZONE zone - interval '1 day') AT TIME ZONE zone + interval '2 days'
            = (value::timestamp AT TIME ZONE zone + interval '1 day') AT TIME ZONE zone THEN NULL
        WHEN (value::timestamp AT TIME ZONE zone) AT TIME ZONE zone <> value::timestamp
            THEN 'is skipped by the clock of ' || zone
        WHEN EXISTS (
            SELECT FROM unnest(ARRAY['-2 h', '-1 h', '-30 min', '30 min', '1 h', '2 h']::interval[]) shift
            WHERE ((value::timestamp AT TIME ZONE zone) + shift) AT TIME ZONE zone = value::timestamp
        ) THEN 'is there twice on the clock of ' || zone || ': the source has to give an offset'
    END
    $$
    """,
    r"""
    CREATE FUNCTION etl.as_timestamp(value text, zone text) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE AS
    $$
    SELECT CASE
        WHEN value ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' THEN value::timestamptz
        ELSE value::timestamp AT TIME ZONE zone
    END
    $$
    """,
    "DROP FUNCTION etl.as_timestamp(text)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
