"""GitHub's workflows: what they may do, what they run, and which images every stack gets."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.components.aws import runner
from infra.names import Names
from tools import paths
from tools.gate import settings

GITHUB = paths.ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))

UNTRUSTED = re.compile(
    r"\$\{\{[^}]*(github\.event\.(pull_request\.(title|body|head\.(ref|label))|issue|comment|review|head_commit)"
    r"|github\.head_ref|github\.event\.workflow_run\.head_branch|inputs\.)"
)
"""Expressions that somebody outside may fill in: in a script they would be run."""

SIGNED_IN = "aws-actions/configure-aws-credentials"
NAMES = Names("prod", "111122223333", "eu-central-1")
WRITING_ROLE = "${{ vars.AWS_ROLE_ARN }}"


@dataclass(frozen=True)
class Step:
    """A step, and where it stands."""

    file: Path
    job: str
    body: Mapping[str, Any]

    @property
    def uses(self) -> str:
        return self.body.get("uses", "")

    @property
    def run(self) -> str:
        return self.body.get("run", "")


def load(file: Path) -> dict[str, Any]:
    """A workflow; YAML reads its key `on` as a truth value."""
    read: dict[Any, Any] = yaml.safe_load(file.read_text())
    return {"on": read.pop(True, None), **read}


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    return load(file)["jobs"]


def steps() -> Iterator[Step]:
    """Every step of every workflow and action."""
    for file in WORKFLOWS:
        for name, job in jobs(file).items():
            for body in job.get("steps", []):
                yield Step(file, name, body)
    for file in ACTIONS:
        for body in load(file)["runs"]["steps"]:
            yield Step(file, "", body)


def triggers(file: Path) -> set[str]:
    return set(load(file)["on"])


def named(name: str) -> Path:
    (found,) = [file for file in WORKFLOWS if file.stem == name]
    return found


def test_foreign_actions_are_pinned_by_commit_and_say_which_version_that_is() -> None:
    found = 0
    for file in [*WORKFLOWS, *ACTIONS]:
        for line in file.read_text().splitlines():
            if (used := re.search(r"\buses: (\S+)", line)) and not used[1].startswith("./"):
                assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), (
                    f"{file.name}: {line}"
                )
                found += 1
    assert found > 10


def test_an_action_is_of_one_version_everywhere() -> None:
    versions: dict[str, set[str]] = {}
    for step in steps():
        if "@" in step.uses:
            name, _, commit = step.uses.partition("@")
            versions.setdefault(name, set()).add(commit)
    assert versions
    assert all(len(commits) == 1 for commits in versions.values()), versions


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_nothing_is_allowed_that_a_job_does_not_ask_for(file: Path) -> None:
    workflow = load(file)
    assert workflow["permissions"] == {}, "the workflow itself may do nothing: each job says what it needs"
    for name, job in workflow["jobs"].items():
        assert "permissions" in job, name
        writes = {scope for scope, right in job["permissions"].items() if right == "write"}
        allowed = {"id-token", "pull-requests"} if file.stem != "drift" else {"id-token", "issues"}
        assert writes <= allowed, name


def test_who_takes_on_a_role_can_write_nothing_at_github() -> None:
    roles = 0
    for file in WORKFLOWS:
        for name, job in jobs(file).items():
            rights = job["permissions"]
            if rights.get("id-token") == "write" and "steps" in job:
                roles += 1
                assert {scope for scope, right in rights.items() if right == "write"} == {"id-token"}, name
    assert roles >= 4


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_every_job_ends_by_itself(file: Path) -> None:
    for name, job in jobs(file).items():
        assert "uses" in job or job.get("timeout-minutes", 999) <= 120, name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_workflow_runs_a_strangers_code_with_rights(file: Path) -> None:
    assert "pull_request_target" not in triggers(file)
    if "workflow_run" not in triggers(file):
        return
    for name, job in jobs(file).items():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert "ref" not in step["with"], f"{name} checks out the pull request's code"
                assert "repository" not in step["with"], name


def test_a_comment_is_written_by_the_base_branchs_code() -> None:
    checked_out = 0
    for file in WORKFLOWS:
        for name, job in jobs(file).items():
            if job["permissions"].get("pull-requests") != "write" or "workflow_run" in triggers(file):
                continue
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["ref"] == "${{ github.event.pull_request.base.sha }}", name
                    checked_out += 1
    assert checked_out == 1


def test_a_checkout_leaves_no_token_behind() -> None:
    found = [step for step in steps() if step.uses.startswith("actions/checkout@")]
    assert found
    assert all(step.body["with"]["persist-credentials"] is False for step in found)


def test_scripts_get_what_others_wrote_by_environment_and_never_by_expression() -> None:
    assert UNTRUSTED.search("echo ${{ github.event.pull_request.title }}")
    for step in steps():
        assert not UNTRUSTED.search(step.run), f"{step.file.name}: {step.run}"


def test_scripts_fail_at_the_first_command_that_does() -> None:
    for step in steps():
        if step.run and "|" in step.run:
            shell = step.body.get("shell") or load(step.file).get("defaults", {}).get("run", {}).get("shell")
            assert shell == "bash", f"{step.file.name}: without bash a pipe's first command fails unseen"


def test_no_stored_credential_is_used() -> None:
    """Roles are taken on by OIDC; the only token is the run's own."""
    for file in [*WORKFLOWS, *ACTIONS]:
        text = file.read_text()
        assert "secrets." not in text, file.name
        assert "access-key" not in text, file.name


