"""Dashboards as code: what each shows, from which rows, and how it is laid out."""

from __future__ import annotations

from collections.abc import Sequence

from workloads.superset.dashboards import customers, platform, prices, tenants, warehouse
from workloads.superset.dashboards.model import Dashboard

SHARED: tuple[Dashboard, ...] = (
    *customers.DASHBOARDS,
    *prices.DASHBOARDS,
    *platform.DASHBOARDS,
    *warehouse.DASHBOARDS,
)
"""Those that all analysts see."""


def defined(names: Sequence[str] = ()) -> list[Dashboard]:
    """All of a stack.

    Args:
        names: of its tenants, each of which gets one of its own.
    """
    return [*SHARED, *map(tenants.dashboard, names)]
