"""make's commands refuse a wrong argument by name before they start anything; make env is enough for psql."""

from __future__ import annotations

import base64
import json
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import jobs, kube, platform_cli, proc, toolchain
from tools.__main__ import app as everything
from tools.errors import UsageError
from tools.gate import cli as gate_cli
from tools.gate import engine
from workloads.kit.contracts import env

PASSWORD = "a:b\\c 'd"


class Kubectl:
    """The answers of an instance that is up; remembers what it was asked to create."""

    def __init__(self) -> None:
        self.created: list[tuple[str, ...]] = []
        self.answer = "{}"

    def __call__(self, *args: str, **_: object) -> str:
        match args:
            case ("get", "pods", *_):
                labels = [{"app.kubernetes.io/name": name} for name in ("redis", "kafka")]
                return json.dumps({"items": [{"metadata": {"labels": one}} for one in labels]})
            case ("get", "secret", *_):
                return json.dumps(
                    {"data": {env.POSTGRES_PASSWORD: base64.b64encode(PASSWORD.encode()).decode()}}
                )
            case ("exec", *_):
                return json.dumps([{"symbol": "WTI"}, {"symbol": "SYN-GAS-TTF"}])
            case _:
                self.created.append(args)
                return self.answer


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of the instance `unit`, which is up."""
    state = tmp_path / "state" / "unit"
    (state / "node").mkdir(parents=True)
    (state / "kubeconfig").touch()
    (state / "node" / "ports.json").write_text('{"base": 31000}')
    monkeypatch.setenv("CARBON_STATE", str(state.parent))
    monkeypatch.setenv("INSTANCE", "unit")
    monkeypatch.delenv("KUBE_CONTEXT", raising=False)
    monkeypatch.setattr(toolchain, "env_path", lambda names: "/bin")
    return state


@pytest.fixture
def kubectl(state: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    fake = Kubectl()
    monkeypatch.setattr(kube, "kubectl", fake)
    return fake


def refusal(*command: str) -> UsageError:
    error = CliRunner().invoke(platform_cli.app, command).exception
    assert isinstance(error, UsageError), error
    return error


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("env",),
        ("logs", "kafka"),
        ("rollback-model", "--symbol=WTI", "--reason=x"),
        ("forecast", "2017-12-24"),
    ],
    ids=lambda command: command[0],
)
def test_an_instance_that_is_not_up_is_named_with_those_that_are(
    command: tuple[str, ...], kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE", "nope")
    error = refusal(*command)
    assert "INSTANCE='nope' is not up" in error.message
    assert "Up are: unit" in error.remedy


@pytest.mark.parametrize(
    "command",
    [
        ("job", "warehouse-etl"),
        ("keys", "list", "--tenant", "pilot-one"),
        ("letters",),
        ("upload", __file__, "billing/i.csv"),
        ("ingest", __file__, "--as", "prices"),
        ("people",),
        ("skip", "--group", "prediction-consumer"),
        ("quality", "list"),
    ],
    ids=lambda command: command[0],
)
def test_whoever_asks_an_instance_that_is_not_up_is_told_so_and_nothing_is_run(
    command: tuple[str, ...], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE", "nope")
    monkeypatch.setattr(proc, "output", lambda *_, **__: pytest.fail("something was run"))
    monkeypatch.setattr(toolchain, "path", lambda _: pytest.fail("a program was built"))
    error = CliRunner().invoke(everything, command).exception
    assert isinstance(error, UsageError), error
    assert "INSTANCE='nope' is not up" in error.message
    assert "Up are: unit" in error.remedy


def test_down_of_what_is_not_there_says_so(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCE", "nope")
    done = CliRunner().invoke(platform_cli.app, ["down"])
    assert (done.exit_code, "nothing is up" in done.output) == (0, True)


def test_a_job_with_a_person_s_arguments_is_tried_once(kubectl: Kubectl) -> None:
    """The person sees how it ends; another try of wrong arguments ends alike."""
    kubectl.answer = json.dumps(
        {"metadata": {"name": "j"}, "spec": {"backoffLimit": 2, "template": {"spec": {"containers": [{}]}}}}
    )
    assert jobs.template("letters", "--since", "garbage")["spec"]["backoffLimit"] == 0
    assert jobs.template("letters")["spec"]["backoffLimit"] == 2


@pytest.mark.parametrize("wrong", ["nope", ""])
def test_logs_of_what_does_not_run_are_refused_with_what_does(wrong: str, kubectl: Kubectl) -> None:
    error = refusal("logs", wrong)
    assert f"WORKLOAD='{wrong}'" in error.message
    assert "kafka, redis" in error.remedy


def test_an_unknown_symbol_is_refused_before_a_job_runs(kubectl: Kubectl) -> None:
    error = refusal("rollback-model", "--symbol", "NOPE", "--reason", "no such thing")
    assert "SYMBOL='NOPE'" in error.message
    assert "WTI, SYN-GAS-TTF, all" in error.remedy
    assert kubectl.created == []


@pytest.mark.parametrize(
    ("days", "named"),
    [
        (("2017-12-31", "2017-12-24"), "is after"),
        (("tomorrow",), "Invalid isoformat"),
        (("2017-02-30",), "day"),
    ],
)
def test_days_that_are_none_are_refused_before_a_job_runs(
    days: tuple[str, ...], named: str, kubectl: Kubectl
) -> None:
    assert named in refusal("forecast", *days).message
    assert kubectl.created == []


def test_an_unknown_check_is_refused_before_a_stack_is_previewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "local")
    monkeypatch.setattr(engine, "preview_all", lambda *_, **__: pytest.fail("it was previewed"))
    error = CliRunner().invoke(gate_cli.app, ["preview", "--check", "nope"]).exception
    assert isinstance(error, UsageError), error
    assert "no check nope" in error.message
    assert "kube-score" in error.remedy


def test_no_command_waits_for_what_only_another_reads() -> None:
    """The gate's and the cost table's SDKs take seconds to import."""
    heavy = ("pulumi", "pulumi_kubernetes", "celpy", "parliament", "mlflow")
    asked = f"import sys, tools.__main__; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_env_is_enough_for_psql_and_shows_no_secret(state: Path, kubectl: Kubectl) -> None:
    done = CliRunner().invoke(platform_cli.app, ["env"], catch_exceptions=False)
    exported = dict(shlex.split(line)[1].split("=", 1) for line in done.stdout.splitlines())
    assert [exported[name] for name in ("PGHOST", "PGUSER", "PGDATABASE")] == [
        "127.0.0.1",
        "postgres",
        "carbon",
    ]
    file = Path(exported["PGPASSFILE"])
    assert file.parent == state
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "127.0.0.1:*:*:postgres:a\\:b\\\\c 'd\n"
    assert "a:b" not in done.stdout
