"""Tables by month: the migration that makes them so, and the job that makes months and drops them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.clients import MigratedDatabase
from tests.services.servers import Postgres, until
from workloads.kit.contracts import tables
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.platform import ROLES
from workloads.kit.records import Transient
from workloads.kit.settings import PostgresSettings
from workloads.migrations import database as migrations
from workloads.migrations import entitlements, months, records
from workloads.migrations.settings import DatabaseSettings

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PRICES = tables.COMMODITY_PRICES_DAILY
TIMES = {
    PRICES: "delivery_start",
    tables.MARKET_INDICATORS: "delivery_start",
    tables.PRICE_TRENDS: "event_time",
    tables.TECHNICAL_INDICATORS: "event_time",
    tables.ML_PREDICTIONS: "event_time",
}

# A row a table for each instant `at`, numbered `n`.
_ROWS = {
    PRICES: (
        "source, symbol, delivery_start, delivery_end, resolution, product, published_at, market, price,"
        " currency, unit, provenance, correction, topic_partition, topic_offset",
        "'s', 'WTI', at, at + interval '1 day', 'P1D', 'spot', at, 'crude', n, 'USD', 'bbl', 'market', false,"
        " 0, n",
    ),
    tables.MARKET_INDICATORS: (
        "zone, name, kind, source, resolution, delivery_start, published_at, delivery_end, value, unit,"
        " provenance, correction, topic_partition, topic_offset",
        "'DE-LU', 'load', 'actual', 's', 'P1D', at, at + interval '1 day', at + interval '1 day', n, 'MW',"
        " 'market', false, 0, n",
    ),
    tables.PRICE_TRENDS: (
        "source, symbol, event_time, resolution, available_time, market, provenance, last, sessions",
        "'s', 'WTI', at, 'P1D', at, 'crude', 'market', n, 31",
    ),
    tables.TECHNICAL_INDICATORS: (
        "source, symbol, event_time, resolution, available_time, market, provenance, rsi_14",
        "'s', 'WTI', at, 'P1D', at, 'crude', 'market', 50",
    ),
    tables.ML_PREDICTIONS: (
        "source, symbol, event_time, resolution, price_available_time, available_time, market, provenance,"
        " horizon_sessions, price, predicted_return, prediction, lower, upper, nominal_level, model_name,"
        " model_version, model_alias, skill",
        "'s', 'WTI', at, 'P1D', at, at, 'crude', 'market', 1, n, 0, n, n - 1, n + 1, 0.9, 'm', 1, 'champion',"
        " 'none'",
    ),
}


def fill(database: MigratedDatabase, table: str, first: datetime, days: int, step: str = "1 day") -> None:
    columns, values = _ROWS[table]
    with database.admin() as connection:
        connection.execute(
            f"INSERT INTO features.{table} ({columns}) SELECT {values} FROM (SELECT n,"
            f" timestamptz '{first.isoformat()}' + n * interval '{step}' AS at"
            f" FROM generate_series(1, {days}) n) t".encode()
        )


def partitions(database: MigratedDatabase, table: str) -> dict[str, int]:
    """Partition, without the table's name → its rows, in the order of time."""
    names = database.query(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass ORDER BY c.relname LIKE '%%before' DESC, c.relname",
        [f"features.{table}"],
    )
    return {
        name.removeprefix(f"{table}_"): database.query(f"SELECT count(*) FROM {name}")[0][0]
        for (name,) in names
    }


def make(database: MigratedDatabase, *, now: datetime, keep: dict[str, int] | None = None) -> list[str]:
    """What the job does."""
    with database.admin() as connection:
        connection.execute("SET timezone = 'UTC'")
        kept = keep or {}
        made = months.make(connection, ahead=2, back=12, keep=kept, now=now)
        return made + months.drop(connection, kept, now=now)


