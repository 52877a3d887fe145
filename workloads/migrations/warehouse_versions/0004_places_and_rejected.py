"""How far a log was read where it had nothing new, and what of a comparison is rows that cannot be loaded."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # `placed_load` is the load after which the place counts: the next one says itself how far it read.
    op.execute("ALTER TABLE etl.sources ADD COLUMN place text, ADD COLUMN placed_load bigint")
    # Of the source's figure: rows without a usable key, or too long. They are no difference.
    op.execute("ALTER TABLE etl.reconciliation ADD COLUMN rejected numeric NOT NULL DEFAULT 0")
