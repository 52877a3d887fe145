"""Names of tables as queries write them."""

from __future__ import annotations

from workloads.kit.contracts import tables


def of(table: str) -> str:
    """A table of the platform's schema."""
    return f"{tables.SCHEMA}.{table}"