class TestMigration:
    """Version 0012 on a database that has a year of rows."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Postgres]:
        server = Postgres(tmp_path)
        try:
            yield server
        finally:
            server.stop()

    @pytest.fixture
    def before(self, server: Postgres, secrets_dir: Path) -> MigratedDatabase:
        """At the version before, with a year of days until today, and forwards of the coming years."""
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {tables.DATABASE}")
            for role in ROLES:
                connection.execute(f"CREATE ROLE {role}".encode())
        migrations.migrate(_at(server), "0011")
        database = MigratedDatabase(server, secrets_dir, tables.DATABASE)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for table in TIMES:
            fill(database, table, today - timedelta(days=365), 365)
            fill(database, table, today + timedelta(days=40), 10, "90 days")
        return database

    def test_every_row_stays_and_is_seen_as_before(
        self, server: Postgres, before: MigratedDatabase, secrets_dir: Path
    ) -> None:
        was = {view: before.query(f"SELECT * FROM {view} ORDER BY 1, 2, 3, 4") for view in _SEEN}
        described = _described(before)

        migrations.migrate(_at(server), "0012")
        for view in _SEEN:
            assert before.query(f"SELECT * FROM {view} ORDER BY 1, 2, 3, 4") == was[view], view
        assert len(was[PRICES]) == 375
        assert _described(before) == described

        settings = _at(server).model_dump() | {
            "secrets_dir": secrets_dir,
            "entitlements": {"acme": Entitlement.model_validate(_GAS_ONLY)},
        }
        migrations.upgrade(DatabaseSettings(**settings))
        for table in TIMES:
            held = partitions(before, table)
            assert held["before"] >= 334, held
            assert held["after"] > 0, held
            assert sum(held.values()) == 375
        with before.connect("data_api") as connection:
            connection.execute("SELECT set_config('carbon.tenant', 'acme', false)")
            assert connection.execute(f"SELECT count(*) FROM {PRICES}".encode()).fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT count(*) FROM {PRICES}_before".encode())

    def test_one_that_is_interrupted_changes_nothing_and_the_next_does_all(
        self, server: Postgres, before: MigratedDatabase
    ) -> None:
        """The last table's partition cannot be made: four tables are changed by then."""
        last = f"features.{tables.ML_PREDICTIONS}_after"
        with before.admin() as connection:
            connection.execute(f"CREATE TABLE {last} ()".encode())
        with pytest.raises(Exception, match="already exists"):
            migrations.migrate(_at(server))
        assert before.query("SELECT version_num FROM alembic_version") == [("0011",)]
        for table in TIMES:
            assert partitions(before, table) == {}
            assert before.query(f"SELECT count(*) FROM {table}") == [(375,)]
        with before.admin() as connection:
            connection.execute(f"DROP TABLE {last}".encode())
        migrations.migrate(_at(server))
        for table in TIMES:
            assert sum(partitions(before, table).values()) == 375


_SEEN = (
    *TIMES,
    "commodity_prices_current",
    "market_indicators_current",
    "prediction_outcomes",
    "quality_scores",
)
_GAS_ONLY: dict[str, Any] = {
    "products": ["api"],
    "markets": ["gas"],
    "history_days": None,
    "delay_minutes": 0,
    "rows_per_month": None,
    "requests_per_minute": 10,
}


def _at(server: Postgres) -> PostgresSettings:
    return PostgresSettings(
        postgres_host="127.0.0.1",
        postgres_port=server.port,
        postgres_database=tables.DATABASE,
        postgres_user="postgres",
        postgres_password_file=server.password_file,
    )


def _described(database: MigratedDatabase) -> list[tuple[Any, ...]]:
    """Columns, checks, policies and row security of the tables, and whose rights views read with."""
    names = list(TIMES)
    return [
        *database.query(
            "SELECT table_name, column_name, data_type, domain_name, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_name = ANY(%s) ORDER BY 1, ordinal_position",
            [names],
        ),
        *database.query(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid::regclass::text = ANY(%s) ORDER BY 1, 2",
            [names],
        ),
        *database.query("SELECT * FROM pg_policies WHERE tablename = ANY(%s) ORDER BY 2, 3", [names]),
        *database.query(
            "SELECT relname, relrowsecurity, reloptions FROM pg_class WHERE relname = ANY(%s) ORDER BY 1",
            [list(_SEEN)],
        ),
    ]


def test_what_has_no_month_is_held_and_moves_when_its_month_is_made(database: MigratedDatabase) -> None:
    make(database, now=NOW)
    fill(database, PRICES, datetime(1983, 1, 1, tzinfo=UTC), 3)
    fill(database, PRICES, datetime(2031, 1, 1, tzinfo=UTC), 3)
    held = partitions(database, PRICES)
    assert (held["before"], held["after"]) == (3, 3)

    later = datetime(2030, 12, 5, tzinfo=UTC)
    changes = make(database, now=later)
    assert f"{PRICES}: made 2031-01" in changes
    held = partitions(database, PRICES)
    assert (held["before"], held["2031_01"], held["after"]) == (3, 3, 0)
    assert make(database, now=later) == []