def test_the_gate_needs_no_credential() -> None:
    gate = load(named("gate"))
    assert set(gate["on"]) == {"pull_request", "workflow_call"}
    for name, job in gate["jobs"].items():
        assert job["permissions"] == {"contents": "read"}, name
        assert not any(SIGNED_IN in step.get("uses", "") for step in job["steps"]), name
    assert "make preview STACK=all" in named("gate").read_text()
    assert "make test-fast" in named("gate").read_text()


def test_a_pull_request_gets_no_role_that_writes() -> None:
    for file in WORKFLOWS:
        if "pull_request" in triggers(file) or "workflow_run" in triggers(file):
            assert WRITING_ROLE not in file.read_text(), file.name
    job = jobs(named("preview"))["preview"]
    assert "vars.AWS_PREVIEW_ROLE_ARN != ''" in job["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_who_writes_to_aws_is_in_an_environment_with_reviewers() -> None:
    writing = [
        (file, job)
        for file in WORKFLOWS
        for job in jobs(file).values()
        if any(step.get("with", {}).get("role-to-assume") == WRITING_ROLE for step in job.get("steps", []))
    ]
    assert len(writing) == 2, "the one that pushes images, and the one that changes a stack"
    assert all("environment" in job for _, job in writing)


def test_stacks_are_deployed_one_after_the_other_and_only_after_the_gate() -> None:
    order = jobs(named("deploy"))
    assert {name: job.get("needs") for name, job in order.items()} == {
        "gate": None,
        "images": "gate",
        "dev": "images",
        "staging": "dev",
        "dr": "staging",
        "prod": "dr",
    }
    for name in ("dev", "staging", "dr", "prod"):
        assert order[name]["with"]["stack"] == name
    assert "refs/heads/main" in order["images"]["if"]


def test_every_stack_runs_the_images_that_were_built_once() -> None:
    """One job builds; all others take its artifact, check the signature, and keep the digests."""
    builds = [step for step in steps() if "images push" in step.run]
    assert [step.file.stem for step in builds] == ["images"]
    assert "images.json" in builds[0].run
    (kept,) = [step for step in steps() if step.body.get("with", {}).get("path") == "images.json"]
    assert kept.file.stem == "images"
    assert kept.uses.startswith("actions/upload-artifact@")
    artifact = kept.body["with"]["name"]
    deploy = jobs(named("deploy-stack"))
    for job in deploy.values():
        taken = [s for s in job["steps"] if s.get("uses", "").startswith("actions/download-artifact@")]
        assert [s["with"]["name"] for s in taken] == [artifact]
        assert any("pulumi config set carbon:images" in s.get("run", "") for s in job["steps"])
    (bring,) = [s["run"] for s in deploy["up"]["steps"] if "images promote" in s.get("run", "")]
    assert bring.index("cosign verify") < bring.index("images promote")


def test_the_preview_of_a_deployment_names_images_as_the_deployment_will() -> None:
    deploy = jobs(named("deploy-stack"))
    scripts = {
        name: s["run"]
        for name, job in deploy.items()
        for s in job["steps"]
        if "images promote" in s.get("run", "")
    }
    assert scripts["preview"].replace(" --no-copy", "").strip() in scripts["up"]


def test_images_are_built_for_the_nodes_that_run_them() -> None:
    nodes: set[str] = set()
    for stack in ("dev", "staging", "prod"):
        sections = settings.layers(stack).merged()
        nodes.add(sections["aws"]["cluster"]["system_nodes"]["architecture"])
        for pool in sections["services"]["karpenter"]["pools"].values():
            nodes.update(pool["architectures"])
    runner = jobs(named("images"))["images"]["runs-on"]
    assert nodes == ({"arm64"} if runner.endswith("-arm") else {"x86_64", "amd64"})


@pytest.mark.parametrize("stack", ["bootstrap", "dev", "staging", "dr", "prod"])
def test_a_stack_its_environment_and_its_names_are_called_alike(stack: str) -> None:
    """A role may touch what has its environment's name, and images go to the registry of that name."""
    assert settings.layers(stack).merged()["labels"]["environment"] == stack
    github = settings.layers("bootstrap").merged()["aws"]["github"]["environments"]
    assert stack in [*github, "bootstrap"]


def test_a_signature_is_looked_for_where_it_was_made() -> None:
    signers = {
        step_env["SIGNER"]
        for file in WORKFLOWS
        for job in jobs(file).values()
        for step_env in [job.get("env", {}), *(s.get("env", {}) for s in job.get("steps", []))]
        if "SIGNER" in step_env
    }
    assert len(signers) == 1
    assert signers.pop().endswith("/.github/workflows/images.yml@refs/heads/main")


def test_what_is_scanned_is_signed_only_afterwards() -> None:
    (script,) = [step.run for step in steps() if "cosign sign" in step.run]
    assert script.index("--fail-on critical") < script.index("cosign sign")


def test_updates_are_never_cut_off_and_never_run_twice_at_once() -> None:
    for concurrency in (
        load(named("deploy"))["concurrency"],
        jobs(named("deploy-stack"))["up"]["concurrency"],
    ):
        assert concurrency["cancel-in-progress"] is False


def test_drift_is_looked_for_every_night_and_reported_apart() -> None:
    drift = load(named("drift"))
    assert re.fullmatch(r"\d+ \d+ \* \* \*", drift["on"]["schedule"][0]["cron"])
    text = named("drift").read_text()
    assert "--refresh --expect-no-changes" in text
    # Its role reads no Secret: a read that is refused would be taken for a difference, every night.
    for kind in ("kubernetes:core/v1:Secret", "kubernetes:helm.sh/v3:Release"):
        assert f'--exclude "**{kind}::**"' in text
    assert drift["jobs"]["report"]["permissions"] == {"issues": "write"}
    (page,) = re.findall(r"runbooks/[\w/]+\.md", text)
    assert (paths.ROOT / page).is_file()


def test_what_the_workflows_run_is_there() -> None:
    """Targets of the Makefile, commands of the tools, files: a renamed one would be met only at GitHub."""
    scripts = "\n".join(step.run for step in steps())
    targets = set(re.findall(r"^([a-z-]+):", (paths.ROOT / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"^\s*make ([a-z-]+)", scripts, re.MULTILINE))
    assert used
    assert used <= targets
    commands = set(re.findall(r"python -m tools ([a-z]+(?: [a-z]+)?)", scripts))
    assert commands
    for command in sorted(commands):
        done = subprocess.run(
            [sys.executable, "-m", "tools", *command.split(), "--help"],
            cwd=paths.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"python -m tools {command}: {done.stderr}"
    for step in steps():
        if step.uses.startswith("./"):
            where = paths.ROOT / step.uses
            assert where.is_file() or (where / "action.yml").is_file(), step.uses


def test_tools_that_a_job_installs_are_those_of_mise() -> None:
    known = set(tomllib.loads((paths.ROOT / "mise.toml").read_text())["tools"])
    asked = {
        tool
        for step in steps()
        if step.uses == "./.github/actions/project"
        for tool in step.body.get("with", {}).get("tools", "").split()
    }
    default = load(GITHUB / "actions" / "project" / "action.yml")["inputs"]["tools"]["default"].split()
    assert asked | set(default) <= known


RUNNER = re.compile(
    r"\$\{\{ contains\(fromJSON\(vars\.RUNNERS \|\| '\[\]'\), (?P<stack>\S+)\) "
    r"&& format\('(?P<label>\S+)', (?P=stack), github\.run_id, github\.run_attempt\) "
    r"\|\| 'ubuntu-24\.04' \}\}"
)


def test_what_asks_a_cluster_runs_where_it_is_reached() -> None:
    """By the label that CodeBuild has for a project, in the workflows that the project takes jobs of."""
    asked = {
        (file.stem, job): found
        for file in WORKFLOWS
        for job, body in jobs(file).items()
        if (found := RUNNER.fullmatch(str(body.get("runs-on"))))
    }
    assert set(asked) == {
        ("deploy-stack", "preview"),
        ("deploy-stack", "up"),
        ("drift", "compare"),
    }
    labels = {found["label"] for found in asked.values()}
    assert labels == {"codebuild-" + NAMES.runner.replace(NAMES.environment, "{0}") + "-{1}-{2}"}
    # What a called workflow does is a job of the one that calls it.
    taken = {"deploy" if name == "deploy-stack" else name for name, _ in asked}
    assert taken == set(runner.WORKFLOWS) == {load(named(name))["name"] for name in taken}
