"""The migration jobs: databases, tables, roles, grants and topics, as pods run them."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.servers import Kafka, Postgres, until
from workloads.kit.contracts import messages, tables, topics
from workloads.kit.contracts.platform import GRANTS, ROLES
from workloads.kit.settings import PostgresSettings
from workloads.migrations import database as migrations
from workloads.warehouse_etl.values import key_of

ROOT = Path(__file__).parents[2]

START = datetime(2026, 1, 1, tzinfo=UTC)


def _run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workloads.migrations", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _upgrade(server: Postgres, secrets_dir: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return _run(
        "upgrade",
        POSTGRES_HOST="127.0.0.1",
        POSTGRES_PORT=str(server.port),
        POSTGRES_USER="postgres",
        POSTGRES_PASSWORD_FILE=str(server.password_file),
        SECRETS_DIR=str(secrets_dir),
        **env,
    )


class TestUpgrade:
    """`python -m workloads.migrations upgrade` on a server of its own."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Postgres]:
        server = Postgres(tmp_path)
        try:
            yield server
        finally:
            server.stop()

    def test_two_at_once_and_one_more_end_in_one_schema(self, server: Postgres, secrets_dir: Path) -> None:
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: _upgrade(server, secrets_dir), range(2)))
        third = _upgrade(server, secrets_dir)
        assert [run.returncode for run in (*both, third)] == [0, 0, 0], [run.stdout for run in both]
        created = [run.stdout.count('"database_created"') for run in (*both, third)]
        # The platform's three, and those of MLflow, Superset and Keycloak.
        assert sorted(created[:2]) == [0, 6]
        assert created[2] == 0
        own = MigratedDatabase(server, secrets_dir, tables.DATABASE)
        names = {name for (name,) in own.query("SELECT table_name FROM information_schema.tables")}
        assert {
            tables.COMMODITY_PRICES_DAILY,
            tables.MARKET_INDICATORS,
            tables.PRICE_TRENDS,
            tables.TECHNICAL_INDICATORS,
            tables.ML_PREDICTIONS,
            tables.PREDICTION_OUTCOMES,
            tables.JOB_RUNS,
            tables.MODEL_EVENTS,
            tables.FORECAST_RUNS,
            tables.FORECAST_MEMBERS,
        } <= names
        for role in GRANTS:
            with own.connect(role) as connection:
                assert connection.execute("SELECT current_user").fetchone() == (role,)

    def test_rows_of_the_warehouse_get_one_key_and_what_follows_is_made_anew(
        self, server: Postgres, secrets_dir: Path
    ) -> None:
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {tables.WAREHOUSE_DATABASE}")
        before = PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=server.port,
            postgres_database=tables.WAREHOUSE_DATABASE,
            postgres_user="postgres",
            postgres_password_file=server.password_file,
        )
        migrations.migrate(before, "0002", versions="warehouse_versions")
        keys = {
            "T1 ": "T1",
            "2026-10-01T00:00:00": "2026-10-01",
            "2026-10-01 07:00": "2026-10-01 07:00",
            '[1,"2026-10-01 00:00:00"]': '["1","2026-10-01"]',
            '["é \\"x\\"","b"]': '["é \\"x\\"","b"]',
            "[no list]": "[no list]",
        }
        with server.connect(tables.WAREHOUSE_DATABASE) as connection:
            connection.execute("CREATE TABLE cleaned.volumes (key text)")
            for number, key in enumerate(keys):
                connection.execute(
                    "INSERT INTO raw.records VALUES (1, %s, 's', 't', 'upsert', %s, '{\"a\": 1}')",
                    (number, key),
                )
        for _ in range(2):
            migrations.migrate(before, versions="warehouse_versions")
        with server.connect(tables.WAREHOUSE_DATABASE) as connection:
            found = connection.execute("SELECT key, record FROM raw.records ORDER BY ordinal").fetchall()
            assert found == [(key, {"a": 1}) for key in keys.values()]
            assert [key_of({"k": key}, ("k",)) for key in keys if key[0] != "["] == [
                key for key in keys.values() if key[0] != "["
            ], "as a run makes it"
            assert connection.execute("SELECT to_regclass('cleaned.volumes')").fetchone() == (None,)

    def test_a_table_of_the_warehouse_with_a_time_that_nobody_can_read_is_made_anew(
        self, server: Postgres
    ) -> None:
        name = "of_times"
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        settings = PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=server.port,
            postgres_database=name,
            postgres_user="postgres",
            postgres_password_file=server.password_file,
        )
        migrations.migrate(settings, "0004", versions="warehouse_versions")
        with server.connect(name) as connection:
            for table, at in (("a", "0001-12-31 23:00+00 BC"), ("b", "9999-12-31 23:59+00"), ("c", None)):
                connection.execute(
                    f"CREATE TABLE cleaned.{table} (first timestamptz, at timestamptz)".encode()
                )
                connection.execute(f"INSERT INTO cleaned.{table} VALUES (now(), %s)".encode(), (at,))
        migrations.migrate(settings, versions="warehouse_versions")
        with server.connect(name) as connection:
            left = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'cleaned' ORDER BY 1"
            )
            assert [table for (table,) in left] == ["b", "c"]

    def test_a_year_of_rows_of_before_keeps_every_one_as_the_spot_price_of_its_day(
        self, server: Postgres, secrets_dir: Path
    ) -> None:
        """Periods came with version 0003: what 0002 held is read by today's workloads."""
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {tables.DATABASE}")
        before = PostgresSettings(
            postgres_host="127.0.0.1",
            postgres_port=server.port,
            postgres_database=tables.DATABASE,
            postgres_user="postgres",
            postgres_password_file=server.password_file,
        )
        migrations.migrate(before, "0002")
        own = MigratedDatabase(server, secrets_dir, tables.DATABASE)
        days = "SELECT timestamptz '2025-01-01 16:00Z' + n * interval '1 day' AS at, n"
        days += " FROM generate_series(0, 364) n"
        with own.admin() as connection:
            for table, columns, values in (
                (
                    "commodity_prices_daily",
                    "available_time, market, price, currency, unit, provenance, correction, topic_partition,"
                    " topic_offset",
                    "at + interval '1 hour', 'crude', n - 30.5, 'USD', 'bbl', 'market', false, 1, n",
                ),
                (
                    "price_trends",
                    "available_time, market, provenance, last, sessions",
                    "at + interval '1 hour', 'crude', 'market', n, 31",
                ),
                (
                    "market_indicators",
                    "available_time, market, provenance, rsi_14",
                    "at + interval '1 hour', 'crude', 'market', 50",
                ),
                (
                    "ml_predictions",
                    "price_available_time, available_time, market, provenance, horizon_sessions, price,"
                    " predicted_return, prediction, lower, upper, nominal_level, model_name, model_version,"
                    " model_alias, skill",
                    "at + interval '1 hour', at + interval '2 hours', 'crude', 'market', 1, n, 0, n, n, n,"
                    " 0.9, 'm', 1, 'champion', 'none'",
                ),
            ):
                connection.execute(
                    f"INSERT INTO features.{table} (source, symbol, event_time, {columns})"
                    f" SELECT 's', 'WTI', at, {values} FROM ({days}) t".encode()
                )
            connection.execute(
                "INSERT INTO features.commodity_prices_daily SELECT source, symbol, event_time,"
                " available_time + interval '3 days', market, price + 1, currency, unit, provenance, true,"
                " replayed_from, 1, 1000 FROM features.commodity_prices_daily WHERE topic_offset = 100"
            )

        assert _upgrade(server, secrets_dir).returncode == 0

        rows = own.query(
            "SELECT price, delivery_start, delivery_end, resolution, product, published_at, topic_offset"
            " FROM commodity_prices_daily ORDER BY delivery_start, published_at"
        )
        first = datetime(2025, 1, 1, 16, tzinfo=UTC)
        assert len(rows) == 366
        assert rows[0] == (
            *(-30.5, first, first + timedelta(days=1), "P1D", "spot"),
            *(first + timedelta(hours=1), 0),
        )
        assert [row[0] for row in rows[100:102]] == [69.5, 70.5]
        current = own.query("SELECT price FROM commodity_prices_current WHERE topic_offset IN (100, 1000)")
        assert current == [(70.5,)]
        for table in ("price_trends", "technical_indicators", "ml_predictions"):
            assert own.query(f"SELECT count(*), min(resolution) FROM {table}") == [(365, "P1D")]
        # Each prediction was made before the next day's price was known; the last has no outcome yet.
        assert own.query("SELECT count(*) FROM prediction_outcomes") == [(364,)]

    def test_a_changed_password_holds_after_the_next_run_and_stands_nowhere_in_clear(
        self, server: Postgres, tmp_path: Path
    ) -> None:
        own = tmp_path / "secrets"
        own.mkdir()
        for role in ROLES:
            (own / role).write_text(f"first-{role}")
        database = MigratedDatabase(server, own, tables.DATABASE)
        assert _upgrade(server, own).returncode == 0
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("SELECT pg_reload_conf()")
        (own / "model_server").write_text("second\n")
        run = _upgrade(server, own)
        assert run.returncode == 0
        with database.connect("model_server"):
            pass
        (own / "model_server").write_text("first-model_server")
        with pytest.raises(Exception, match="password authentication failed"):
            database.connect("model_server")
        log = (tmp_path / "postgres.log").read_text()
        assert "ALTER ROLE" in log
        assert "second" not in log + run.stdout + run.stderr

    def test_a_missing_secret_is_named_before_anything_is_changed(
        self, server: Postgres, secrets_dir: Path, tmp_path: Path
    ) -> None:
        some = tmp_path / "some"
        some.mkdir()
        for role in ROLES[1:]:
            (some / role).write_text("x")
        run = _upgrade(server, some)
        assert run.returncode == 2
        assert str(some / ROLES[0]) in run.stderr
        with server.connect() as connection:
            assert connection.execute("SELECT count(*) FROM pg_database").fetchone() == (3,)

    def test_the_mlflow_role_owns_its_database_and_cannot_reach_the_other(
        self, server: Postgres, secrets_dir: Path
    ) -> None:
        assert _upgrade(server, secrets_dir).returncode == 0
        with MigratedDatabase(server, secrets_dir, tables.MLFLOW_DATABASE).connect("mlflow") as connection:
            connection.execute("CREATE TABLE public.experiments (id integer)")
        with pytest.raises(Exception, match="permission denied for database"):
            MigratedDatabase(server, secrets_dir, tables.DATABASE).connect("mlflow")
        with pytest.raises(Exception, match="permission denied for database"):
            MigratedDatabase(server, secrets_dir, tables.MLFLOW_DATABASE).connect("model_server")