def test_months_of_before_are_made_while_nothing_is_older(database: MigratedDatabase) -> None:
    with database.admin() as connection:
        connection.execute("SET timezone = 'UTC'")
        (table,) = [one for one in months.partitioned(connection) if one.name == PRICES]
        fill(database, tables.PRICE_TRENDS, table.start - timedelta(days=400), 1)
        months.make(connection, ahead=1, back=24, keep={}, now=datetime.now(UTC))
    assert len(partitions(database, PRICES)) > len(partitions(database, tables.PRICE_TRENDS))
    assert partitions(database, tables.PRICE_TRENDS)["before"] == 1


def test_what_is_older_than_what_is_kept_is_dropped_and_nothing_else(database: MigratedDatabase) -> None:
    make(database, now=NOW)
    for table in (PRICES, tables.PRICE_TRENDS):
        fill(database, table, datetime(2020, 1, 1, tzinfo=UTC), 5)
        fill(database, table, datetime(2026, 7, 31, tzinfo=UTC), 60)

    dropped = make(database, now=NOW, keep={PRICES: 3})
    assert dropped == [f"{PRICES}: dropped what was before 2026-08, 9 months"]
    assert database.query(f"SELECT min(delivery_start), count(*) FROM {PRICES}") == [
        (datetime(2026, 8, 1, tzinfo=UTC), 60)
    ]
    assert database.query(f"SELECT count(*) FROM {tables.PRICE_TRENDS}") == [(65,)]
    # One that comes again, as when a topic is read anew, has a place, and goes with the next run.
    fill(database, PRICES, datetime(2020, 1, 1, tzinfo=UTC), 5)
    assert partitions(database, PRICES)["before"] == 5
    make(database, now=NOW, keep={PRICES: 3})
    assert partitions(database, PRICES)["before"] == 0
    assert make(database, now=NOW, keep={PRICES: 3}) == []


def test_of_a_partition_that_has_later_rows_too_the_old_ones_are_deleted(database: MigratedDatabase) -> None:
    """As after the migration of a table with a history."""
    fill(database, PRICES, datetime(2020, 1, 1, tzinfo=UTC), 400)
    make(database, now=datetime(2021, 3, 5, tzinfo=UTC), keep={PRICES: 6})
    assert database.query(f"SELECT min(delivery_start) FROM {PRICES}") == [
        (datetime(2020, 9, 1, tzinfo=UTC),)
    ]


def test_a_month_is_made_while_others_write_and_no_row_is_lost(database: MigratedDatabase) -> None:
    make(database, now=NOW)
    stop, written = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            fill(database, PRICES, datetime(2027, 3, 1, tzinfo=UTC) + timedelta(seconds=written[0] + 1), 1)
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: written[0] > 5, "rows are written")
        make(database, now=datetime(2027, 1, 5, tzinfo=UTC))
        at = written[0]
        until(lambda: written[0] > at + 5, "rows are written after it, too")
    finally:
        stop.set()
        writer.join(30)
    held = partitions(database, PRICES)
    assert (held["2027_03"], held["after"]) == (written[0], 0)


