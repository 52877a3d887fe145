"""Databases, versions, roles and grants, brought to what is declared; safe to run twice at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from psycopg import sql

from workloads.kit import db
from workloads.kit.contracts import tables
from workloads.kit.contracts import tenants as tenancy
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.migrations import PARTITIONS
from workloads.kit.contracts.declared.services import MLFLOW
from workloads.kit.contracts.declared.superset import SUPERSET
from workloads.kit.contracts.platform import GRANTS, LAYERS, METRICS_GRANTS, ROLES
from workloads.kit.db import Connection
from workloads.kit.records import Transient
from workloads.kit.settings import PostgresSettings
from workloads.migrations import entitlements, layers, months, records, tenants
from workloads.migrations.settings import DatabaseSettings

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_LOCK = 7_301_947_312
"""Advisory lock of this job, held in the maintenance database."""

_OWNED = {
    tables.KEYCLOAK_DATABASE: KEYCLOAK.role or "",
    tables.MLFLOW_DATABASE: MLFLOW.role or "",
    tables.SUPERSET_DATABASE: SUPERSET.role or "",
}
"""Databases of other projects' programs, whose tables these make themselves → role that owns it."""

_PLAIN_LOGIN = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


class MissingSecret(Exception):
    """A role's password file is not there or is empty."""


def upgrade(settings: DatabaseSettings) -> None:
    """Make databases, tables, roles, grants and tenants what the contracts and the versions say.

    Raises:
        MissingSecret: before anything is changed.
        Transient: no server within `database_wait_seconds`.
    """
    there = settings.roles
    owned = {name: role for name, role in _OWNED.items() if role in there}
    wanted = (*sorted(there), *map(tenancy.role, settings.tenants))
    passwords = {role: _password(settings.secrets_dir / role) for role in wanted}
    with _alone(settings) as maintenance:
        roles(maintenance, passwords)
        for name in (
            settings.postgres_database,
            tables.METRICS_DATABASE,
            tables.WAREHOUSE_DATABASE,
            *owned,
        ):
            _create_database(maintenance, name)
        for name, role in owned.items():
            _own(maintenance, name, role)
        migrate(settings)
        with _administrator(settings, settings.postgres_database) as carbon:
            _months(carbon, settings)
            grants(carbon, _of(there, GRANTS))
            tenants.reconcile(carbon, settings.tenants)
            entitlements.reconcile(carbon, settings.entitlements)
        of_metrics = settings.model_copy(update={"postgres_database": tables.METRICS_DATABASE})
        migrate(of_metrics, versions="metrics_versions")
        with _administrator(settings, tables.METRICS_DATABASE) as metrics:
            grants(metrics, _of(there, METRICS_GRANTS))
        of_warehouse = settings.model_copy(update={"postgres_database": tables.WAREHOUSE_DATABASE})
        migrate(of_warehouse, versions="warehouse_versions")
        with _administrator(settings, tables.WAREHOUSE_DATABASE) as warehouse:
            declared = _of(there, LAYERS)
            layers.reconcile(warehouse, declared)
            _connectable(warehouse, tables.WAREHOUSE_DATABASE, declared)
    _log.info("database_ready", database=settings.postgres_database)


def keep_partitions(settings: DatabaseSettings) -> None:
    """Make the months of the partitioned tables ahead of time and drop those that are not kept; recorded in
    `job_runs`.

    Raises:
        Transient: no server within `database_wait_seconds`, or a table that somebody does not let go of.
    """
    job, now = PARTITIONS.name, datetime.now(UTC)
    with _alone(settings), _administrator(settings, settings.postgres_database) as carbon:
        with db.job_run(carbon, job, f"{job}-{now:%Y-%m-%d}") as detail:
            kept = settings.keep_months
            detail["changes"] = [
                *_months(carbon, settings),
                *months.drop(carbon, kept, now=now),
                *records.drop(carbon, kept, now=now),
            ]
        _log.info("partitions_ready", **detail)


def _months(carbon: Connection, settings: DatabaseSettings) -> list[str]:
    return months.make(
        carbon,
        ahead=settings.partition_months_ahead,
        back=settings.partition_months_back,
        keep=settings.keep_months,
        now=datetime.now(UTC),
    )


def _of(there: Collection[str], declared: Mapping[str, T]) -> dict[str, T]:
    """What is declared of the roles that the stack has."""
    return {role: rights for role, rights in declared.items() if role in there}