def test_no_server_is_said_and_is_exit_code_1(tmp_path: Path, secrets_dir: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x")
    run = _run(
        "upgrade",
        POSTGRES_HOST="127.0.0.1",
        POSTGRES_PORT="1",
        POSTGRES_USER="postgres",
        POSTGRES_PASSWORD_FILE=str(password),
        SECRETS_DIR=str(secrets_dir),
        DATABASE_WAIT_SECONDS="1",
    )
    assert run.returncode == 1
    assert "database_away" in run.stdout


def _rights(database: MigratedDatabase) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for role, table, right in database.query(
        "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE table_schema = 'features' AND grantee <> 'postgres'"
    ):
        found.setdefault(role, {}).setdefault(table, set()).add(right)
    return found


def _declared() -> dict[str, dict[str, set[str]]]:
    return {
        role: {table: set[str](rights) for table, rights in by_table.items()}
        for role, by_table in GRANTS.items()
    }


def test_each_role_has_the_declared_rights_and_no_other(database: MigratedDatabase) -> None:
    assert _rights(database) == _declared()


def test_a_grant_that_is_not_declared_is_taken_away(database: MigratedDatabase) -> None:
    with database.admin() as connection:
        connection.execute("GRANT DELETE ON features.job_runs TO model_server")
        connection.execute("GRANT SELECT ON features.model_events TO PUBLIC")
        connection.execute("GRANT UPDATE (price) ON features.commodity_prices_daily TO model_server")
        migrations.grants(connection, GRANTS)
        assert connection.execute(
            "SELECT has_column_privilege('model_server', 'features.' || %s, 'price', 'UPDATE')",
            [tables.COMMODITY_PRICES_DAILY],
        ).fetchone() == (False,)
    assert _rights(database) == _declared()


def test_a_role_cannot_do_what_it_was_not_given(database: MigratedDatabase) -> None:
    with database.connect("model_server") as connection:
        connection.execute("SELECT * FROM commodity_prices_daily")
        for forbidden in (
            "DELETE FROM commodity_prices_daily",
            "SELECT * FROM job_runs",
            "CREATE TABLE t (a int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())


@pytest.mark.parametrize(
    ("table", "message"),
    [(tables.PRICE_TRENDS, messages.Analytics), (tables.ML_PREDICTIONS, messages.Prediction)],
)
def test_a_message_has_its_columns(
    database: MigratedDatabase, table: str, message: type[msgspec.Struct]
) -> None:
    columns = database.query(
        "SELECT column_name, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'features' AND table_name = %s",
        [table],
    )
    nullable = {name for name, answer in columns if answer == "YES"}
    if table == tables.ML_PREDICTIONS:
        # Rows of delivery days have these beside, and no return.
        of_days = {"delivery_start", "delivery_end", "issued_at", "kind", "quantiles", "missing", "moved_by"}
        assert of_days < nullable
        columns = [(name, answer) for name, answer in columns if name not in of_days]
        nullable -= {*of_days, "predicted_return"}
    fields = {field.name: field.type for field in msgspec.structs.fields(message)}
    assert {name for name, _ in columns} == set(fields)
    assert nullable == {name for name, kind in fields.items() if type(None) in getattr(kind, "__args__", ())}


def _price(database: MigratedDatabase, day: float, price: float, known: float, symbol: str = "WTI") -> None:
    at = START + timedelta(days=day)
    with database.connect("analytics_consumer") as connection:
        connection.execute(
            "INSERT INTO commodity_prices_daily (source, symbol, product, delivery_start, delivery_end,"
            " resolution, published_at, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset)"
            " VALUES ('s', %s, 'spot', %s, %s, 'P1D', %s, 'crude', %s, 'USD', 'bbl', 'market', false, 0, 0)",
            [symbol, at, at + timedelta(days=1), START + timedelta(days=known), price],
        )


def _prediction(
    database: MigratedDatabase,
    day: float,
    price: float,
    predicted: float,
    symbol: str = "WTI",
    made: float | None = None,
) -> None:
    at = START + timedelta(days=day)
    known = at if made is None else START + timedelta(days=made)
    with database.connect("prediction_consumer") as connection:
        connection.execute(
            "INSERT INTO ml_predictions (source, symbol, event_time, price_available_time, available_time,"
            " market, provenance, horizon_sessions, price, predicted_return, prediction, lower, upper,"
            " nominal_level, model_name, model_version, model_alias, skill)"
            " VALUES ('s', %s, %s, %s, %s, 'crude', 'market', 1, %s, 0, %s, %s, %s, 0.9, 'm', 1, 'champion',"
            " 'none')",
            [symbol, at, known, known, price, predicted, predicted - 1, predicted + 1],
        )


def test_the_current_price_is_the_newest_revision(database: MigratedDatabase) -> None:
    _price(database, 0, 50.0, known=1)
    _price(database, 0, 51.0, known=3)
    _price(database, 0, 49.0, known=2)
    _price(database, 1, 60.0, known=2)
    rows = database.query("SELECT delivery_start, price FROM commodity_prices_current ORDER BY 1")
    assert rows == [(START, 51.0), (START + timedelta(days=1), 60.0)]


def test_an_outcome_is_the_next_sessions_newest_price_beside_the_prediction(
    database: MigratedDatabase,
) -> None:
    for day, price in ((0, 50.0), (3, 52.0), (4, 54.0)):
        _price(database, day, price, known=day)
    _price(database, 3, 52.5, known=5)
    _price(database, 1, 99.0, known=1, symbol="BRENT-M")
    _prediction(database, 0, 50.0, predicted=52.0)
    _prediction(database, 3, 52.5, predicted=50.0)
    _prediction(database, 4, 54.0, predicted=54.0)
    rows = database.query(
        "SELECT event_time, outcome_time, realised_price, covered, abs_error, naive_abs_error"
        " FROM prediction_outcomes ORDER BY event_time"
    )
    assert rows == [
        (START, START + timedelta(days=3), 52.5, True, 0.5, 2.5),
        (START + timedelta(days=3), START + timedelta(days=4), 54.0, False, 4.0, 1.5),
    ]


def test_a_prediction_that_was_made_when_its_outcome_was_known_is_none(database: MigratedDatabase) -> None:
    """Whoever was down for days and catches up has no record in hindsight, also where the outcome is
    corrected later."""
    _price(database, 0, 50.0, known=0)
    _price(database, 1, 52.0, known=2)
    _prediction(database, 0, 50.0, predicted=52.0)
    outcomes = "SELECT realised_price FROM prediction_outcomes"
    assert database.query(outcomes) == [(52.0,)]
    with database.admin() as connection:
        connection.execute(
            "UPDATE features.ml_predictions SET available_time = %s", [START + timedelta(days=2)]
        )
    assert database.query(outcomes) == []
    _price(database, 1, 53.0, known=9)
    assert database.query(outcomes) == []


def test_of_a_session_that_is_predicted_several_times_the_last_before_its_price_counts(
    database: MigratedDatabase,
) -> None:
    _price(database, 0, 50.0, known=0)
    _price(database, 0, 51.0, known=0.5)
    _price(database, 1, 52.0, known=2)
    for made, predicted in ((0.5, 51.5), (0.0, 49.0), (2.5, 52.0)):  # the last one in hindsight
        _prediction(database, 0, 51.0, predicted, made=made)
    outcomes = "SELECT prediction, abs_error FROM prediction_outcomes"
    assert database.query(outcomes) == [(51.5, 0.5)]
    _price(database, 1, 53.0, known=3)
    assert database.query(outcomes) == [(51.5, 1.5)]


def test_of_a_delivery_day_the_last_issue_counts_beside_what_its_sessions_foretold(
    database: MigratedDatabase,
) -> None:
    with database.admin() as connection:
        connection.execute("SET search_path = features")
        for issue, predicted in ((-0.5, 40.0), (-1.0, 30.0), (0.5, 50.0)):
            at = START + timedelta(days=issue)
            connection.execute(
                "INSERT INTO ml_predictions (source, symbol, event_time, price_available_time,"
                " available_time, market, provenance, horizon_sessions, price, prediction, lower, upper,"
                " nominal_level, model_name, model_version, model_alias, skill, delivery_start, delivery_end,"
                " issued_at, kind, quantiles, missing)"
                " VALUES ('s', 'WTI', %s, %s, %s, 'power', 'market', 1, 45, %s, 0, 90, 0.9, 'm', 1,"
                " 'champion', 'none', %s, %s, %s, 'kernel', '{}', '{}')",
                [START, at, at, predicted, START, START + timedelta(days=1), at],
            )
    _prediction(database, 0, 45.0, predicted=60.0, made=0.1)
    _price(database, 0, 45.0, known=0)
    _price(database, 1, 60.5, known=1)
    outcomes = "SELECT prediction, realised_price FROM prediction_outcomes ORDER BY 1"
    assert database.query(outcomes) == [(40.0, 45.0), (60.0, 60.5)]


def test_the_newest_outcomes_of_a_symbol_are_looked_up_by_index(database: MigratedDatabase) -> None:
    with database.admin() as connection:
        connection.execute("SET search_path = features")
        for table, columns, values in (
            (
                "commodity_prices_daily",
                "delivery_start, delivery_end, resolution, product, published_at, market, price, currency,"
                " unit, provenance, correction, topic_partition, topic_offset",
                "at, at, 'P1D', 'spot', at, 'm', 1, 'EUR', 'MWh', 'synthetic', false, 0, 0",
            ),
            (
                "ml_predictions",
                "event_time, price_available_time, available_time, market, provenance, horizon_sessions,"
                " price, predicted_return, prediction, lower, upper, nominal_level, model_name,"
                " model_version, model_alias, skill",
                "at, at, at, 'm', 'synthetic', 1, 1, 0, 1, 0, 2, 0.9, 'm', 1, 'champion', 'none'",
            ),
        ):
            connection.execute(
                f"INSERT INTO {table} (source, symbol, {columns})"
                f" SELECT 's', 'SYN-' || n % 4, {values} FROM (SELECT n, timestamptz '2026-01-01'"
                " + n * interval '1 min' AS at FROM generate_series(1, 20000) n) t".encode()
            )
        connection.execute("ANALYZE")
        (plan,) = connection.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT covered FROM prediction_outcomes"
            " WHERE symbol = 'SYN-1' ORDER BY event_time DESC LIMIT 500"
        ).fetchone() or (None,)

    def scans(node: dict[str, Any]) -> Iterator[str]:
        if node["Actual Loops"]:
            yield node["Node Type"]
        for child in node.get("Plans", []):
            yield from scans(child)

    assert isinstance(plan, list)
    root: dict[str, Any] = plan[0]["Plan"]
    assert "Seq Scan" not in set(scans(root)), json.dumps(plan)
    assert root["Actual Rows"] == 500


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaClient]:
    """A broker of its own: the topics have the platform's names."""
    server = Kafka(tmp_path_factory.mktemp("topics"))
    try:
        yield KafkaClient(server.bootstrap)
    finally:
        server.stop()


