"""What consumers keep of their series, so that a restart reads only the end of the topic (decision 0029).

A series' row is written anew whenever it is kept, and its bytes are packed already: PostgreSQL need not try.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE features.consumer_offsets (
        consumer_group text NOT NULL,
        topic_partition integer NOT NULL,
        next_offset bigint NOT NULL CHECK (next_offset >= 0),
        layout text NOT NULL,
        series integer NOT NULL CHECK (series >= 0),
        PRIMARY KEY (consumer_group, topic_partition)
    )
    """,
    """
    CREATE TABLE features.consumer_series (
        consumer_group text NOT NULL,
        topic_partition integer NOT NULL,
        symbol text NOT NULL,
        resolution text NOT NULL,
        currency text NOT NULL,
        unit text NOT NULL,
        sessions bytea NOT NULL,
        PRIMARY KEY (consumer_group, topic_partition, symbol, resolution, currency, unit)
    )
    """,
    "ALTER TABLE features.consumer_series ALTER COLUMN sessions SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("consumer_series", "consumer_offsets"):
        op.execute(f"DROP TABLE features.{table}")
