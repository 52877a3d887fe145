"""Tables whose rows each belong to one tenant.

Row security is forced, so that it binds the tables' owner too, and with no policy it shows nothing:
`workloads.migrations.tenants` makes a policy for each tenant that is declared.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("watchlists", "usage")

_STATEMENTS = (
    "CREATE SCHEMA tenants",
    """
    CREATE TABLE tenants.watchlists (
        tenant_id text NOT NULL,
        name text NOT NULL,
        symbol text NOT NULL,
        added_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, name, symbol)
    )
    """,
    """
    CREATE TABLE tenants.usage (
        tenant_id text NOT NULL,
        product text NOT NULL,
        hour timestamptz NOT NULL CHECK (hour = date_trunc('hour', hour, 'UTC')),
        unit text NOT NULL,
        quantity double precision NOT NULL CHECK (quantity >= 0),
        PRIMARY KEY (tenant_id, product, hour, unit)
    )
    """,
    *(
        f"ALTER TABLE tenants.{table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        for table in _TABLES
    ),
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop the tenants' rows; restore a backup instead")
