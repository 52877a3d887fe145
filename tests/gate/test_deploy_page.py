"""What docs/deploy-aws.md tells to run first, run on the real engine with the committed stacks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import paths
from tools.gate import engine, settings
from tools.gate.engine import Project

PAGE = (paths.ROOT / "docs" / "deploy-aws.md").read_text()


def _section(heading: str) -> str:
    """The first block of commands below a heading."""
    _, _, rest = PAGE.partition(f"## {heading}\n")
    found = re.search(r"^```sh\n(.*?)^```$", rest, re.M | re.S)
    assert found, heading
    return found[1]


@pytest.fixture
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A run's project of the stack that the test names."""
    monkeypatch.setenv("CARBON_STATE", str(tmp_path / "state"))
    with engine.project(request.param) as made:
        made.configure(settings.configuration(request.param))
        yield made


def _sh(project: Project, script: str, **variables: str) -> str:
    # As at a terminal, but for its questions.
    script = re.sub(r"^pulumi up", "pulumi up --yes --skip-preview", script, flags=re.M)
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        env=os.environ | project.environment | {"STACK": project.stack} | variables,
        cwd=project.directory,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.parametrize("project", ["dr"], indirect=True)
def test_the_registry_is_made_before_the_rest(project: Project) -> None:
    (command,) = [line for line in _section("2. Registry and images").splitlines() if "--target" in line]
    _sh(project, command)
    state = json.loads(project.pulumi("stack", "export", "--stack", "dr"))["deployment"]["resources"]
    made = {resource["type"].partition("/")[0] for resource in state if resource["custom"]}
    assert made == {"pulumi:providers:aws", "aws:kms", "aws:ecr"}


@pytest.mark.parametrize("project", ["bootstrap"], indirect=True)
def test_the_states_bucket_gets_the_state_that_made_it(project: Project, tmp_path: Path) -> None:
    """The page's commands, with two directories as the two backends and a passphrase for the key in KMS."""
    script = _section("1. Bootstrap")
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
    for said, here in (
        ("pulumi login --local", f"pulumi login file://{first}"),
        ('"$(pulumi stack output backend --stack bootstrap)"', f"file://{second}"),
        (' --secrets-provider "awskms://alias/carbon/bootstrap/state?region=eu-central-1"', ""),
        (" --policy-pack policies", ""),
        ("export PULUMI_CONFIG_PASSPHRASE=…", "export PULUMI_CONFIG_PASSPHRASE=stand-in"),
    ):
        assert said in script, said
        script = script.replace(said, here)
    # Which backend it is, `pulumi login` has to say.
    printed = _sh(project, f"unset PULUMI_BACKEND_URL\n{script}\npulumi stack ls --json\n")
    assert "s3://carbon-bootstrap-state-111122223333-eu-central-1?region=eu-central-1" in printed
    assert "awskms://alias/carbon/bootstrap/state?region=eu-central-1" in printed
    (there,) = json.loads(printed[printed.rindex("[\n") :])
    assert there["resourceCount"] > 10
    assert list((second / ".pulumi" / "stacks").rglob("bootstrap.json"))


def test_what_the_page_names_is_there() -> None:
    makefile = (paths.ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"`make ([a-z-]+)", PAGE)) <= targets
    commands = set(re.findall(r"python -m tools ([a-z]+ [a-z]+)", PAGE))
    assert commands
    for command in sorted(commands):
        called = [sys.executable, "-m", "tools", *command.split(), "--help"]
        assert subprocess.run(called, cwd=paths.ROOT, capture_output=True, check=False).returncode == 0, (
            command
        )
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (paths.ROOT / "docs" / link).exists(), link
    variables = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.M))
    used: set[str] = set()
    for file in (paths.ROOT / ".github").rglob("*.yml"):
        used |= set(re.findall(r"vars\.([A-Z_]+)", file.read_text()))
    assert variables == used
