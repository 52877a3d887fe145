"""Who may do what with the layers of the warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from psycopg import sql

from workloads.kit.contracts import tables
from workloads.kit.contracts.tables import Layer, LayerUse
from workloads.kit.db import Connection

_RIGHTS: Mapping[LayerUse, sql.SQL] = {
    "own": sql.SQL("ALL"),
    "read": sql.SQL("SELECT"),
    "write": sql.SQL("SELECT, INSERT, UPDATE, DELETE"),
}


def reconcile(connection: Connection, declared: Mapping[str, Mapping[Layer, LayerUse]]) -> None:
    """Give each role the declared rights on the tables that are there and those to come, and take every other
    from everybody, at once.

    Raises:
        ValueError: a layer has two owners.
    """
    with connection.transaction():
        for layer in tables.LAYERS:
            uses: dict[str, LayerUse] = {
                role: layers[layer] for role, layers in declared.items() if layer in layers
            }
            for statement in _statements(connection, layer, uses):
                connection.execute(statement)


def _statements(connection: Connection, layer: Layer, uses: Mapping[str, LayerUse]) -> Iterator[sql.Composed]:
    schema = sql.Identifier(layer)
    owners = [role for role, use in uses.items() if use == "own"]
    if len(owners) > 1:
        raise ValueError(f"layer {layer} is owned by {' and '.join(owners)}: leave one")
    for (grantee,) in connection.execute(
        "SELECT DISTINCT coalesce(g.rolname, 'PUBLIC') FROM pg_namespace n, aclexplode(n.nspacl) a"
        " LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE n.nspname = %s AND a.grantee <> n.nspowner",
        (layer,),
    ).fetchall():
        who = sql.SQL("PUBLIC") if grantee == "PUBLIC" else sql.Identifier(grantee)
        yield sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(schema, who)
        yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(schema, who)
    for owner in owners:
        role = sql.Identifier(owner)
        yield sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(schema, role)
        for (table,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tableowner <> %s", (layer, owner)
        ).fetchall():
            yield sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(layer, table), role)
    for role, use in uses.items():
        if use == "own":
            continue
        rights, who = _RIGHTS[use], sql.Identifier(role)
        yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, who)
        yield sql.SQL("GRANT {} ON ALL TABLES IN SCHEMA {} TO {}").format(rights, schema, who)
        for owner in owners:
            yield sql.SQL(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT {} ON TABLES TO {}"
            ).format(sql.Identifier(owner), schema, rights, who)
