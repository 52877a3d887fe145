"""Connections, upserts and the record of jobs, against a real PostgreSQL."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.clients import MigratedDatabase
from tests.services.servers import Postgres
from workloads.kit import db
from workloads.kit.records import Transient
from workloads.kit.settings import PostgresSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "technical_indicators"
COLUMNS = (
    "source",
    "symbol",
    "event_time",
    "resolution",
    "available_time",
    "market",
    "provenance",
    "rsi_14",
    "momentum_10",
)
KEY = COLUMNS[:5]


def _row(n: int, value: float | None, symbol: str = "WTI") -> tuple[Any, ...]:
    return ("crude-daily", symbol, START + timedelta(days=n), "P1D", START, "crude", "market", value, 1.5)


@pytest.fixture
def connection(database: MigratedDatabase) -> Iterator[db.Connection]:
    with db.connect(database.settings("analytics_consumer"), application_name="test") as connection:
        yield connection


def _stored(database: MigratedDatabase) -> list[tuple[Any, ...]]:
    return database.query(f"SELECT symbol, event_time, rsi_14 FROM {TABLE} ORDER BY symbol, event_time")


def test_rows_are_inserted_and_those_with_a_known_key_updated(
    database: MigratedDatabase, connection: db.Connection
) -> None:
    with connection.transaction():
        assert db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, 1.0), _row(1, 2.0)]) == 2
    with connection.transaction():
        assert db.upsert(connection, TABLE, COLUMNS, KEY, [_row(1, None), _row(2, 3.0)]) == 2
    assert _stored(database) == [
        ("WTI", START, 1.0),
        ("WTI", START + timedelta(days=1), None),
        ("WTI", START + timedelta(days=2), 3.0),
    ]


def test_a_row_that_is_there_undoes_nothing_else_of_its_transaction(
    database: MigratedDatabase, connection: db.Connection
) -> None:
    with connection.transaction():
        db.upsert(connection, TABLE, COLUMNS, KEY, [_row(n, 1.0) for n in range(3)])
    for value in (2.0, 3.0):  # the second time it is known that rows are there
        with connection.transaction():
            assert db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, value)]) == 1
            assert db.upsert(connection, TABLE, COLUMNS, KEY, [_row(5, value), _row(1, value)]) == 2
            assert (
                db.append(connection, TABLE, COLUMNS, [_row(6, value), _row(1, 9.0)])
                == {2.0: 1, 3.0: 0}[value]
            )
    found = {event: value for _, event, value in _stored(database)}
    expected = {0: 3.0, 1: 3.0, 2: 1.0, 5: 3.0, 6: 2.0}
    assert found == {START + timedelta(days=day): value for day, value in expected.items()}


def test_of_rows_with_one_key_the_last_holds(database: MigratedDatabase, connection: db.Connection) -> None:
    with connection.transaction():
        assert db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, 1.0), _row(0, 2.0), _row(0, 3.0)]) == 1
    assert _stored(database) == [("WTI", START, 3.0)]


def test_repeating_an_upsert_changes_nothing(database: MigratedDatabase, connection: db.Connection) -> None:
    rows = [_row(n, float(n)) for n in range(500)]
    for _ in range(3):
        with connection.transaction():
            db.upsert(connection, TABLE, COLUMNS, KEY, rows)
    assert [value for _, _, value in _stored(database)] == [float(n) for n in range(500)]


def test_two_upserts_into_a_table_share_a_transaction(
    database: MigratedDatabase, connection: db.Connection
) -> None:
    with connection.transaction():
        db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, 1.0)])
        connection.execute(f"UPDATE {TABLE} SET rsi_14 = 7")
        db.upsert(connection, TABLE, COLUMNS, KEY, [_row(1, 2.0)])
    assert [value for _, _, value in _stored(database)] == [7.0, 2.0]


def test_nothing_of_a_rolled_back_transaction_is_there_and_the_next_one_works(
    database: MigratedDatabase, connection: db.Connection
) -> None:

    def fail() -> None:
        with connection.transaction():
            db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, 1.0)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _stored(database) == []
    with connection.transaction():
        db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, 2.0)])
    assert [value for _, _, value in _stored(database)] == [2.0]


def test_columns_may_come_in_any_order_and_be_fewer_than_the_tables(
    database: MigratedDatabase, connection: db.Connection
) -> None:
    columns = ("provenance", "market", *KEY)
    with connection.transaction():
        db.upsert(connection, TABLE, columns, KEY, [("market", "crude", *_row(0, 0.0)[:5])])
        db.upsert(connection, TABLE, COLUMNS, KEY, [_row(1, 2.0)])
    assert [value for _, _, value in _stored(database)] == [None, 2.0]


def test_no_rows_are_no_work(connection: db.Connection) -> None:
    with connection.transaction():
        assert db.upsert(connection, TABLE, COLUMNS, KEY, []) == 0


def test_a_wrong_row_leaves_nothing(database: MigratedDatabase, connection: db.Connection) -> None:
    wrong = list(_row(1, 2.0))
    wrong[COLUMNS.index("provenance")] = "rumour"
    with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
        db.upsert(connection, TABLE, COLUMNS, KEY, [_row(0, 1.0), wrong])
    assert _stored(database) == []


def test_a_job_run_is_recorded_as_it_starts_and_as_it_ends(database: MigratedDatabase) -> None:
    runs = "SELECT job, run_id, status, detail, finished_at >= started_at FROM job_runs ORDER BY id"
    with database.connect("price_pipeline") as connection:
        with db.job_run(connection, "price-pipeline", "run-1") as detail:
            assert database.query(runs) == [("price-pipeline", "run-1", "running", {}, None)]
            detail |= {"published": 12, "skill": float("nan")}
        with pytest.raises(ValueError, match="no rows"), db.job_run(connection, "price-pipeline", "run-2"):
            raise ValueError("no rows")
    assert database.query(runs) == [
        ("price-pipeline", "run-1", "succeeded", {"published": 12, "skill": None}, True),
        ("price-pipeline", "run-2", "failed", {"error": "ValueError: no rows"}, True),
    ]


def test_a_run_that_fails_in_a_transaction_says_so_and_leaves_nothing_else(
    database: MigratedDatabase,
) -> None:
    """The caller's own connection ends with the error, and takes back what was not committed."""
    half = "INSERT INTO job_runs (job, run_id, started_at, status) VALUES ('half', 'half', now(), 'running')"

    def job() -> None:
        settings = database.settings("price_pipeline")
        with (
            db.connect(settings, application_name="test") as connection,
            db.job_run(connection, "price-pipeline", "run-1"),
        ):
            connection.execute(half)
            raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        job()
    assert database.query("SELECT run_id, status FROM job_runs") == [("run-1", "failed")]


