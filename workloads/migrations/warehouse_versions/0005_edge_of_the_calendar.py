"""A time that a source's clock puts before the year 1 or after 9999, which no reader of the layers holds."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_LEAST, _MOST = "0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"

_STATEMENTS = (
    # As before, and of the first and the last day of the calendar.
    rf"""
    CREATE OR REPLACE FUNCTION etl.clock_fault(value text, zone text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE AS
    $$
    SELECT CASE
        WHEN zone = 'UTC' OR value ~ '(Z|[+-][0-9]{{2}}:?[0-9]{{2}})$' THEN NULL
        WHEN value ~ '^(0001-01-01|9999-12-31)'
            AND value::timestamp AT TIME ZONE zone NOT BETWEEN '{_LEAST}' AND '{_MOST}'
            THEN 'is of no year from 1 to 9999 in UTC, by the clock of ' || zone
        WHEN length(value) = 10 THEN NULL
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
    # A table that took such a time in is made anew of all that was loaded.
    f"""
    DO $$
    DECLARE
        one record;
        is_beyond boolean;
    BEGIN
        FOR one IN
            SELECT format('%I.%I', table_schema, table_name) AS name,
                string_agg(format('%I NOT BETWEEN %L AND %L', column_name, '{_LEAST}', '{_MOST}'), ' OR ')
                    AS condition
            FROM information_schema.columns
            WHERE table_schema = 'cleaned' AND data_type = 'timestamp with time zone'
            GROUP BY 1
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %s)', one.name, one.condition) INTO is_beyond;
            IF is_beyond THEN
                EXECUTE 'DROP TABLE ' || one.name || ' CASCADE';
            END IF;
        END LOOP;
    END
    $$
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
