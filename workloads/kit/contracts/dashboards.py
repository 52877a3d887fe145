"""What Superset and who shows its dashboards within other pages agree on."""

from __future__ import annotations

import uuid
from typing import Final

_NAMESPACE: Final = uuid.UUID("5f0d1f0a-6a3e-4d61-9d0b-6d1a3c1f7b52")

TENANT: Final = "tenant"
"""Column of each dataset of tenants' rows that says whose a row is."""

GUEST_AUDIENCE: Final = "superset"
GUEST_ALGORITHM: Final = "HS256"
GUEST_SECONDS: Final = 300
"""Whom a guest's token is for, how it is signed, and how long it holds."""


def identity(kind: str, name: str) -> str:
    """The UUID of a named thing: always the same, so that an import finds what an earlier one made."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def slug_of(tenant: str) -> str:
    """Name of a tenant's own dashboard within its address."""
    return f"tenant-{tenant}"


def rows_of(tenant: str) -> str:
    """Condition on a tenant's rows."""
    quoted = tenant.replace("'", "''")
    return f"{TENANT} = '{quoted}'"
