"""make try: what it refuses, which processes it takes for its own, and what a workload is told."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.unit.tools.conftest import Machine
from tools import console, paths, pilots
from tools.embedded.process import Process
from tools.errors import MissingPrerequisite, ToolError, UsageError
from tools.tryout import __main__ as tryout
from tools.tryout import prerequisites, records, run, view
from tools.tryout.records import Stat
from tools.tryout.stand import BLOCK, Stand
from tools.tryout.table import PREDICTION, SERVER, WORKLOADS
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.declared.services import KAFKA, POSTGRES
from workloads.kit.contracts.platform import ROLES

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import os, signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "os.fork()\n"
    "print('set', flush=True)\n"
    "time.sleep(600)",
)


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setenv("CARBON_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INSTANCE", "unit")
    one = Stand.named()
    one.prepare()
    yield one
    if one.dir.exists():
        one.clear()


def test_an_unknown_workload_is_refused_before_anything_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARBON_STATE", str(tmp_path / "state"))
    with pytest.raises(UsageError, match="'model-servr'") as error:
        run.up("model-servr", detach=False)
    for workload in WORKLOADS:
        assert workload.name in error.value.remedy
    assert not (tmp_path / "state").exists()


def test_leaving_it_up_and_waiting_for_a_person_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="DETACH"):
        run.up("model-server", detach=True)


def test_every_workload_is_told_whom_it_calls_and_no_secret(stand: Stand) -> None:
    secrets = [stand.password(role) for role in ROLES]
    metrics: set[str] = set()
    for workload in WORKLOADS:
        told = stand.environment(workload)
        assert (env.KAFKA_BOOTSTRAP in told) is (KAFKA.name in workload.calls)
        assert (env.POSTGRES_HOST in told) is (POSTGRES.name in workload.calls)
        if workload.role is not None:
            assert workload.role in ROLES
            assert Path(told[env.POSTGRES_PASSWORD_FILE]).read_text() == stand.password(workload.role)
        assert not [value for value in told.values() if value in secrets]
        if env.METRICS_PORT in told:
            assert told[env.METRICS_PORT] not in metrics
            metrics.add(told[env.METRICS_PORT])
    assert stand.environment(PREDICTION)[MODEL_SERVER.url_variable].endswith(
        f":{stand.environment(SERVER)['PORT']}"
    )


def test_the_exports_give_a_shell_what_the_process_would_have(stand: Stand) -> None:
    file = stand.exports(SERVER)
    shown = subprocess.run(
        ["sh", "-c", f'eval "$(cat {file})" && env'], capture_output=True, text=True, check=True
    ).stdout
    for name, value in stand.environment(SERVER).items():
        assert f"{name}={value}\n" in shown


def test_runs_that_begin_at_once_take_different_ports_and_nobody_else_s(tmp_path: Path, stand: Stand) -> None:
    first = stand.port("kafka")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + BLOCK))
        other = Stand(tmp_path / "other.try")
        other.prepare()
    assert other.port("kafka") not in range(first - BLOCK + 1, first + 2 * BLOCK)


def test_a_process_is_ended_with_what_it_started_although_it_does_not_want_to(
    stand: Stand, wait_until: Callable[[Callable[[], bool], str], None]
) -> None:
    process = stand.process(STUBBORN, stand.logs / "stubborn.log")
    wait_until(lambda: (stand.logs / "stubborn.log").read_text().count("set") == 2, "both run")
    [recorded] = stand.processes()
    assert (recorded.name, recorded.stat.pid) == ("stubborn", process.pid)
    both = recorded.members()
    assert len(both) == 2
    records.end([recorded], {}, 0.2)
    assert [pid for pid in both if Stat.of(pid)] == []


def test_what_an_ended_leader_left_behind_is_found_by_the_run_s_mark(
    stand: Stand, wait_until: Callable[[Callable[[], bool], str], None]
) -> None:
    process = stand.process(STUBBORN, stand.logs / "stubborn.log")
    wait_until(lambda: (stand.logs / "stubborn.log").read_text().count("set") == 2, "both run")
    process.kill()
    [recorded] = stand.processes()
    [left] = recorded.members()
    assert recorded.stat.pid != left
    foreign = records.Recorded(recorded.name, recorded.stat, "/somebody/else")
    assert foreign.members() == []
    stand.clear()
    assert Stat.of(left) is None
    assert not stand.dir.exists()


def test_another_process_of_the_same_number_is_left_alone(stand: Stand) -> None:
    innocent = subprocess.Popen(SLEEP)
    try:
        record = stand.dir / "run" / "reused"
        stat = (Path("/proc") / str(innocent.pid) / "stat").read_text()
        started = Stat.parse(stat).started
        record.write_text(stat.replace(f" {started} ", f" {started - 1} "))
        stand.clear()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_half_a_record_is_none(tmp_path: Path) -> None:
    file = tmp_path / "half"
    file.write_text("4711 (kaf")
    assert records.read(file, "") is None


@given(name=st.text(st.characters(exclude_characters="\0\n"), max_size=15), pid=st.integers(1, 1 << 22))
def test_a_name_cannot_shift_the_fields(name: str, pid: int) -> None:
    fields = ["S", "1", "2", str(pid), *map(str, range(7, 53))]
    found = Stat.parse(f"{pid} ({name}) {' '.join(fields)}")
    assert (found.pid, found.state, found.session, found.started) == (pid, "S", pid, 22)


def test_nothing_is_started_any_more_once_it_is_being_ended(stand: Stand) -> None:
    stand.clear()
    with pytest.raises(ToolError, match="being ended"):
        stand.process(SLEEP, stand.logs / "late.log")


def test_all_that_the_machine_lacks_is_said_at_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.packages.PLACES", ())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingPrerequisite) as error:
        prerequisites.check()
    for lacking in ("Java 17", "Maven", "postgres", "redis-server"):
        assert lacking in error.value.message
    machine.program("apt-get", ":")
    machine.program("dpkg-deb", ":")
    machine.program("java", "echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(MissingPrerequisite) as error:
        prerequisites.check()
    assert "PATH has 11" in error.value.message
    assert "redis" not in error.value.message
    assert (
        "sudo sh -c 'apt-get update && apt-get install --yes openjdk-17-jre-headless maven'"
        in error.value.remedy
    )


def test_an_old_way_to_write_java_s_version_is_read(machine: Machine) -> None:
    for program in ("apt-get", "dpkg-deb", "mvn"):
        machine.program(program, ":")
    machine.program("java", "echo 'java version \"1.8.0_292\"' >&2")
    with pytest.raises(MissingPrerequisite, match="PATH has 8"):
        prerequisites.check()
    machine.program("java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    prerequisites.check()


def test_down_without_a_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARBON_STATE", str(tmp_path / "state"))
    run.down()
    assert list(tmp_path.iterdir()) == []


def test_only_warnings_and_worse_are_shown_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text('{"level": "error", "event": "before"}\n')
    lines = view.notable(log)
    assert next(lines) == []
    with log.open("a") as file:
        file.write('{"level": "info", "event": "fine"}\nnot JSON\n[1]\n{"level": "warning", "eve')
    assert next(lines) == []
    with log.open("a") as file:
        file.write('nt": "lag", "group": "g", "workload": "w"}\n')
    assert next(lines) == ["warning: lag group=g"]


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "echo no such port; exit 3"], tmp_path / "server.log")
    with pytest.raises(ToolError, match="exit code 3") as error:
        process.until(lambda: False, "it answers", 20)
    assert error.value.log == tmp_path / "server.log"
    assert "no such port" in "".join(error.value.__notes__)


def test_every_workload_of_the_table_can_be_run() -> None:
    for workload in WORKLOADS:
        package = workload.module.replace(".", "/")
        assert (paths.ROOT / package / "__main__.py").is_file()


@pytest.mark.parametrize(("when", "code"), [("check", 130), ("run", 130), ("watch", 0)])
def test_an_interrupted_run_has_not_ended_well_unless_it_had_come_up(
    when: str, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A script that goes on after `make try DETACH=1` must not go on after one that was interrupted."""
    monkeypatch.setenv("CARBON_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path / "cache"))

    def stop(*_: object) -> None:
        raise run.Stop

    def nothing(*_: object) -> list[Process]:
        return []

    for name, place, attribute in (
        ("check", prerequisites, "check"),
        ("run", run.BringUp, "run"),
        ("show", view, "show"),
        ("watch", view, "watch"),
    ):
        monkeypatch.setattr(place, attribute, stop if name == when else nothing)
    with pytest.raises(SystemExit) as ended:
        console.main(lambda: tryout.app(["up"], standalone_mode=True))
    assert ended.value.code == code


def test_sets_are_of_make_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WITH", "monitoring")
    found = CliRunner().invoke(tryout.app, ["up"])
    assert isinstance(found.exception, UsageError)
    assert "WITH='monitoring'" in str(found.exception)


def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    with pytest.raises(MissingPrerequisite, match="cannot be written") as raised:
        Stand(taken / "below").prepare()
    assert "CARBON_STATE" in (raised.value.remedy or "")


def test_commands_that_are_shown_stand_a_folder_with_spaces(tmp_path: Path) -> None:
    shown = pilots.example(tmp_path / "a folder", "http://here")
    assert shlex.split(shown)[3] == f"@{pilots.file(tmp_path / 'a folder')}"
