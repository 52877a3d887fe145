"""customer-metrics as it is deployed: a process with the packages of its image, on PostgreSQL and Kafka."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import customers
from tests.customers import DAY, HAZARDS, put, row
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, running
from tools import environments, paths
from workloads.customer_metrics.figures import Verdict, write_verdict
from workloads.kit.contracts import tables
from workloads.kit.contracts.declared.customer_metrics import CUSTOMER_METRICS

pytestmark = pytest.mark.thorough

NOW = datetime(2026, 9, 1, tzinfo=UTC)
SCORES = f"SELECT * FROM {tables.CUSTOMER_SCORES} ORDER BY figure, as_of, customer"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def python() -> Path:
    """With the packages of the image."""
    return environments.customers()


@pytest.fixture
def run(python: Path, database: MigratedDatabase, figures: MigratedDatabase) -> Run:
    def asked(*arguments: str, code: int = 0, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        given = {**database.env(CUSTOMER_METRICS.role or ""), "METRICS_DATABASE": figures.name, **env}
        done = subprocess.run(
            [python, "-m", "workloads.customer_metrics", *arguments],
            cwd=paths.ROOT,
            env={**os.environ, **given},
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return asked


def scores(figures: MigratedDatabase, figure: str) -> dict[str, tuple[float, str, Any]]:
    found = figures.query(
        f"SELECT customer, value, label, why FROM {tables.CUSTOMER_SCORES} WHERE figure = %s", (figure,)
    )
    return {customer: (value, label, why) for customer, value, label, why in found}


def verdict(figures: MigratedDatabase, figure: str) -> tuple[str, str, Any, Any]:
    (found,) = figures.query(
        f"SELECT status, reason, parameters, quality FROM {tables.CUSTOMER_MODELS} WHERE figure = %s",
        (figure,),
    )
    return found


def test_what_a_population_was_made_with_is_recovered(figures: MigratedDatabase, run: Run) -> None:
    """Within the errors that docs/customers.md states: a fifth of each parameter of purchases, a tenth of a
    customer's mean, five hundredths of a probability to leave."""
    put(figures, customers.buyers(6_000, NOW - timedelta(weeks=78), 78))
    put(figures, customers.users(4_000, NOW - 400 * DAY, 400))
    run("daily", "--as-of", NOW.isoformat())

    status, reason, parameters, quality = verdict(figures, "clv-EUR")
    assert status == "offered", reason
    for name, true in {**customers.BG_NBD, **customers.GAMMA_GAMMA}.items():
        if name not in ("p", "q", "v"):
            assert parameters[name] == pytest.approx(true, rel=0.2), parameters
    of_mean = {**customers.GAMMA_GAMMA}
    mean = of_mean["p"] * of_mean["v"] / (of_mean["q"] - 1)
    assert parameters["p"] * parameters["v"] / (parameters["q"] - 1) == pytest.approx(mean, rel=0.1)
    held_out = quality["held_out"]
    assert held_out["expected_purchases"] == pytest.approx(held_out["purchases"], rel=0.1)
    assert held_out["mean_absolute_error"] < held_out["mean_absolute_error_of_the_mean"]
    for value, _, why in scores(figures, "clv-EUR").values():
        told = why["expected_purchases"] * why["expected_amount"] * why["discount"]
        assert value == pytest.approx(told, rel=1e-3, abs=1e-2)

    status, reason, _, quality = verdict(figures, "churn")
    assert status == "offered", reason
    assert quality["share_said"] == pytest.approx(quality["share_gone"], abs=0.05)
    assert sum(tenth["customers"] for tenth in quality["calibration"]) == quality["customers"]
    said: dict[str, list[float]] = {group: [] for group in HAZARDS}
    for customer, (value, _, why) in scores(figures, "churn").items():
        odds = why["base_log_odds"] + sum(one["log_odds"] for one in why["of"].values())
        assert value == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-4)
        if why["of"]["days_since_last"]["value"] < 2 and (group := customer.partition("-")[0]) in said:
            said[group].append(value)
    for group, hazard in HAZARDS.items():
        assert len(said[group]) > 100
        assert sum(said[group]) / len(said[group]) == pytest.approx(1 - math.exp(-30 * hazard), abs=0.05)