def test_a_table_that_nobody_lets_go_of_is_said_and_stays_as_it_is(
    database: MigratedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "_LOCK_SECONDS", 0.05)
    monkeypatch.setattr(months, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(months, "_ATTEMPTS", 2)
    with database.admin() as other, other.transaction():
        other.execute(f"SELECT 1 FROM features.{PRICES}".encode())
        with pytest.raises(Transient, match=r"commodity_prices_daily.*pg_stat_activity"):
            make(database, now=datetime(2028, 1, 5, tzinfo=UTC))
    assert "2028_01" not in partitions(database, PRICES)
    make(database, now=datetime(2028, 1, 5, tzinfo=UTC))
    assert "2028_01" in partitions(database, PRICES)


def test_the_newest_row_of_a_series_is_looked_for_in_no_earlier_month(database: MigratedDatabase) -> None:
    make(database, now=NOW)
    fill(database, PRICES, datetime(2026, 8, 1, tzinfo=UTC), 5000, "30 minutes")
    with database.admin() as connection:
        (plan,) = connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) SELECT price FROM features.commodity_prices_daily"
            " WHERE symbol = 'WTI' AND published_at <= now() + interval '9 years'"
            " ORDER BY delivery_start DESC, published_at DESC LIMIT 1"
        ).fetchone() or (None,)
    assert isinstance(plan, list)
    read = {
        node["Relation Name"].removeprefix(f"{PRICES}_")
        for node in _nodes(plan[0]["Plan"])
        if "Relation Name" in node and node["Actual Loops"]
    }
    assert "2026_11" in read
    assert not read & {"before", "2026_08", "2026_09", "2026_10"}


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def test_the_job_leaves_a_record_of_what_it_did(database: MigratedDatabase) -> None:
    server = database.server
    settings = DatabaseSettings(
        postgres_host="127.0.0.1",
        postgres_port=server.port,
        postgres_database=database.name,
        postgres_user="postgres",
        postgres_password_file=server.password_file,
        partition_months_ahead=5,
    )
    migrations.keep_partitions(settings)
    ((status, changes),) = database.query(
        "SELECT status, jsonb_array_length(detail -> 'changes') FROM job_runs WHERE job = 'store-partitions'"
    )
    assert status == "succeeded"
    assert changes >= 4 * len(TIMES)


def test_the_list_of_series_is_what_was_written_and_tells_no_publication_before_its_time(
    database: MigratedDatabase,
) -> None:
    """Whoever sees prices a day late learns of none that is newer, nor whose history is short of old ones."""
    now = datetime.now(UTC)
    gets = dict(_GAS_ONLY, markets=["crude"])
    with database.admin() as connection:
        entitlements.reconcile(
            connection,
            {
                "all": Entitlement.model_validate(gets),
                "late": Entitlement.model_validate(gets | {"delay_minutes": 1440}),
                "short": Entitlement.model_validate(gets | {"history_days": 30}),
                "gas": Entitlement.model_validate(_GAS_ONLY),
            },
        )
    newest = now.replace(microsecond=0) - timedelta(hours=1)
    fill(database, PRICES, newest - timedelta(days=3), 3)
    assert _listed(database, "all") == [("WTI", "bbl", newest)]
    assert _listed(database, "late") == [("WTI", "bbl", None)]
    assert _listed(database, "short") == [("WTI", "bbl", None)]
    assert _listed(database, "gas") == []

    with database.connect("analytics_consumer") as connection:
        connection.execute(
            f"UPDATE {PRICES} SET unit = 't' WHERE delivery_start = %s".encode(),
            [newest - timedelta(days=1)],
        )
    before = newest - timedelta(days=1)
    assert _listed(database, "all") == [("WTI", "bbl", newest), ("WTI", "t", before)]
    assert _listed(database, "late") == [("WTI", "bbl", None), ("WTI", "t", before)]


def _listed(database: MigratedDatabase, tenant: str) -> list[tuple[Any, ...]]:
    with database.connect("data_api") as connection:
        connection.execute("SELECT set_config('carbon.tenant', %s, false)", [tenant])
        return connection.execute(
            "SELECT symbol, unit, last_published FROM price_series() ORDER BY 1, 2"
        ).fetchall()


def test_old_records_of_calls_are_deleted_and_those_that_are_kept_stay(
    database: MigratedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_ROWS", 3)
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.api_audit SELECT gen_random_uuid(),"
            " timestamptz '2026-10-01Z' + n * interval '1 day', 'r', 'c', 'p', 'r', 'q', 1, 'answered',"
            " 200, 1, 'miss', false, 1, 1"
            " FROM generate_series(-10, 9) AS n"
        )
        assert records.drop(connection, {}, now=NOW) == []
        told = records.drop(connection, {tables.API_AUDIT: 1}, now=NOW)
        assert told == ["api_audit: 10 rows of before 2026-10 deleted"]
        assert records.drop(connection, {tables.API_AUDIT: 1}, now=NOW) == []
    assert database.query("SELECT count(*), min(at) FROM api_audit") == [
        (10, datetime(2026, 10, 1, tzinfo=UTC))
    ]
