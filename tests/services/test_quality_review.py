"""`python -m workloads.data_quality.review` on alerts in a real table, recorded on a real topic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.services.clients import KafkaClient, MigratedDatabase
from tools.paths import ROOT
from workloads.data_quality.alerts import alert, insert
from workloads.data_quality.rules.finding import Finding
from workloads.data_quality.watch import SeriesId
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.topics import PLATFORM_AUDIT

START = datetime(2026, 3, 2, tzinfo=UTC)
SERIES = SeriesId("epex", "DE-LU", "PT1H", "market", ("EUR", "MWh", "power", "day-ahead"))


@pytest.fixture(autouse=True)
def _audit(kafka: KafkaClient) -> Iterator[None]:
    kafka.create(PLATFORM_AUDIT, 3)
    yield
    for future in kafka.admin.delete_topics([PLATFORM_AUDIT]).values():
        future.result(30)


def made(database: MigratedDatabase, rule: Any, hour: int, rows: int) -> str:
    """An alert in the table; returns its id."""
    start = START + timedelta(hours=hour)
    finding = Finding(rule, start, start + timedelta(hours=rows), rows, 5.0, "less", "more", "look")
    one = alert(topics.COMMODITY_PRICES, SERIES, finding, START, datetime.now(UTC))
    with database.admin() as connection:
        connection.execute("SET search_path = features")
        insert(connection, [one, one])
    return one.id


def review(
    kafka: KafkaClient, database: MigratedDatabase, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workloads.data_quality.review", *arguments],
        cwd=ROOT,
        env=os.environ | {"KAFKA_BOOTSTRAP": kafka.bootstrap, **database.env("data_quality")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_a_person_says_is_recorded_holds_and_counts(
    kafka: KafkaClient, database: MigratedDatabase
) -> None:
    with database.admin() as connection:
        connection.execute(
            f"INSERT INTO features.{tables.COMMODITY_PRICES_DAILY} (source, symbol, delivery_start,"
            " resolution, published_at, delivery_end, product, market, price, currency, unit, provenance,"
            " correction, topic_partition, topic_offset)"
            " SELECT 'epex', 'DE-LU', t, 'PT1H', %s, t + interval '1 hour',"
            " 'day-ahead', 'power', 1, 'EUR', 'MWh', 'market', false, 0, 0"
            " FROM generate_series(%s, %s, interval '1 hour') t",
            (START, START, START + timedelta(hours=19)),
        )

    def score() -> dict[str, tuple[int, int, float]]:
        rows = database.query(
            f"SELECT rule, rows, flagged, score FROM {tables.QUALITY_SCORES} WHERE source = 'epex'"
        )
        return {rule: (count, int(flagged), round(share, 3)) for rule, count, flagged, share in rows}

    assert score() == {"all": (20, 0, 1.0)}
    spike, gap = made(database, "spike", 7, 1), made(database, "gap", 20, 4)
    # 20 rows are there and 4 are not: of 24, 5 are flagged.
    assert score()["all"] == (20, 5, round(1 - 5 / 24, 3))
    assert score()["spike"] == (20, 1, 0.95)
    listed = answer(review(kafka, database, "list"))["alerts"]
    assert {one["id"] for one in listed} == {spike, gap}
    answer(review(kafka, database, "release", "--reason=a holiday", "--by=ada", "--", spike))
    answer(review(kafka, database, "confirm", "--reason=the source lost it", "--by=ada", "--", gap))
    assert score()["all"] == (20, 4, round(1 - 4 / 24, 3))
    assert answer(review(kafka, database, "list"))["alerts"] == []
    said = database.query(f"SELECT id, state, reviewed_by, reason FROM {tables.QUALITY_ALERTS}")
    assert set(said) == {
        (spike, "released", "ada", "a holiday"),
        (gap, "confirmed", "ada", "the source lost it"),
    }
    events = [msgspec.json.decode(one.raw, type=AuditEvent) for one in kafka.read(PLATFORM_AUDIT)]
    assert {(one.action, one.subject, one.actor) for one in events} == {
        ("quality-release", f"alert {spike}", "ada"),
        ("quality-confirm", f"alert {gap}", "ada"),
    }
    # Found again, as when the topic is read anew: what was said stays.
    made(database, "spike", 7, 1)
    assert database.query(f"SELECT state FROM {tables.QUALITY_ALERTS} WHERE id = '{spike}'") == [
        ("released",)
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("release", "--reason=x", "--by=ada", "--", "nothing' OR true --"), "there is no alert"),
        (("release", "--reason= ", "--by=ada", "--", "a"), "say why"),
        (("confirm", "--by=ada", "--", "a"), "--reason"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(
    kafka: KafkaClient, database: MigratedDatabase, arguments: tuple[str, ...], said: str
) -> None:
    done = review(kafka, database, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert kafka.read(PLATFORM_AUDIT) == []