def test_the_published_parameters_of_cdnow_are_recovered(
    figures: MigratedDatabase, run: Run, python: Path
) -> None:
    """Fader, Hardie and Lee (2005); Fader and Hardie (2013): of 39 weeks of 2357 customers."""
    (file,) = (python.parent.parent / "lib").glob(
        "python3*/site-packages/lifetimes/datasets/CDNOW_sample.txt"
    )
    put(figures, customers.cdnow(file))
    run("daily", "--as-of", "1997-09-30T00:00Z", VALUE_CURRENCY="USD")
    status, reason, parameters, _ = verdict(figures, "clv-USD")
    assert status == "offered", reason
    for name, published in {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}.items():
        assert parameters[name] == pytest.approx(published, rel=0.05), parameters
    for name, published in {"p": 6.25, "q": 3.74, "v": 15.44}.items():
        assert parameters[name] == pytest.approx(published, rel=0.1), parameters
    status, reason, _, _ = verdict(figures, "churn")
    assert status == "refused"
    assert "the history is too short" in reason


def test_buyers_who_all_pay_the_same_get_a_verdict_that_says_why(figures: MigratedDatabase, run: Run) -> None:
    start = NOW - timedelta(weeks=52)
    put(figures, [(*one[:7], 99.0, *one[8:]) for one in customers.buyers(400, start, 52)])
    run("daily", "--as-of", NOW.isoformat())
    status, reason, _, quality = verdict(figures, "clv-EUR")
    said = reason.removeprefix("no fit:").strip()
    assert said
    if status == "offered":
        assert quality["correlation_of_frequency_and_mean"] is None, "of what is all one, none is known"


def test_a_measure_that_is_none_is_kept_as_none(figures: MigratedDatabase) -> None:
    found = Verdict("offered", "by hand", {"q": math.inf}, {"held_out": {"error": math.nan, "weeks": 3}})
    with figures.connect(CUSTOMER_METRICS.role or "") as connection, connection.transaction():
        write_verdict(connection, "by-hand", NOW, found)
    assert verdict(figures, "by-hand") == (
        "offered", "by hand", {"q": None}, {"held_out": {"error": None, "weeks": 3}},
    )  # fmt: skip


def test_what_comes_later_does_not_change_what_an_instant_says(figures: MigratedDatabase, run: Run) -> None:
    put(figures, customers.users(300, NOW - 120 * DAY, 120))
    for command in ("hourly", "daily"):
        run(command, "--as-of", NOW.isoformat())
    everything = [SCORES, *(f"SELECT * FROM {name} ORDER BY 1, 2, 3" for name in (tables.CUSTOMER_COHORTS,))]
    everything += [
        f"SELECT * FROM {name} ORDER BY 1, 2" for name in (tables.CUSTOMER_KPIS, tables.CUSTOMER_MODELS)
    ]
    before = [figures.query(one) for one in everything]
    assert all(before)

    late = [
        (*row(n, f"quiet-{2 * n}", "purchase", NOW - DAY, 9.0)[:9], NOW + timedelta(hours=1))
        for n in range(100)
    ]
    unknown = [list(one) for one in late]
    for n, one in enumerate(unknown):  # it was here, and its source did not know of it yet
        one[0], one[5], one[9] = row(1000 + n, "", "login", NOW)[0], NOW + DAY, NOW - DAY
    put(figures, [*late, *unknown])
    for command in ("hourly", "daily"):
        run(command, "--as-of", NOW.isoformat())
    assert [figures.query(one) for one in everything] == before

    run("hourly", "--as-of", (NOW + 2 * DAY).isoformat())
    newer = figures.query(
        f"SELECT count(*) FROM {tables.CUSTOMER_SCORES} WHERE as_of > %s AND why->'of' ? 'purchase'", (NOW,)
    )
    assert newer == [(100,)]