def test_a_run_that_was_killed_and_is_started_again_is_one_run(database: MigratedDatabase) -> None:
    with database.connect("price_pipeline") as connection:
        with pytest.raises(KeyboardInterrupt), db.job_run(connection, "job", "run-1"):
            raise KeyboardInterrupt
        with db.job_run(connection, "job", "run-1"):
            pass
    assert database.query("SELECT status FROM job_runs") == [("succeeded",)]


def test_a_run_that_was_killed_is_told_by_the_next_one_and_one_that_lives_says_its_own_end(
    database: MigratedDatabase,
) -> None:
    runs = (
        "SELECT run_id, status, detail ->> 'error', finished_at >= started_at FROM job_runs"
        " WHERE job = 'job' ORDER BY id"
    )
    start = "INSERT INTO job_runs (job, run_id, started_at, status) VALUES (%s, %s, now(), 'running')"
    with database.connect("price_pipeline") as connection, database.connect("price_pipeline") as other:
        for job, run in (("job", "killed"), ("another", "at-work")):
            connection.execute(start.encode(), (job, run))
        connection.commit()
        with db.job_run(other, "job", "alive"):
            with db.job_run(connection, "job", "next"):
                pass
            told = "killed: it never said how it ended, as run"
            assert database.query(runs) == [
                ("killed", "failed", f"{told} alive noticed", True),
                ("alive", "failed", f"{told} next noticed", True),
                ("next", "succeeded", None, True),
            ]
    assert database.query(runs)[1] == ("alive", "succeeded", None, True)
    assert database.query("SELECT status FROM job_runs WHERE job = 'another'") == [("running",)]


class TestLostServer:
    """On a server of its own, as it is stopped."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Postgres]:
        server = Postgres(tmp_path)
        with server.connect() as connection:
            connection.execute("CREATE SCHEMA features")
            connection.execute("CREATE TABLE features.counts (name text PRIMARY KEY, count bigint)")
        try:
            yield server
        finally:
            server.stop()

    @pytest.fixture
    def database(self, server: Postgres) -> Iterator[db.Database]:
        settings = PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=server.port,
            postgres_database="postgres",
            postgres_user="postgres",
            postgres_password_file=server.password_file,
        )
        with db.Database(settings, application_name="test") as database:
            yield database

    @staticmethod
    def _count(database: db.Database, value: int) -> None:
        with database.transaction() as connection:
            db.upsert(connection, "counts", ("name", "count"), ("name",), [("a", value)])

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
    def test_it_is_transient_and_the_next_transaction_after_its_return_works(
        self, server: Postgres, database: db.Database, how: signal.Signals
    ) -> None:
        self._count(database, 1)
        server.stop(how)
        for _ in range(3):
            with pytest.raises(Transient):
                self._count(database, 2)
        server.start()
        self._count(database, 3)
        with database.transaction() as connection:
            assert connection.execute("SELECT name, count FROM counts").fetchall() == [("a", 3)]

    def test_lost_within_a_transaction_it_is_transient_too(
        self, server: Postgres, database: db.Database
    ) -> None:
        def lose() -> None:
            with database.transaction() as connection:
                server.stop()
                connection.execute("SELECT 1")

        with pytest.raises(Transient):
            lose()

    def test_one_that_only_reads_now_is_transient_and_connected_to_anew(self, database: db.Database) -> None:
        """As a primary that was demoted, to which the connection still leads: no row is at fault."""
        with database.transaction() as connection:
            connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        with pytest.raises(Transient, match="read-only"):
            self._count(database, 1)
        self._count(database, 2)

    def test_an_error_of_the_caller_is_the_callers(self, database: db.Database) -> None:
        with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as connection:
            connection.execute("SELECT 1 / 0")
        self._count(database, 1)

    def test_tables_and_rights_that_are_missing_are_waited_for(self, database: db.Database) -> None:
        with pytest.raises(Transient, match="nowhere"), database.transaction() as connection:
            connection.execute("SELECT * FROM nowhere")
        self._count(database, 1)
