"""What each tenant gets of the data, brought to what is declared: data-api and row security read it."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from psycopg import sql

from workloads.kit.contracts import tables
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.db import Connection

_log = structlog.get_logger(__name__)


def reconcile(connection: Connection, declared: Mapping[str, Entitlement]) -> None:
    """Make the table what is declared, all at once: a tenant that is not named has nothing from then on.

    Args:
        connection: an administrator's, to the database of the feature store.
        declared: by tenant.
    """
    table = sql.Identifier(tables.SCHEMA, tables.ENTITLEMENTS)
    columns = ("tenant_id", *Entitlement.model_fields)
    changed = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in columns[1:]
    )
    upsert = sql.SQL(
        "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT (tenant_id) DO UPDATE SET {changed}"
    ).format(
        table=table,
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(map(sql.Placeholder, columns)),
        changed=changed,
    )
    with connection.transaction():
        gone = connection.execute(
            sql.SQL("DELETE FROM {} WHERE NOT tenant_id = ANY(%s) RETURNING tenant_id").format(table),
            (list(declared),),
        ).fetchall()
        for tenant, entitlement in declared.items():
            row = {**entitlement.model_dump(), "tenant_id": tenant}
            lists = {name: list(value) for name, value in row.items() if isinstance(value, tuple)}
            connection.execute(upsert, row | lists)
    for (tenant,) in gone:
        _log.info("entitlement_taken", tenant=tenant)
