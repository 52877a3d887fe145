"""Calls of third-party APIs: who asked for what, what came, how long it took and what it cost."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A batch that was written and not acknowledged is written again: its rows are known by `call_id`.
    """
    CREATE TABLE features.api_audit (
        call_id uuid PRIMARY KEY,
        at timestamptz NOT NULL,
        request_id text NOT NULL,
        caller text NOT NULL,
        provider text NOT NULL,
        route text NOT NULL,
        question text NOT NULL,
        attempt integer NOT NULL CHECK (attempt >= 1),
        outcome text NOT NULL,
        status integer,
        milliseconds double precision NOT NULL,
        cache text NOT NULL,
        cache_hit boolean NOT NULL,
        bytes bigint NOT NULL,
        cost_units integer NOT NULL
    )
    """,
    "CREATE INDEX api_audit_at ON features.api_audit USING brin (at)",
    "CREATE INDEX api_audit_provider_at ON features.api_audit (provider, at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop the audit of calls; restore a backup instead")
