"""postgres-exporter's queries, run as its role on the real schema: each figure is what its name says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from infra.manifests.exporters import queries
from tests.services.clients import MigratedDatabase
from workloads.kit.contracts import tables

pytestmark = pytest.mark.thorough

Admin = psycopg.Connection[tuple[Any, ...]]

START = datetime(2026, 1, 1, tzinfo=UTC)


def figures(database: MigratedDatabase, name: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Rows of a query: labels → figures, in the order in which the query declares both."""
    query = queries()[name]
    declared = [next(iter(column.items())) for column in query["metrics"]]
    labels = [column for column, what in declared if what["usage"] == "LABEL"]
    values = [column for column, what in declared if what["usage"] != "LABEL"]
    with database.connect("postgres_exporter") as connection:
        cursor = connection.execute(query["query"])
        assert cursor.description is not None
        assert {column.name for column in cursor.description} == {*labels, *values}
        rows = [dict(zip([c.name for c in cursor.description], row, strict=True)) for row in cursor]
    return {
        tuple(row[label] for label in labels): tuple(
            None if row[value] is None else float(row[value]) for value in values
        )
        for row in rows
    }


def test_a_job_is_late_from_its_last_success_and_failed_by_its_newest_end(database: MigratedDatabase) -> None:
    runs = (
        ("pipeline", "a", 0, "succeeded"),
        ("pipeline", "b", 1, "failed"),
        ("pipeline", "c", 2, "running"),
        ("training", "d", 0, "failed"),
        ("training", "e", 3, "succeeded"),
        ("never", "f", 0, "running"),
    )
    with database.admin() as connection:
        for job, run, hour, status in runs:
            started = START + timedelta(hours=hour)
            ended = None if status == "running" else started + timedelta(minutes=5)
            connection.execute(
                "INSERT INTO features.job_runs (job, run_id, started_at, finished_at, status)"
                " VALUES (%s, %s, %s, %s, %s)",
                (job, run, started, ended, status),
            )
    assert figures(database, "carbon_job") == {
        ("pipeline",): ((START + timedelta(minutes=5)).timestamp(), 1.0),
        ("training",): ((START + timedelta(hours=3, minutes=5)).timestamp(), 0.0),
        ("never",): (0.0, 0.0),
    }


def test_the_warehouse_says_what_its_newest_run_left_out(database: MigratedDatabase) -> None:
    assert figures(database, "carbon_warehouse_run") == {}
    runs = (
        ("a", 0, "failed", '{"rows": 7, "refused": 1, "failed": {"crm.people": "away", "etrm.trades": "x"}}'),
        ("b", 1, "running", "{}"),
    )
    with database.admin() as connection:
        for run, hour, status, detail in runs:
            connection.execute(
                "INSERT INTO features.job_runs (job, run_id, started_at, status, detail)"
                " VALUES ('warehouse-etl', %s, %s, %s, %s)",
                (run, START + timedelta(hours=hour), status, detail),
            )
    assert figures(database, "carbon_warehouse_run") == {(): (2.0, 7.0, 1.0)}
    with database.admin() as connection:
        # One that failed before it looked at any table.
        connection.execute("UPDATE features.job_runs SET status = 'failed' WHERE run_id = 'b'")
    assert figures(database, "carbon_warehouse_run") == {(): (0.0, 0.0, 0.0)}


def test_a_model_is_as_old_as_its_newest_registration(database: MigratedDatabase) -> None:
    with database.admin() as connection:
        for day, event in ((0, "registered"), (1, "registered"), (2, "promoted")):
            connection.execute(
                "INSERT INTO features.model_events (at, symbol, model_name, event, actor, reason)"
                " VALUES (%s, 'WTI', 'next-return.WTI', %s, 'automatic', 'test')",
                (START + timedelta(days=day), event),
            )
    assert figures(database, "carbon_model_trained") == {("WTI",): ((START + timedelta(days=1)).timestamp(),)}


def test_live_figures_are_of_models_and_never_mix_real_and_synthetic(database: MigratedDatabase) -> None:
    # The intervals are 95 to 105.
    with database.admin() as connection:
        _price(connection, "WTI", 0, 100, "market")
        _predict(connection, "WTI", 0, 102, "champion")
        _price(connection, "WTI", 1, 104, "replay")
        _predict(connection, "WTI", 1, 104, "champion")
        _price(connection, "WTI", 2, 108, "replay")
        _predict(connection, "WTI", 2, 1, "naive")
        _price(connection, "WTI", 3, 500, "replay")
        _price(connection, "SYN-X", 0, 100, "synthetic")
        _predict(connection, "SYN-X", 0, 98, "challenger")
        _price(connection, "SYN-X", 1, 101, "synthetic")

    live = figures(database, "carbon_model_live")
    assert live.keys() == {("WTI", "real"), ("SYN-X", "synthetic")}
    # Errors 2 and 4 against 4 and 4 of the last value; 104 is within the interval, 108 is not.
    assert live["WTI", "real"] == pytest.approx((1 - 6 / 8, 0.5))
    assert live["SYN-X", "synthetic"] == pytest.approx((1 - 3 / 1, 1.0))


def test_live_figures_forget_what_is_long_past(database: MigratedDatabase) -> None:
    with database.admin() as connection:
        for day in range(502):
            _price(connection, "WTI", day, 100 + day % 2, "market")
            _predict(connection, "WTI", day, 1_000_000 if day == 0 else 100 + (day + 1) % 2, "champion")
    assert figures(database, "carbon_model_live")["WTI", "real"][0] == pytest.approx(1.0)


def _price(connection: Admin, symbol: str, day: int, price: float, provenance: str) -> None:
    at = START + timedelta(days=day)
    connection.execute(
        "INSERT INTO features.commodity_prices_daily (source, symbol, product, delivery_start, delivery_end,"
        " resolution, published_at, market, price, currency, unit, provenance, correction, topic_partition,"
        " topic_offset) VALUES ('test', %s, 'spot', %s, %s, 'P1D', %s, 'test', %s, 'USD', 'bbl', %s, false,"
        " 0, %s)",
        (symbol, at, at + timedelta(days=1), at, price, provenance, day),
    )


def _predict(connection: Admin, symbol: str, day: int, prediction: float, alias: str) -> None:
    connection.execute(
        "INSERT INTO features.ml_predictions (source, symbol, event_time, price_available_time,"
        " available_time, market, provenance, horizon_sessions, price, predicted_return, prediction,"
        " lower, upper, nominal_level, model_name, model_version, model_alias, skill)"
        " SELECT source, symbol, delivery_start, published_at, published_at, market, provenance, 1,"
        " price, 0, %s, 95, 105, 0.9, 'm', 1, %s, 'none'"
        " FROM features.commodity_prices_daily WHERE symbol = %s AND delivery_start = %s",
        (prediction, alias, symbol, START + timedelta(days=day)),
    )


def test_months_ahead_are_those_after_this_one(database: MigratedDatabase) -> None:
    assert figures(database, "carbon_store_partitions") == {(name,): (1.0,) for name in tables.BY_MONTH}
    with database.admin() as connection:
        for month in (
            connection.execute(
                "SELECT relid::regclass::text FROM pg_partition_tree('features.price_trends')"
                " WHERE relid::regclass::text ~ '[0-9]$' ORDER BY 1 DESC LIMIT 1"
            ).fetchone()
            or ()
        ):
            connection.execute(f"DROP TABLE {month}".encode())
    assert figures(database, "carbon_store_partitions")[(tables.PRICE_TRENDS,)] == (0.0,)
