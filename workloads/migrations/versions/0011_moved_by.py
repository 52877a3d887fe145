"""What moved a forecast of a delivery day: by group of inputs, in prices."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null of a forecast of the next session, and of those made before.
    op.execute("ALTER TABLE features.ml_predictions ADD COLUMN moved_by jsonb")


def downgrade() -> None:
    raise NotImplementedError("going back would drop what moved forecasts; restore a backup instead")