class TestTopics:
    """`python -m workloads.migrations topics`."""

    @staticmethod
    def _topics(kafka: KafkaClient, **env: str) -> subprocess.CompletedProcess[str]:
        one = {"TOPIC_REPLICATION": "1", "TOPIC_MIN_INSYNC": "1", "KAFKA_WAIT_SECONDS": "30"}
        return _run("topics", KAFKA_BOOTSTRAP=kafka.bootstrap, **one | env)

    @staticmethod
    def _changes(run: subprocess.CompletedProcess[str]) -> list[str]:
        lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        return [line["change"] for line in lines if line["event"] == "topic_changed"]

    def test_topics_are_made_once_changed_when_declared_otherwise_and_never_shrunk(
        self, broker: KafkaClient
    ) -> None:
        broker.create(topics.COMMODITY_ANALYTICS, 2, {"retention.ms": "1000"})

        run = self._topics(broker)
        assert run.returncode == 0, run.stdout + run.stderr
        wanted = {topic.name: topic.partitions for topic in topics.DECLARED}

        def partitions() -> dict[str, int]:
            found = broker.admin.list_topics(timeout=30).topics
            return {name: len(found[name].partitions) for name in wanted if name in found}

        # The controller has agreed; a broker learns of it a moment later.
        until(lambda: partitions() == wanted, "the topics are as declared")
        until(
            lambda: all(
                broker.configuration(topic.name)["retention.ms"] == str(topic.retention_ms)
                for topic in topics.DECLARED
            ),
            "the topics are kept as long as declared",
        )
        changes = self._changes(run)
        assert "commodity-analytics: partitions 2 -> 6" in changes
        assert any(change.startswith("commodity-analytics: retention.ms 1000 ->") for change in changes)
        assert sum(change.startswith("created ") for change in changes) == len(topics.DECLARED) - 1

        again = self._topics(broker)
        assert (again.returncode, self._changes(again)) == (0, [])

        override = json.dumps({"commodity-analytics": 3_600_000})
        changed = self._topics(broker, TOPIC_RETENTION_MS=override)
        assert len(self._changes(changed)) == 1
        until(
            lambda: broker.configuration("commodity-analytics")["retention.ms"] == "3600000",
            "the topic is kept as long as the setting says",
        )

    def test_what_cannot_be_done_is_refused_before_anything_is_changed(self, broker: KafkaClient) -> None:
        assert self._topics(broker).returncode == 0
        name = f"extra-{secrets.token_hex(3)}"
        run = self._topics(broker, TOPIC_RETENTION_MS=json.dumps({name: 1, topics.ML_PREDICTIONS: 5}))
        assert run.returncode == 1
        assert name in run.stderr
        assert broker.configuration(topics.ML_PREDICTIONS)["retention.ms"] != "5"

    def test_more_partitions_than_declared_are_refused(self, broker: KafkaClient) -> None:
        assert self._topics(broker).returncode == 0
        broker.grow("api-events", 9)
        run = self._topics(broker)
        assert run.returncode == 1
        assert "api-events has 9 partitions and 3 are declared" in run.stderr

    def test_too_few_brokers_are_waited_for_and_said(self, broker: KafkaClient) -> None:
        run = self._topics(broker, TOPIC_REPLICATION="3", KAFKA_WAIT_SECONDS="2")
        assert run.returncode == 1
        assert "1 brokers" in run.stdout
        assert "TOPIC_REPLICATION" in run.stdout