def roles(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Create the login roles that are missing and set every password, as a SCRAM verifier."""
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role, password in passwords.items():
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        statement = "ALTER ROLE {role}" if role in known else "CREATE ROLE {role}"
        connection.execute(
            sql.SQL(f"{statement} {_PLAIN_LOGIN} PASSWORD {{password}}").format(
                role=sql.Identifier(role), password=sql.Literal(verifier.decode())
            )
        )
        if role not in known:
            _log.info("role_created", role=role)


def grants(connection: Connection, declared: Mapping[str, Mapping[str, tuple[tables.Right, ...]]]) -> None:
    """Give each role the declared rights and take every other from everybody but the owner, at once."""
    schema = sql.Identifier(tables.SCHEMA)
    with connection.transaction():
        found = connection.execute(
            "SELECT DISTINCT grantee, table_name FROM information_schema.role_table_grants"
            " WHERE table_schema = %s AND grantee <> current_user",
            (tables.SCHEMA,),
        ).fetchall()
        for grantee, table in found:
            connection.execute(
                sql.SQL("REVOKE ALL ON {table} FROM {role}").format(
                    table=sql.Identifier(tables.SCHEMA, table), role=_grantee(grantee)
                )
            )
        connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC").format(schema=schema))
        for role, rights in declared.items():
            connection.execute(
                sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {role}").format(
                    schema=schema, role=sql.Identifier(role)
                )
            )
            for table, allowed in rights.items():
                connection.execute(
                    sql.SQL("GRANT {rights} ON {table} TO {role}").format(
                        rights=sql.SQL(", ").join(map(sql.SQL, allowed)),
                        table=sql.Identifier(tables.SCHEMA, table),
                        role=sql.Identifier(role),
                    )
                )
        (database,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        _connectable(connection, database, declared)


def _grantee(name: str) -> sql.Composable:
    return sql.SQL("PUBLIC") if name == "PUBLIC" else sql.Identifier(name)


def _connectable(connection: Connection, database: str, allowed: Mapping[str, Any]) -> None:
    name = sql.Identifier(database)
    _queryless(connection)
    known = [one for (one,) in connection.execute("SELECT rolname FROM pg_roles") if one in ROLES]
    for role in ("PUBLIC", *known):
        connection.execute(
            sql.SQL("REVOKE ALL ON DATABASE {name} FROM {role}").format(name=name, role=_grantee(role))
        )
    for role in allowed:
        # TEMPORARY: upserts are staged in a temporary table.
        connection.execute(
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {role}").format(
                name=name, role=sql.Identifier(role)
            )
        )


def _queryless(connection: Connection) -> None:
    """Take from everybody the functions that run a query which is given to them as text: within an expression
    they see rows that a condition around it leaves out. Nothing here calls one. Where the owner of the
    platform's databases is no superuser, the server says so and goes on."""
    for (function,) in connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
        " AND proname ~ '_to_xml(schema)?$|_xmlschema$|^ts_stat$|^ts_rewrite$'"
    ).fetchall():
        connection.execute(
            sql.SQL("REVOKE EXECUTE ON FUNCTION {one} FROM PUBLIC").format(one=sql.SQL(function))
        )


def _own(connection: Connection, database: str, owner: str) -> None:
    name, role = sql.Identifier(database), sql.Identifier(owner)
    connection.execute(sql.SQL("ALTER DATABASE {name} OWNER TO {role}").format(name=name, role=role))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(name=name))


def _create_database(connection: Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE DATABASE {name}").format(name=sql.Identifier(name)))
        _log.info("database_created", database=name)


def migrate(settings: PostgresSettings, version: str = "head", *, versions: str = "versions") -> None:
    """Bring the database's tables to a version.

    Args:
        versions: folder here that has them.
    """
    here, config = Path(__file__).parent, Config()
    config.set_main_option("script_location", str(here))
    config.set_main_option("version_locations", str(here / versions))
    config.set_main_option("path_separator", "os")
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: db.connect(settings, application_name="migrations"),
        poolclass=sqlalchemy.NullPool,
    )
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA IF NOT EXISTS {tables.SCHEMA}"))
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.commit()


def _password(file: Path) -> str:
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise MissingSecret(
            f"{file}: the password of role {file.name} cannot be read ({error.strerror}): mount it there"
        ) from error
    if not password:
        raise MissingSecret(f"{file}: the password of role {file.name} is empty: put one there")
    return password


@contextmanager
def _alone(settings: DatabaseSettings) -> Generator[Connection]:
    """The administrator's connection to the maintenance database; one at a time has it."""
    with _administrator(settings, settings.postgres_maintenance_database) as maintenance:
        maintenance.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        yield maintenance


@contextmanager
def _administrator(settings: DatabaseSettings, database: str) -> Generator[Connection]:
    at = settings.model_copy(update={"postgres_database": database})
    deadline = time.monotonic() + settings.database_wait_seconds
    while True:
        try:
            connection = db.connect(at, application_name="migrations", autocommit=True)
            break
        except Transient as failure:
            if time.monotonic() > deadline:
                raise
            _log.info("waiting_for_database", error=str(failure))
            time.sleep(0.5)
    with connection:
        yield connection
