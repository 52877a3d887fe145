"""Training, promotion and roll-back with a real registry and a real database, by models of known skill."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from tests.fixture_models import ECHO, artifact, echoing
from tests.prices import walk
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tools.embedded.mlflow import Mlflow
from workloads.kit import log
from workloads.kit.contracts.models import PAGE_FILE, model_name
from workloads.kit.registry import ArtifactError, Registry, RegistryError
from workloads.model_training import aliases
from workloads.model_training.__main__ import main

START = datetime(2015, 1, 1, tzinfo=UTC)
ROWS = 1500
GOOD, BAD = ECHO, -ECHO


@pytest.fixture
def registry(mlflow: Mlflow) -> Registry:
    return Registry(mlflow.uri)


class Command:
    """`python -m workloads.model_training`, in this process: a new one takes seconds to import."""

    def __init__(
        self,
        database: MigratedDatabase,
        mlflow: Mlflow,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._environment = {
            **database.env("model_training"),
            "MLFLOW_TRACKING_URI": mlflow.uri,
            "CODE_VERSION": "test",
            "TREES": "20",
            "FOLDS": "2",
            "LIVE_MIN_OUTCOMES": "50",
        }
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        # The run's own logging would replace pytest's.
        monkeypatch.setattr(log, "configure", lambda workload: None)

    def __call__(self, *arguments: str, code: int = 0, **env: str) -> str:
        for name, value in (self._environment | env).items():
            self._monkeypatch.setenv(name, value)
        self._capsys.readouterr()
        found = main(arguments)
        output = self._capsys.readouterr().out
        assert found == code, output
        return output


@pytest.fixture
def training(
    database: MigratedDatabase,
    mlflow: Mlflow,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    return Command(database, mlflow, monkeypatch, capsys)


def events(database: MigratedDatabase, symbol: str) -> list[tuple[object, ...]]:
    return database.query(
        "SELECT event, from_version, to_version, actor, reason FROM model_events"
        " WHERE symbol = %s ORDER BY id",
        (symbol,),
    )


def line(output: str, symbol: str) -> str:
    (found,) = [text for text in output.splitlines() if text.startswith(f"{symbol} ")]
    return found


def page(mlflow: Mlflow, symbol: str, version: int) -> str:
    """The page that is stored with a version."""
    run = MlflowClient(mlflow.uri).get_model_version(model_name(symbol), str(version)).run_id
    found = download_artifacts(run_id=run, artifact_path=PAGE_FILE, tracking_uri=mlflow.uri)
    return Path(found).read_text()


def test_a_run_promotes_what_beats_naive_and_says_what_does_not(
    database: MigratedDatabase, mlflow: Mlflow, registry: Registry, training: Command
):
    add_prices(database, "SYN-ECHO", echoing(1, ROWS), start=START)
    add_prices(database, "WALK", walk(4, ROWS), start=START, provenance="market")
    add_prices(database, "SYN-YOUNG", walk(5, 120), start=START)

    output = training("train")

    assert "promoted" in line(output, "SYN-ECHO")
    assert "challenger, skill: none" in line(output, "WALK")
    assert "no model" in line(output, "SYN-YOUNG")
    named = registry.aliases()
    assert named["SYN-ECHO"] == {"champion": 1}
    assert named["WALK"] == {"challenger": 1}
    assert "SYN-YOUNG" not in named
    assert [event[:4] for event in events(database, "SYN-ECHO")] == [
        ("registered", None, 1, "automatic"),
        ("promoted", None, 1, "automatic"),
    ]
    assert [event[:4] for event in events(database, "WALK")] == [
        ("registered", None, 1, "automatic"),
        ("refused", 1, None, "automatic"),
    ]
    card = registry.card("SYN-ECHO", 1)
    assert (card.provenance, card.skill, card.code_version) == ("synthetic", "proven", "test")
    assert (registry.card("WALK", 1).provenance, registry.card("WALK", 1).skill) == ("real", "none")
    assert card.evaluated.window.end == START + timedelta(days=ROWS - 2)
    # For people, where who serves the model does not download it.
    assert f"{card.evaluated.skill:+.2%}" in page(mlflow, "SYN-ECHO", 1)
    with registry._download("SYN-ECHO", 1) as served:
        assert sorted(file.name for file in served.iterdir()) == ["card.json", "model.onnx"]
    ((status, detail),) = database.query("SELECT status, detail FROM job_runs")
    assert status == "succeeded"
    assert isinstance(detail, dict)
    assert {name: one["decision"] for name, one in detail["symbols"].items()} == {
        "SYN-ECHO": "promoted",
        "WALK": "challenger",
        "SYN-YOUNG": "no model",
    }

    # The same prices again: nothing is registered, and the champion is not pushed out by its own copy.
    assert "unchanged" in line(training("train"), "SYN-ECHO")
    assert registry.newest("SYN-ECHO") == (1, card.fingerprint)
    assert registry.aliases()["SYN-ECHO"] == {"champion": 1}
    assert events(database, "SYN-ECHO")[-1][:3] == ("registered", 1, 1)


def test_a_replayed_price_is_never_trained_on(
    database: MigratedDatabase, registry: Registry, training: Command
):
    """The replay stands for live prices: with it or without, the same model comes out."""
    history = add_prices(database, "REPLAYED", walk(6, ROWS), start=START, provenance="market")
    training("train", "--symbols", "REPLAYED")
    add_prices(
        database, "REPLAYED", walk(7, 300), start=datetime(2026, 1, 1, tzinfo=UTC),
        provenance="replay", source="test-replay",
    )  # fmt: skip

    assert "unchanged" in line(training("train", "--symbols", "REPLAYED"), "REPLAYED")
    assert registry.card("REPLAYED", 1).evaluated.window.end < history[-1]


def test_real_and_synthetic_prices_of_one_symbol_are_refused(
    database: MigratedDatabase, registry: Registry, training: Command
):
    add_prices(database, "MIXED", walk(6, ROWS), start=START, provenance="market", source="a")
    add_prices(database, "MIXED", walk(6, ROWS), start=START, provenance="synthetic", source="b")
    assert "never mixed" in training("train", "--symbols", "MIXED", code=1)
    assert "MIXED" not in registry.aliases()
    assert database.query("SELECT status FROM job_runs") == [("failed",)]


def test_a_better_candidate_replaces_a_champion_that_stays_as_previous(
    database: MigratedDatabase, registry: Registry, training: Command
):
    add_prices(database, "SYN-WORSE", echoing(2, ROWS), start=START)
    registry.register(artifact("SYN-WORSE", BAD), {}, {})
    registry.point("SYN-WORSE", "champion", 1)

    assert "promoted" in line(training("train", "--symbols", "SYN-WORSE"), "SYN-WORSE")
    assert registry.aliases()["SYN-WORSE"] == {"champion": 2, "previous": 1}
    card = registry.card("SYN-WORSE", 2)
    assert card.champion_version == 1
    assert card.champion_skill is not None
    assert card.champion_skill < 0 < card.evaluated.skill


def test_a_worse_candidate_leaves_the_champion_alone(
    database: MigratedDatabase, registry: Registry, training: Command
):
    add_prices(database, "SYN-BEST", echoing(3, ROWS), start=START)
    registry.register(artifact("SYN-BEST", GOOD), {}, {})
    registry.point("SYN-BEST", "champion", 1)

    output = line(training("train", "--symbols", "SYN-BEST"), "SYN-BEST")
    assert "champion version 1 does better" in output
    assert registry.aliases()["SYN-BEST"] == {"champion": 1, "challenger": 2}
    assert events(database, "SYN-BEST")[-1][:4] == ("refused", 2, 1, "automatic")


def live(database: MigratedDatabase, registry: Registry, symbol: str, weights: list[float]) -> None:
    """Versions 1… of the given weights, the last one champion and the one before it previous; each predicted
    the last 80 sessions of an echoing series."""
    prices = echoing(9, 300)
    days = add_prices(database, symbol, prices, start=START)
    for version, weight in enumerate(weights, start=1):
        model = artifact(symbol, weight, fingerprint=f"{symbol} {version}")
        assert registry.register(model, {}, {}) == version
        # Each on days of its own: a prediction is known by its price.
        last = days[-80 * version :][:80]
        known = prices[: days.index(last[-1]) + 1]
        add_predictions(database, model, version, last, known)
    if len(weights) > 1:
        registry.point(symbol, "previous", len(weights) - 1)
    registry.point(symbol, "champion", len(weights))


def test_a_champion_that_fails_live_is_rolled_back_once_and_says_why(
    database: MigratedDatabase, registry: Registry, training: Command
):
    live(database, registry, "SYN-LIVE", [GOOD, BAD])

    assert "rolled back" in line(training("monitor"), "SYN-LIVE")
    assert registry.aliases()["SYN-LIVE"] == {"champion": 1, "challenger": 2}
    ((event, before, after, actor, reason),) = events(database, "SYN-LIVE")
    assert (event, before, after, actor) == ("rolled_back", 2, 1, "automatic")
    assert "live skill -" in str(reason)
    assert "below" in str(reason)

    # Again: the good one is kept, and nothing more is recorded.
    assert "kept" in line(training("monitor"), "SYN-LIVE")
    assert registry.aliases()["SYN-LIVE"] == {"champion": 1, "challenger": 2}
    assert len(events(database, "SYN-LIVE")) == 1


def test_a_failing_champion_without_a_previous_one_becomes_challenger(
    database: MigratedDatabase, registry: Registry, training: Command
):
    live(database, registry, "SYN-ONLY", [BAD])
    assert "no champion: there was no previous one" in line(training("monitor"), "SYN-ONLY")
    assert registry.aliases()["SYN-ONLY"] == {"challenger": 1}
    assert events(database, "SYN-ONLY")[-1][:4] == ("rolled_back", 1, None, "automatic")


def test_a_rolled_back_symbol_has_no_champion_again_before_enough_came(
    database: MigratedDatabase, registry: Registry, training: Command
):
    """Of the same prices the next night makes the same model: it comes back once it is judged on others."""
    add_prices(database, "SYN-BACK", echoing(3, ROWS), start=START)
    assert "promoted" in line(training("train", "--symbols", "SYN-BACK"), "SYN-BACK")
    training("rollback", "--symbol", "SYN-BACK", "--reason", "odd")
    fell = "UPDATE features.model_events SET at = %s WHERE event = 'rolled_back'"
    last = START + timedelta(days=ROWS)
    for sessions_before, decision in ((40, "challenger"), (80, "promoted")):
        with database.admin() as connection:
            connection.execute(fell, [last - timedelta(days=sessions_before)])
        # Another setting, so that the same prices make another model.
        output = line(training("train", "--symbols", "SYN-BACK", TREES=str(20 + sessions_before)), "SYN-BACK")
        assert decision in output
        assert ("was rolled back on" in output) == (decision == "challenger")


def test_a_champion_that_lost_a_little_by_chance_is_kept(
    database: MigratedDatabase, registry: Registry, training: Command
):
    """Of sixty outcomes a skill of a percent below zero says nothing."""
    prices = walk(16, 300)
    days = add_prices(database, "SYN-LUCK", prices, start=START)
    model = artifact("SYN-LUCK", 0.1)
    registry.register(model, {}, {})
    registry.point("SYN-LUCK", "champion", 1)
    add_predictions(database, model, 1, days[-60:], prices)
    found = line(training("monitor"), "SYN-LUCK")
    assert "kept" in found
    assert float(found.split()[3]) < -0.01


def test_too_few_outcomes_decide_nothing(database: MigratedDatabase, registry: Registry, training: Command):
    live(database, registry, "SYN-FEW", [GOOD, BAD])
    assert "too few outcomes" in line(training("monitor", LIVE_MIN_OUTCOMES="81"), "SYN-FEW")
    assert registry.aliases()["SYN-FEW"] == {"champion": 2, "previous": 1}


def test_outcomes_that_the_model_had_seen_do_not_count(
    database: MigratedDatabase, registry: Registry, training: Command
):
    prices = echoing(9, 300)
    days = add_prices(database, "SYN-SEEN", prices, start=START)
    model = artifact("SYN-SEEN", BAD, seen_until=days[-40])
    registry.register(model, {}, {})
    registry.point("SYN-SEEN", "champion", 1)
    add_predictions(database, model, 1, days[-80:], prices)
    found = line(training("monitor"), "SYN-SEEN")
    assert "38 outcomes, 50 are needed" in found
    assert registry.aliases()["SYN-SEEN"] == {"champion": 1}


def test_a_roll_back_by_hand_records_who_and_why(
    database: MigratedDatabase, registry: Registry, training: Command
):
    live(database, registry, "SYN-HAND", [GOOD, GOOD])
    output = training("rollback", "--symbol", "SYN-HAND", "--reason", "spread looks odd")
    assert "SYN-HAND: version 2 -> version 1" in output
    assert registry.aliases()["SYN-HAND"] == {"champion": 1, "challenger": 2}
    assert events(database, "SYN-HAND") == [("rolled_back", 2, 1, "manual", "spread looks odd")]
    # The one that is left has none before it: a second roll-back leaves a challenger, a third has nothing.
    training("rollback", "--symbol", "SYN-HAND", "--reason", "again")
    assert registry.aliases()["SYN-HAND"] == {"challenger": 1}
    assert "nothing to roll back" in training("rollback", "--symbol", "SYN-HAND", "--reason", "x", code=1)


def test_a_promotion_is_refused_when_the_champion_changed_meanwhile(
    database: MigratedDatabase, registry: Registry
):
    for weight in (GOOD, BAD, GOOD):
        registry.register(artifact("SYN-RACE", weight), {}, {})
    registry.point("SYN-RACE", "champion", 2)
    with (
        database.connect("model_training") as connection,
        pytest.raises(aliases.ChampionChanged, match="version 2, not 1"),
    ):
        aliases.promote(connection, registry, "SYN-RACE", 3, champion=1, reason="was better than 1")
    assert registry.aliases()["SYN-RACE"] == {"champion": 2}
    assert events(database, "SYN-RACE") == []


def test_a_change_that_the_registry_refuses_leaves_no_event(database: MigratedDatabase, registry: Registry):
    registry.register(artifact("SYN-NONE", GOOD), {}, {})
    with database.connect("model_training") as connection, pytest.raises(RegistryError):
        aliases.promote(connection, registry, "SYN-NONE", 99, champion=None, reason="there is no version 99")
    assert events(database, "SYN-NONE") == []


def test_a_version_that_is_not_there_is_told_from_a_registry_that_is_away(mlflow: Mlflow, registry: Registry):
    """Who serves it asks the one no more, and waits for the other."""
    registry.register(artifact("SYN-GONE", GOOD), {}, {})
    with pytest.raises(ArtifactError):
        registry.fetch("SYN-GONE", 99)
    MlflowClient(mlflow.uri).delete_model_version(model_name("SYN-GONE"), "1")
    with pytest.raises(ArtifactError):
        registry.fetch("SYN-GONE", 1)
    assert registry.named("SYN-GONE") == registry.named("SYN-NEVER") == {}


@pytest.mark.thorough
def test_a_registry_away_fails_the_run_with_a_clear_line(database: MigratedDatabase):
    done = subprocess.run(
        [sys.executable, "-m", "workloads.model_training", "train"],
        env={
            **os.environ,
            **database.env("model_training"),
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "could not read the registered models in MLflow" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert database.query("SELECT status FROM job_runs") == [("failed",)]