def test_small_figures_are_what_they_are_by_hand(figures: MigratedDatabase, run: Run) -> None:
    at = NOW - timedelta(hours=2)
    put(
        figures,
        [
            row(1, "ada", "login", NOW - 7 * DAY),
            row(2, "ada", "download", NOW - 7 * DAY),
            row(3, "ada", "error", at),
            row(4, "bob", "purchase", datetime(2026, 6, 5, tzinfo=UTC), 10.0),
            row(5, "bob", "purchase", datetime(2026, 8, 5, tzinfo=UTC), 20.0),
            row(6, "eve", "login", datetime(2026, 6, 9, tzinfo=UTC)),
        ],
    )
    with figures.admin() as connection:
        for n, (customer, score) in enumerate([("ada", 10), ("bob", 9), ("eve", 3), ("eve", 8)]):
            connection.execute(
                "INSERT INTO features.customer_events (event_id, customer, subject, kind, occurred_at,"
                " published_at, source, score, received_at) VALUES"
                " (gen_random_uuid(), %s, 'x', 'nps', %s, %s, 'test', %s, %s)",
                (customer, *[NOW - (9 - n) * DAY] * 2, score, NOW - DAY),
            )
    for command in ("hourly", "daily"):
        run(command, "--as-of", NOW.isoformat())
    value, _, why = scores(figures, "engagement")["ada"]
    assert why["of"]["download"] == {"events": 1, "points": pytest.approx(2.5, abs=0.01)}
    assert why["points"] == pytest.approx(sum(one["points"] for one in why["of"].values()))
    assert value == pytest.approx(100 * (1 - math.exp(-why["points"] / 50)))
    kpis = dict(figures.query(f"SELECT name, value FROM {tables.CUSTOMER_KPIS}"))
    # Eve's later answer replaces her first one: two promoters, one passive.
    assert kpis["nps_90d"] == pytest.approx(200 / 3)
    assert kpis["revenue_30d_EUR"] == 20.0
    assert kpis["error_share_1d"] == 1.0
    assert kpis["active_30d"] == 2
    cohorts = figures.query(
        f"SELECT cohort::text, month, customers, active FROM {tables.CUSTOMER_COHORTS} ORDER BY 1, 2"
    )
    june = [
        ("2026-06-01", 0, 2, 2),
        ("2026-06-01", 1, 2, 0),
        ("2026-06-01", 2, 2, 1),
        ("2026-06-01", 3, 2, 0),
    ]
    assert cohorts == [*june, ("2026-08-01", 0, 1, 1), ("2026-08-01", 1, 1, 0)]
    assert scores(figures, "rfm")["ada"][2]["classes"] == {"recency": 5, "frequency": 1, "money": 1}


@pytest.fixture
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


@pytest.mark.usefixtures("_topics")
def test_a_file_is_imported_once_and_its_bad_rows_are_named(
    kafka: KafkaClient, database: MigratedDatabase, figures: MigratedDatabase, run: Run, tmp_path: Path
) -> None:
    text = (
        "customer,kind,occurred_at,amount,currency,score,published_at\n"
        "ada,purchase,2026-03-01T10:00:00+01:00,12.50,EUR,,2026-03-01T10:00:00Z\n"
        "ada,nps,2026-03-02T10:00:00Z,,,10,\n"
        "bob,purchase,2026-03-02T10:00:00Z,-3,EUR,,\n"
        "bob,nps,2026-03-02 10:00,,,4,\n"
        '"=cmd|x",nps,2026-03-02T10:00:00Z,,,4,\n'
        "bob,nps,2026-03-02T10:00:00Z,,,44,\n"
        "bob,purchase,2026-03-02T10:00:00Z,nan,EUR,,\n"
        "bob,nps\n"
    )
    file = tmp_path / "customers.csv"
    file.write_text(text)
    env = {"KAFKA_BOOTSTRAP": kafka.bootstrap}
    for _ in range(2):
        done = run("import", str(file), code=3, **env)
        assert "2 events sent, 6 rows left out" in done.stdout
        lines = [line for line in done.stderr.splitlines() if line.startswith("line ")]
        assert [line.partition(":")[0] for line in lines] == [f"line {n}" for n in range(4, 10)]
        assert "amount '-3'" in lines[0]
        assert "occurred_at '2026-03-02 10:00': it has no zone" in lines[1]
        assert "customer '=cmd|x'" in lines[2]
        assert "score '44'" in lines[3]
    with running(
        "workloads.customer_consumer", kafka, database, tmp_path, METRICS_DATABASE=figures.name
    ) as group:
        group.finish()
    kept = figures.query(
        "SELECT customer, kind, amount, score, published_at = '2026-03-01 10:00Z',"
        " published_at > '2026-06-01'"
        f" FROM {tables.CUSTOMER_EVENTS} ORDER BY kind"
    )
    assert kept == [("ada", "nps", None, 10, False, True), ("ada", "purchase", 12.5, None, True, False)]
    assert run("import", "-", code=2, text="customer,email\nada,a@b\n", **env).stderr.startswith(
        "-: column kind"
    )


def test_a_run_that_cannot_reach_the_database_fails_and_a_wrong_instant_is_refused(run: Run) -> None:
    assert "is not over" in run("hourly", "--as-of", "2199-01-01T00:00Z", code=2).stderr
    assert "is of no year" in run("hourly", "--as-of", "0001-01-01T00:00+05:00", code=2).stderr
    assert "run_failed" in run("hourly", code=1, METRICS_DATABASE="nowhere").stdout


def test_each_run_leaves_its_record(database: MigratedDatabase, run: Run) -> None:
    run("hourly")
    ((job, status, detail),) = database.query(f"SELECT job, status, detail FROM {tables.JOB_RUNS}")
    assert (job, status) == (CUSTOMER_METRICS.name, "succeeded")
    assert set(json.loads(json.dumps(detail))) == {"as_of", "engagement", "kpis"}
