"""Tenants: the names that belong to one, and the tables whose rows each belong to one.

`workloads/migrations` makes roles, schemas and row security; infra makes namespaces, topics and rights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workloads.kit.contracts.tables import Right

SCHEMA: Final = "tenants"
"""Schema of the tables that all tenants share: row security shows each its own rows."""

TENANT_ID: Final = "tenant_id"
"""First column of each of them and of each of their indexes: the tenant's name."""

WATCHLISTS: Final = "watchlists"  # the symbols that a tenant follows
USAGE: Final = "usage"  # what a tenant used of a product, for showback; the platform writes it

GRANTS: Final[Mapping[str, tuple[Right, ...]]] = {
    WATCHLISTS: ("SELECT", "INSERT", "UPDATE", "DELETE"),
    USAGE: ("SELECT",),
}
"""table -> rights of a tenant's role, on its own rows, within `SCHEMA`."""

CONNECTIONS: Final = 10
"""Connections that a tenant's role may hold, so that none can take them all."""

_PREFIX: Final = "tenant_"


def role(tenant: str) -> str:
    """Database role of a tenant, and the schema in which its role may make tables of its own."""
    return _PREFIX + tenant.replace("-", "_")


def is_role(name: str) -> bool:
    """Whether a database role is a tenant's."""
    return name.startswith(_PREFIX)


def prefix(tenant: str) -> str:
    """Start of the names of a tenant's topics, consumer groups and transactional ids.

    It ends with a dot, which no tenant's name has: no tenant's prefix starts another's. `tenant.` sets
    them apart from the platform's own, such as a topic's dead letters.
    """
    return f"tenant.{tenant}."
