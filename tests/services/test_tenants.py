"""Tenants in the database: each has its own rows and its own schema, and no way to another's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.services.clients import MigratedDatabase
from tests.services.servers import Postgres
from workloads.kit.contracts import tables, tenants
from workloads.kit.contracts.platform import ROLES
from workloads.migrations import database as migrations
from workloads.migrations.settings import DatabaseSettings

ONE, TWO = "pilot-one", "pilot-two"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of its own: its roles are the server's, not a database's."""
    server = Postgres(tmp_path_factory.mktemp("tenants"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("secrets")
    for role in (*ROLES, tenants.role(ONE), tenants.role(TWO)):
        (directory / role).write_text(secrets.token_urlsafe(16))
    return directory


@pytest.fixture
def database(server: Postgres, passwords: Path) -> MigratedDatabase:
    """The database with both tenants, without rows of theirs."""
    _upgrade(server, passwords, ONE, TWO)
    made = MigratedDatabase(server, passwords, tables.DATABASE)
    with made.admin() as connection:
        connection.execute("TRUNCATE tenants.watchlists, tenants.usage")
    return made


def _upgrade(server: Postgres, passwords: Path, *declared: str) -> None:
    migrations.upgrade(
        DatabaseSettings(
            postgres_host="127.0.0.1",
            postgres_port=server.port,
            postgres_user="postgres",
            postgres_password_file=server.password_file,
            secrets_dir=passwords,
            tenants=list(declared),
        )
    )


def _as(database: MigratedDatabase, tenant: str) -> psycopg.Connection[tuple[object, ...]]:
    """A session as the tenant has it: its own search path, not the platform's."""
    settings = database.settings(tenants.role(tenant))
    assert settings.postgres_password_file is not None
    return psycopg.connect(
        host=settings.postgres_host,
        port=settings.postgres_port,
        dbname=settings.postgres_database,
        user=settings.postgres_user,
        password=settings.postgres_password_file.read_text(),
        autocommit=True,
    )


def _follow(connection: psycopg.Connection[tuple[object, ...]], tenant: str, symbol: str) -> None:
    connection.execute(
        "INSERT INTO watchlists (tenant_id, name, symbol) VALUES (%s, 'mine', %s)", (tenant, symbol)
    )


def test_a_tenant_sees_its_own_rows_and_no_other(database: MigratedDatabase) -> None:
    with _as(database, ONE) as one, _as(database, TWO) as two:
        _follow(one, ONE, "WTI")
        _follow(two, TWO, "BRENT")
        assert one.execute("SELECT tenant_id, symbol FROM watchlists").fetchall() == [(ONE, "WTI")]
        assert two.execute("SELECT tenant_id, symbol FROM watchlists").fetchall() == [(TWO, "BRENT")]
        assert two.execute("SELECT count(*) FROM watchlists WHERE tenant_id = %s", (ONE,)).fetchone() == (0,)


def test_a_tenant_writes_its_own_rows_and_no_other(database: MigratedDatabase) -> None:
    with _as(database, ONE) as one, _as(database, TWO) as two:
        _follow(one, ONE, "WTI")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            _follow(two, ONE, "GOLD")
        _follow(two, TWO, "BRENT")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            two.execute("UPDATE watchlists SET tenant_id = %s", (ONE,))
        assert two.execute("UPDATE watchlists SET symbol = 'X' WHERE symbol = 'WTI'").rowcount == 0
        assert two.execute("DELETE FROM watchlists WHERE tenant_id = %s", (ONE,)).rowcount == 0
        assert one.execute("SELECT symbol FROM watchlists").fetchall() == [("WTI",)]


def test_a_tenant_cannot_put_row_security_aside(database: MigratedDatabase) -> None:
    with _as(database, ONE) as one, _as(database, TWO) as two:
        _follow(one, ONE, "WTI")
        two.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            two.execute("SELECT * FROM watchlists")
        for forbidden in (
            "ALTER TABLE tenants.watchlists DISABLE ROW LEVEL SECURITY",
            "CREATE POLICY mine ON tenants.watchlists USING (true)",
            f"SET ROLE {tenants.role(ONE)}",
            "SET ROLE postgres",
            f"ALTER ROLE {tenants.role(TWO)} BYPASSRLS",
            "TRUNCATE tenants.watchlists",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                two.execute(forbidden.encode())


def test_usage_is_the_platforms_to_write(database: MigratedDatabase) -> None:
    row = "INSERT INTO tenants.usage VALUES (%s, 'api', '2026-01-01 10:00Z', 'request', 5)"
    with database.admin() as admin:
        admin.execute(row, (ONE,))
        admin.execute(row, (TWO,))
    with _as(database, ONE) as one:
        assert one.execute("SELECT tenant_id, quantity FROM usage").fetchall() == [(ONE, 5.0)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            one.execute(row, (ONE,))


def test_a_tenant_makes_tables_in_its_own_schema_that_no_other_can_read(database: MigratedDatabase) -> None:
    with _as(database, ONE) as one, _as(database, TWO) as two:
        one.execute("CREATE TABLE notes (text text)")
        one.execute("INSERT INTO notes VALUES ('ours')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema tenant_pilot_one"):
            two.execute("SELECT * FROM tenant_pilot_one.notes")
        one.execute("GRANT SELECT ON notes TO tenant_pilot_two")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema tenant_pilot_one"):
            two.execute("SELECT * FROM tenant_pilot_one.notes")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema tenant_pilot_one"):
            two.execute("CREATE TABLE tenant_pilot_one.mine ()")
        one.execute("DROP TABLE notes")


def test_a_tenant_reads_nothing_of_the_platform(database: MigratedDatabase) -> None:
    with _as(database, ONE) as one:
        for table in (tables.COMMODITY_PRICES_DAILY, tables.ML_PREDICTIONS, tables.JOB_RUNS):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema features"):
                one.execute(f"SELECT * FROM features.{table}".encode())
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(
            host="127.0.0.1",
            port=database.server.port,
            dbname=tables.MLFLOW_DATABASE,
            user=tenants.role(ONE),
            password=(database.secrets_dir / tenants.role(ONE)).read_text(),
        )


def test_every_shared_table_is_bound_for_its_owner_too_and_indexed_by_tenant(
    database: MigratedDatabase,
) -> None:
    bound = database.query(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'tenants'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname"
    )
    assert bound == [(table, True, True) for table in sorted(tenants.GRANTS)]
    indexed = database.query(
        "SELECT i.indrelid::regclass::text, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE c.relnamespace = 'tenants'::regnamespace"
    )
    assert len(indexed) >= len(tenants.GRANTS)
    assert {column for _, column in indexed} == {tenants.TENANT_ID}


def test_a_tenants_role_has_no_way_up(database: MigratedDatabase) -> None:
    rows = database.query(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolconnlimit"
        " FROM pg_roles WHERE rolname LIKE 'tenant\\_%%' ORDER BY 1",
    )
    limit = tenants.CONNECTIONS
    assert rows == [(tenants.role(t), False, False, False, False, False, limit) for t in (ONE, TWO)]
    assert database.query(
        "SELECT count(*) FROM pg_auth_members WHERE member IN"
        " (SELECT oid FROM pg_roles WHERE rolname LIKE 'tenant\\_%%')"
    ) == [(0,)]
    owned = database.query(
        "SELECT nspname, nspowner::regrole::text FROM pg_namespace WHERE nspname LIKE 'tenant%%' ORDER BY 1"
    )
    assert owned == [(name, "postgres") for name in (tenants.role(ONE), tenants.role(TWO), tenants.SCHEMA)]


def test_a_tenant_that_is_no_longer_declared_is_locked_out_and_keeps_its_rows(
    database: MigratedDatabase, server: Postgres, passwords: Path
) -> None:
    with _as(database, ONE) as one:
        _follow(one, ONE, "WTI")
    _upgrade(server, passwords, TWO)
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        _as(database, ONE)
    with _as(database, TWO) as two:
        assert two.execute("SELECT * FROM watchlists").fetchall() == []
    _upgrade(server, passwords, ONE, TWO)
    with _as(database, ONE) as one:
        assert one.execute("SELECT symbol FROM watchlists").fetchall() == [("WTI",)]


def test_what_somebody_gave_by_hand_is_taken_away(
    database: MigratedDatabase, server: Postgres, passwords: Path
) -> None:
    with database.admin() as admin:
        admin.execute("GRANT INSERT ON tenants.usage TO tenant_pilot_one")
        admin.execute("CREATE POLICY everything ON tenants.watchlists TO tenant_pilot_one USING (true)")
        _follow_as_admin = "INSERT INTO tenants.watchlists VALUES (%s, 'mine', 'WTI')"
        admin.execute(_follow_as_admin, (TWO,))
    with _as(database, ONE) as one:
        assert one.execute("SELECT tenant_id FROM watchlists").fetchall() == [(TWO,)]
    _upgrade(server, passwords, ONE, TWO)
    with _as(database, ONE) as one:
        assert one.execute("SELECT tenant_id FROM watchlists").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            one.execute("INSERT INTO tenants.usage VALUES ('pilot-one', 'api', now(), 'request', 1)")


def test_a_tenant_without_a_password_is_named_before_anything_is_changed(
    database: MigratedDatabase, server: Postgres, passwords: Path
) -> None:
    with pytest.raises(migrations.MissingSecret, match="tenant_pilot_three"):
        _upgrade(server, passwords, ONE, TWO, "pilot-three")
    assert database.query("SELECT count(*) FROM pg_roles WHERE rolname = 'tenant_pilot_three'") == [(0,)]
