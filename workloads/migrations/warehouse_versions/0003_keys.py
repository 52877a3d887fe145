"""One row, one key: parts as texts, without spaces around them and without a midnight behind a day.

A key was made of values as each file or driver gave them, so that one row had several. Rows keep all else.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    r"""
    CREATE FUNCTION pg_temp.part(value text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$
    SELECT CASE
        WHEN btrim(value) ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]00[:]00([:]00([.]0+)?)?$'
            THEN left(btrim(value), 10)
        ELSE btrim(value)
    END
    $$
    """,
    r"""
    CREATE FUNCTION pg_temp.key_of(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$
    BEGIN
        IF value !~ '^\[.*\]$' THEN
            RETURN pg_temp.part(value);
        END IF;
        RETURN (
            SELECT '[' || string_agg(to_json(pg_temp.part(one))::text, ',' ORDER BY place) || ']'
            FROM jsonb_array_elements_text(value::jsonb) WITH ORDINALITY AS parts (one, place)
        );
    EXCEPTION WHEN invalid_text_representation THEN
        -- A text that only looks like a list.
        RETURN pg_temp.part(value);
    END
    $$
    """,
    # The layers that follow are made anew of all that was loaded, where a key of it changed.
    """
    DO $$
    DECLARE
        changed bigint;
        one text;
    BEGIN
        UPDATE raw.records SET key = pg_temp.key_of(key) WHERE key <> pg_temp.key_of(key);
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed > 0 THEN
            FOR one IN
                SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'cleaned'
            LOOP
                EXECUTE 'DROP TABLE ' || one || ' CASCADE';
            END LOOP;
        END IF;
    END
    $$
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
