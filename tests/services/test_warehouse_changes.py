"""warehouse-etl over the log of a real MariaDB, read by Kafka Connect and Debezium."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.legacy import Warehouse, execute
from tools.embedded.connect import Connect
from tools.embedded.mariadb import MariaDb
from workloads.kit.contracts import tables, topics

pytestmark = pytest.mark.thorough

_COLUMNS = """id varchar(20) NOT NULL PRIMARY KEY, name varchar(100) NOT NULL, country char(2),
    email varchar(100), phone varchar(40), credit_limit decimal(18, 2), currency char(3) NOT NULL,
    updated_at datetime(6) NOT NULL"""


@pytest.fixture
def crm(mariadb: MariaDb) -> MariaDb:
    """With three counterparties, and a reader who may read the log."""
    execute(
        mariadb,
        "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO reader@'127.0.0.1'",
        "DROP TABLE IF EXISTS counterparties, others, kinds",
        f"CREATE TABLE counterparties ({_COLUMNS})",
        "CREATE TABLE others (id int PRIMARY KEY)",
        *(
            f"INSERT INTO counterparties VALUES {_row(key, name)}"
            for key, name in (("c1", "Nordwind"), ("c2", "Ostkraft"), ("c3", "Sud"))
        ),
    )
    return mariadb


def _row(key: str, name: str, limit: str = "1.50") -> str:
    return f"('{key}', '{name}', 'DE', 'a@{name.lower()}.example', NULL, {limit}, 'EUR', '2026-01-01 08:00')"


@pytest.fixture
def logged(etl: Warehouse, connect: Connect, crm: MariaDb) -> Warehouse:
    etl.logs(connect.url)
    etl.sources = [_of_crm(crm)]
    return etl


def _of_crm(server: MariaDb, **more: Any) -> dict[str, Any]:
    table: dict[str, Any] = {"key": ["id"], "changes": "log", **more}
    return {
        "name": "crm", "kind": "mysql", "host": "127.0.0.1", "port": server.port, "database": server.database,
        "user": "reader", "password_file": str(server.password_file), "tables": {"counterparties": table},
    }  # fmt: skip


def _raw(etl: Warehouse, table: str = "counterparties") -> list[tuple[Any, ...]]:
    return etl.query(
        "SELECT load_id, operation, key, record ->> 'name' FROM raw.records WHERE table_name = %s"
        " ORDER BY load_id, ordinal",
        (table,),
    )


def test_each_change_comes_in_its_order_and_a_delete_is_seen_at_once(logged: Warehouse, crm: MariaDb) -> None:
    first = logged.run("2026-03-01T06:00Z")
    assert (first["rows"], first["failed"]) == (3, {})
    execute(
        crm,
        "UPDATE counterparties SET name = 'Between' WHERE id = 'c1'",
        "UPDATE counterparties SET name = 'Last' WHERE id = 'c1'",
        "DELETE FROM counterparties WHERE id = 'c2'",
        "UPDATE counterparties SET id = 'c9' WHERE id = 'c3'",
        f"INSERT INTO counterparties VALUES {_row('c4', 'New')}",
        "INSERT INTO others VALUES (1)",
    )
    done = logged.run("2026-03-01T12:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (4, 2, {})
    assert [row[1:] for row in _raw(logged)[3:]] == [
        ("upsert", "c1", "Between"),
        ("upsert", "c1", "Last"),
        ("delete", "c2", None),
        ("delete", "c3", None),
        ("upsert", "c9", "Sud"),
        ("upsert", "c4", "New"),
    ]
    assert logged.query("SELECT key, name FROM cleaned.counterparties ORDER BY key") == [
        ("c1", "Last"), ("c4", "New"), ("c9", "Sud"),
    ]  # fmt: skip
    # Nothing new, though other tables changed; then both sides are compared, and agree.
    execute(crm, "INSERT INTO others VALUES (2)", "CREATE TABLE IF NOT EXISTS later (id int)")
    before = logged.bytes()
    done = logged.run("2026-03-01T18:00Z")
    assert (done["rows"], done["deletes"], done["models"], done["failed"]) == (0, 0, 0, {})
    done = logged.run("2026-03-02T00:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (0, 0, {})
    assert logged.bytes() == before
    assert logged.query("SELECT figure, matches FROM etl.reconciliation ORDER BY 1") == [
        ("rows", True), ("sum(credit_limit)", True),
    ]  # fmt: skip
    # A table that is emptied, and filled again.
    execute(crm, "TRUNCATE counterparties", f"INSERT INTO counterparties VALUES {_row('c5', 'After')}")
    done = logged.run("2026-03-02T06:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (1, 3, {})
    assert logged.query("SELECT key FROM cleaned.counterparties") == [("c5",)]


def test_nothing_is_lost_or_doubled_when_connect_is_killed(
    logged: Warehouse, crm: MariaDb, connect: Connect, database: MigratedDatabase, kafka: KafkaClient
) -> None:
    logged.run("2026-03-01T06:00Z")
    values = ",".join(_row(f"n{n}", f"Name {n}") for n in range(2000))
    execute(crm, f"INSERT INTO counterparties VALUES {values}")
    # In the middle of them, before it could say how far it is.
    connect.stop(signal.SIGKILL)
    execute(
        crm,
        "UPDATE counterparties SET credit_limit = 7 WHERE id = 'n1'",
        "DELETE FROM counterparties WHERE id = 'n2'",
    )
    connect.start()
    execute(crm, "UPDATE counterparties SET credit_limit = 8 WHERE id = 'n1'")
    done = logged.run("2026-03-02T00:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (2002, 1, {})
    changes = _raw(logged)[3:]
    assert len(changes) == 2003
    assert [(one[1], one[2]) for one in changes[-3:]] == [
        ("upsert", "n1"),
        ("delete", "n2"),
        ("upsert", "n1"),
    ]
    # Sent once more by hand, as after a kill between sending and saying so: it is behind what was seen.
    kafka.produce(topics.WAREHOUSE_CHANGES, [one.raw for one in kafka.read(topics.WAREHOUSE_CHANGES)[-3:]])
    done = logged.run("2026-03-02T06:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (0, 0, {})
    # Who reads the table whole has the same.
    other = MigratedDatabase(database.server, database.secrets_dir, tables.WAREHOUSE_DATABASE).clone()
    try:
        newest = "SELECT key, name, credit_limit FROM cleaned.counterparties ORDER BY key"
        mine = logged.query(newest)
        logged.layers = other
        logged.topic = kafka.topic()
        logged.run("2026-03-01T06:00Z")
        assert logged.query(newest) == mine
        assert len(mine) == 2002
    finally:
        other.drop()


def test_a_new_column_is_taken_in_and_a_retyped_one_stops_the_table(logged: Warehouse, crm: MariaDb) -> None:
    logged.sources = [_of_crm(crm, personal={"email": "pseudonym", "phone": "drop"})]
    logged.run("2026-03-01T06:00Z")
    execute(
        crm,
        "ALTER TABLE counterparties ADD COLUMN rating int",
        "UPDATE counterparties SET rating = 3, email = 'b@x.example', phone = '+49 1' WHERE id = 'c1'",
    )
    done = logged.run("2026-03-01T12:00Z")
    assert (done["rows"], done["failed"]) == (1, {})
    ((record,),) = logged.query("SELECT record FROM raw.records WHERE load_id = 2")
    assert (record["rating"], record["phone"]) == (3, None)
    assert "@" not in record["email"]
    assert logged.query("SELECT kind, column_name FROM etl.drift") == [("added", "rating")]
    execute(
        crm,
        "ALTER TABLE counterparties MODIFY COLUMN rating varchar(10)",
        "UPDATE counterparties SET rating = 'B+' WHERE id = 'c2'",
    )
    done = logged.run("2026-03-01T18:00Z", code=3)
    assert "rating was retyped" in done["failed"]["crm.counterparties"]
    assert logged.asked("accept", "crm", "counterparties").returncode == 0
    done = logged.run("2026-03-02T06:00Z")
    assert (done["rows"], done["failed"]) == (1, {})


def test_a_table_that_comes_later_misses_nothing_and_values_are_as_a_query_shows_them(
    logged: Warehouse, crm: MariaDb
) -> None:
    logged.run("2026-03-01T06:00Z")
    execute(
        crm,
        "CREATE TABLE kinds (id int PRIMARY KEY, b bigint, d decimal(18, 4), f float, g double, day date,"
        " ts timestamp(3) NULL, at6 datetime(6), at0 datetime, t time(2), y year, b1 bit(1), b10 bit(10),"
        " bl blob, e enum('a', 'b'), tx text)",
    )
    of = _of_crm(crm)
    of["tables"]["kinds"] = {"key": ["id"], "changes": "log"}
    logged.sources = [of]
    assert logged.run("2026-03-01T12:00Z")["failed"] == {}
    values = (
        "-9007199254740993, 3.5, 0.1, 0.1, '2026-02-01', '2026-01-01 00:00:00.1', '2026-01-01 01:02:03.12',"
        " '2026-01-01 01:02:03', '01:02:03', 2026, b'1', b'1000000001', x'ff00', 'b', 'hé'"
    )
    execute(crm, f"INSERT INTO kinds VALUES (1, {values})", "INSERT INTO kinds (id) VALUES (2)")
    done = logged.run("2026-03-01T18:00Z")
    assert (done["rows"], done["failed"]) == (2, {})
    # Read whole, nothing of it is another.
    with logged.layers.admin() as connection:
        connection.execute("UPDATE etl.sources SET place = NULL; UPDATE etl.loads SET watermark = NULL")
    done = logged.run("2026-03-02T06:00Z")
    assert (done["rows"], done["deletes"], done["failed"]) == (0, 0, {})


def test_without_connect_the_table_says_what_is_missing(etl: Warehouse, crm: MariaDb) -> None:
    etl.sources = [_of_crm(crm)]
    done = etl.run("2026-03-01T06:00Z", code=1)
    assert "add the section carbon:warehouse_etl.change_log" in done["failed"]["crm.counterparties"]
