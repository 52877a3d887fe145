"""Each tenant's role, schema, rights and row security, brought to what is declared.

A tenant's role owns nothing that it did not make, has no BYPASSRLS, and may use its own schema and, of the
shared tables, its own rows. The role of a tenant that is no longer declared may not log in; nothing that it
has is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from psycopg import sql

from workloads.kit.contracts import tenants
from workloads.kit.db import Connection

_log = structlog.get_logger(__name__)


def reconcile(connection: Connection, declared: Sequence[str]) -> None:
    """Give each tenant what is its own and take everything else; the roles exist. All or nothing.

    Args:
        connection: an administrator's, to the database of the tenants' tables.
        declared: names of all tenants.
    """
    with connection.transaction():
        _close(connection)
        for tenant in declared:
            _open(connection, tenant)
        _lock_out(connection, [tenants.role(tenant) for tenant in declared])


def _close(connection: Connection) -> None:
    schema, database = sql.Identifier(tenants.SCHEMA), _database(connection)
    for who in (sql.SQL("PUBLIC"), *map(sql.Identifier, _roles(connection))):
        for statement in (
            "REVOKE ALL ON DATABASE {database} FROM {who}",
            "REVOKE ALL ON SCHEMA {schema} FROM {who}",
            "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {who}",
        ):
            connection.execute(sql.SQL(statement).format(database=database, schema=schema, who=who))
    policies = connection.execute(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = %s", (tenants.SCHEMA,)
    ).fetchall()
    for table, policy in policies:
        connection.execute(
            sql.SQL("DROP POLICY {policy} ON {table}").format(
                policy=sql.Identifier(policy), table=sql.Identifier(tenants.SCHEMA, table)
            )
        )


def _open(connection: Connection, tenant: str) -> None:
    role = sql.Identifier(tenants.role(tenant))
    parts = {
        "role": role,
        "shared": sql.Identifier(tenants.SCHEMA),
        "database": _database(connection),
        "limit": sql.Literal(tenants.CONNECTIONS),
    }
    for statement in (
        "ALTER ROLE {role} CONNECTION LIMIT {limit}",
        "ALTER ROLE {role} SET search_path = {role}, {shared}",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        # Not its owner: an owner could give the schema away, or open it to others.
        "CREATE SCHEMA IF NOT EXISTS {role}",
        "GRANT USAGE, CREATE ON SCHEMA {role} TO {role}",
        "GRANT USAGE ON SCHEMA {shared} TO {role}",
    ):
        connection.execute(sql.SQL(statement).format(**parts))
    for table, rights in tenants.GRANTS.items():
        where = sql.SQL("{column} = {tenant}").format(
            column=sql.Identifier(tenants.TENANT_ID), tenant=sql.Literal(tenant)
        )
        target = sql.Identifier(tenants.SCHEMA, table)
        connection.execute(
            sql.SQL("GRANT {rights} ON {table} TO {role}").format(
                rights=sql.SQL(", ").join(map(sql.SQL, rights)), table=target, role=role
            )
        )
        connection.execute(
            sql.SQL("CREATE POLICY {role} ON {table} TO {role} USING ({where}) WITH CHECK ({where})").format(
                role=role, table=target, where=where
            )
        )


def _lock_out(connection: Connection, declared: Sequence[str]) -> None:
    for name in _roles(connection):
        if name not in declared:
            connection.execute(sql.SQL("ALTER ROLE {role} NOLOGIN").format(role=sql.Identifier(name)))
            _log.info("tenant_locked_out", role=name)


def _database(connection: Connection) -> sql.Identifier:
    (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    return sql.Identifier(name)


def _roles(connection: Connection) -> list[str]:
    found = connection.execute("SELECT rolname FROM pg_roles ORDER BY rolname").fetchall()
    return [name for (name,) in found if tenants.is_role(name)]
