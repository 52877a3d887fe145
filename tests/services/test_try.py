"""`make try` as a person runs it: to predictions, killed, taken down; and one workload run by hand."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.services.servers import until
from tools import paths
from tools.embedded.process import Process, answers
from tools.tryout.records import Stat
from tools.tryout.stand import Stand

_LIMIT = 600.0
"""Of a busy machine; an idle one takes well below a minute."""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A state of the test's own; whatever a failed test left in it is ended."""
    state = tmp_path / "state"
    yield {"CARBON_STATE": str(state), "INSTANCE": "tried", "ONLY": "", "DETACH": "", "NO_COLOR": "1"}
    if (stand := Stand(state / "tried.try")).dir.exists():
        # For who looks why it failed.
        shutil.copytree(stand.logs, tmp_path / "logs")
        stand.clear()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tools.tryout", *arguments]


def down(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command("down"), cwd=paths.ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def pids(stand: Stand) -> list[int]:
    return [pid for process in stand.processes() for pid in process.members()]


@pytest.mark.thorough
def test_it_predicts_and_nothing_is_left_of_it_even_after_its_command_was_killed(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    stand = Stand(Path(environment["CARBON_STATE"]) / "tried.try")
    log = tmp_path / "try.log"
    run = Process(command("up"), log, environment, cwd=paths.ROOT)
    run.until(lambda: "Ctrl-C ends it" in log.read_text(), "it predicts", _LIMIT)
    said = log.read_text()
    assert "8 of 8" in said
    [curl] = re.findall(r"curl -s '(http\S+)'", said)
    with urllib.request.urlopen(curl, timeout=30) as answer:
        assert '"symbol":"WTI"' in answer.read().decode()
    assert re.search(r"SYN-POWER-DE .* champion v1, proven", said)
    # Prices of the replay go on, and each prediction is shown as it is made.
    run.until(
        lambda: re.search(r"^\d\d:\d\d:\d\d +WTI", log.read_text(), re.MULTILINE) is not None, "one more"
    )

    second = subprocess.run(
        command("up"), cwd=paths.ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert second.returncode == 2
    assert "make try-down ends it" in second.stderr

    port = int(re.findall(r":(\d+)/predict", curl)[0])
    started = pids(stand)
    assert len(started) > 8
    run.kill()
    assert answers(port)
    down(environment)
    assert [pid for pid in started if Stat.of(pid)] == []
    assert not answers(port)
    assert list(Path(environment["CARBON_STATE"]).iterdir()) == []


@pytest.mark.thorough
def test_one_workload_is_the_person_s_and_a_signal_at_any_step_ends_the_rest(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    stand = Stand(Path(environment["CARBON_STATE"]) / "tried.try")
    log = tmp_path / "try.log"
    run = Process(command("up"), log, {**environment, "ONLY": "price-pipeline"}, cwd=paths.ROOT)
    run.until(lambda: "price-pipeline is yours" in log.read_text(), "the others are up", _LIMIT)
    [exports] = re.findall(r'eval "\$\(cat (\S+)\)"', log.read_text())
    [mine] = re.findall(r"-m (workloads\S+ run)$", log.read_text(), re.MULTILINE)
    assert "✓ 3 of 8" not in log.read_text()
    subprocess.run(
        ["sh", "-c", f'eval "$(cat {exports})" && exec {sys.executable} -m {mine} --source crude-monthly'],
        cwd=paths.ROOT,
        check=True,
        capture_output=True,
    )
    run.until(lambda: "✓ 3 of 8" in log.read_text(), "it goes on with what the person's made", _LIMIT)
    started = pids(stand)
    run.send(signal.SIGTERM)
    assert run.wait(120) == 130
    assert [pid for pid in started if Stat.of(pid)] == []
    until(lambda: not stand.dir.exists(), "its directory is gone")
