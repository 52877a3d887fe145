"""The run's own project: what is committed, what the run adds, and secrets that stay as they were made."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack import PILOTS
from tools import paths, project
from tools.errors import UsageError
from workloads.kit.contracts.platform import ROLES


class Engine:
    """Stands for the Pulumi CLI: keeps the one secret that is set."""

    def __init__(self) -> None:
        self.secrets: str | None = None
        self.arguments: list[str] = []

    def __call__(self, *args: str, stdin: str | None = None, timeout: float = 300) -> str:
        self.arguments += args
        if args[:2] == ("config", "get"):
            if self.secrets is None:
                raise project.CommandFailed(["pulumi", *args], 255)
            return self.secrets
        if args[:2] == ("config", "set"):
            self.secrets = stdin
        return ""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("CARBON_STATE", str(tmp_path))
    made = Engine()
    monkeypatch.setattr(project, "pulumi", made)
    return made


def _stack_file() -> dict[str, Any]:
    return yaml.safe_load((project.directory() / "Pulumi.local.yaml").read_text())


def test_the_committed_values_are_kept_and_the_runs_own_laid_over_them(engine: Engine) -> None:
    project.generate({"carbon:images": {"kafka": "k:1"}, "carbon:kafka": {"external_port_base": 30406}}, [])
    config = _stack_file()["config"]
    committed = yaml.safe_load((paths.ROOT / "stacks/Pulumi.local.yaml").read_text())["config"]
    assert config["carbon:images"] == {"kafka": "k:1"}
    assert config["carbon:kafka"] == committed["carbon:kafka"] | {"external_port_base": 30406}
    assert config["carbon:postgres"] == committed["carbon:postgres"]


def test_secrets_are_made_once_and_what_a_person_added_stays(engine: Engine) -> None:
    project.generate({}, [])
    first = yaml.safe_load(engine.secrets or "")
    made = {first["postgres_password"], first["redis_password"], *first["roles"].values()}
    assert len(made) == 2 + len(ROLES) + len(PILOTS)
    engine.secrets = json.dumps(first | {"sources": {"api-key": "given"}})
    project.generate({}, [])
    assert yaml.safe_load(engine.secrets or "") == first | {"sources": {"api-key": "given"}}


def test_no_secret_is_ever_an_argument(engine: Engine) -> None:
    project.generate({}, [])
    made = yaml.safe_load(engine.secrets or "")
    assert made["postgres_password"] not in " ".join(engine.arguments)


def test_what_the_engine_encrypted_survives_a_new_generation(engine: Engine) -> None:
    project.generate({}, [])
    file = project.directory() / "Pulumi.local.yaml"
    encrypted: dict[str, Any] = {**_stack_file(), "encryptionsalt": "v1:salt"}
    encrypted["config"][project.SECRETS_KEY] = {"secure": "v1:cipher"}
    file.write_text(yaml.safe_dump(encrypted))
    project.generate({}, [])
    assert _stack_file()["encryptionsalt"] == "v1:salt"
    assert _stack_file()["config"][project.SECRETS_KEY] == {"secure": "v1:cipher"}


def test_files_are_their_owners_alone(engine: Engine) -> None:
    project.generate({}, [])
    for file in project.directory().iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_stack_that_does_not_exist_is_named_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "moon")
    with pytest.raises(UsageError, match="moon") as refused:
        project.stack_name()
    assert "local" in refused.value.remedy
