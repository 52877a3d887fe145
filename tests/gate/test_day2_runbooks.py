"""The pages for operations, followed on the real engine: a fault is made, the commands run, all is well.

The providers are stand-ins with a memory (`tests/gate/day2`), so that what is there and what the state says
can differ. Commands for the cluster run against an API server without nodes. Those for AWS run nowhere: that
they exist, with their options, is all that is tested of them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import botocore.session
import jmespath
import pytest
import yaml
from botocore import xform_name

from infra.names import Names
from tests.gate.day2 import world
from tests.gate.day2.world import World
from tools import paths, proc, toolchain
from tools.gate import apiserver, crds, engine
from tools.gate.apiclient import ApiServer
from tools.gate.engine import Project
from tools.wait import until

PAGES: Final = {page.stem: page for page in (paths.ROOT / "runbooks" / "operations").glob("[A-Z]*[a-z].md")}
HERE: Final = Path(__file__).parent / "day2"
STACK: Final = "small"

SECTIONS: Final = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
BLOCK: Final = re.compile(
    r"^```sh(?P<kind> cluster| aws)?(?P<mutating> mutating)?\n(?P<text>.*?)^```$", re.M | re.S
)

SETTINGS: Final[dict[str, Any]] = {
    "account_id": "111122223333",
    "region": "eu-central-1",
    "protect": True,
    "cluster": {"version": "1.35", "system_nodes": {"least": 2, "most": 4}},
}


@dataclass(frozen=True)
class Block:
    """A block of commands, under its heading."""

    page: str
    heading: str
    kind: str
    text: str


def blocks(page: str) -> list[Block]:
    """All blocks of a page, in its order."""
    found: list[Block] = []
    for part in re.split(r"^##+ ", PAGES[page].read_text(), flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        found += [
            Block(page, heading, (m["kind"] or " engine").strip(), m["text"]) for m in BLOCK.finditer(body)
        ]
    return found


EVERY: Final = [block for page in PAGES for block in blocks(page)]

RUN: Final[set[tuple[str, str, str]]] = set()
"""Page, heading and kind of the blocks that the tests below say they run."""


def follows(page: str, *headings: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Says of a test which headings of a page it follows, on the engine and on a cluster if it has one."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        kinds = ["engine", *(["cluster"] if "server" in test.__code__.co_varnames else [])]
        RUN.update((page, heading, kind) for heading in headings for kind in kinds)
        return test

    return mark


@dataclass
class Stack:
    """The stack in small, in its world."""

    project: Project
    world: World
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def follow(self, page: str, heading: str, **variables: str) -> str:
        """Run what a page says under a heading, as its reader would; the output."""
        self.variables |= variables
        said = [self.shell(b.text) for b in blocks(page) if b.heading == heading and b.kind != "aws"]
        assert said, f"{page} has nothing to run under {heading!r}"
        return "\n".join(said)

    def shell(self, script: str) -> str:
        done = self._run(script)
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def fails(self, script: str) -> str:
        """Run what has to fail; the output."""
        done = self._run(script)
        assert done.returncode != 0, f"{script}\n{done.stdout[-3000:]}"
        return done.stdout + done.stderr

    def kill_while_making(self, name: str) -> None:
        """Make a pending operation: the thing is there, and the engine never heard of it."""
        self.world.hang(name, made=True)
        log = self.project.directory / "killed.log"
        with log.open("w") as output:
            running = subprocess.Popen(
                ["pulumi", "up", "--stack", STACK, "--yes", "--skip-preview", "--non-interactive"],
                env=self.environment,
                cwd=self.project.directory,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            until(lambda: self.world.hangs(name) or running.poll() is not None, f"{name} to hang", limit=120)
            assert running.poll() is None, log.read_text()
            proc.kill_session(running.pid)
            running.wait()
        self.world.calm(name)

    def fill(self, file: Path) -> None:
        """Do what a page asks of its reader: keep in an import file what is there, and write the ids."""
        there = self.world.things()
        wanted = json.loads(file.read_text())
        listed = [(entry.get("logicalName", entry["name"]), entry) for entry in wanted["resources"]]
        wanted["resources"] = [e | {"id": there[name]["id"]} for name, e in listed if name in there]
        assert wanted["resources"]
        file.write_text(json.dumps(wanted))

    def state(self) -> dict[str, Any]:
        return json.loads(self.project.pulumi("stack", "export", "--stack", STACK))["deployment"]

    def urn(self, name: str) -> str:
        (urn,) = [
            r["urn"] for r in self.state()["resources"] if r["urn"].endswith(f"::{name}") and r.get("id")
        ]
        return urn

    def settings(self, **aws: Any) -> None:
        """Change the stack file as a pull request would."""
        file = self.project.directory / f"Pulumi.{STACK}.yaml"
        content = yaml.safe_load(file.read_text())
        content["config"]["carbon:aws"] |= aws
        file.write_text(yaml.safe_dump(content))

    @property
    def environment(self) -> Mapping[str, str]:
        here = {"STACK": STACK, world.VARIABLE: str(self.world.directory)}
        return os.environ | self.project.environment | here | self.variables

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        # As at a terminal, but for the questions.
        script = re.sub(r"^pulumi (\S+)", r"pulumi \1 --non-interactive --color=never", script, flags=re.M)
        return subprocess.run(
            ["sh", "-eu", "-c", script],
            env=self.environment,
            cwd=self.project.directory,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, deployed; nobody changes it."""
    directory = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARBON_STATE", str(tmp_path_factory.mktemp("state")))
        with engine.project(STACK, program=HERE / "program") as project:
            file = project.directory / "Pulumi.yaml"
            content = yaml.safe_load(file.read_text())
            for provider in content["plugins"]["providers"]:
                provider["path"] = str(HERE / provider["name"])
            file.write_text(yaml.safe_dump(content))
            made = Stack(project, World(directory))
            settings: Any = {"carbon:aws": SETTINGS, "carbon:password": "first-7d1c"}
            project.configure(settings)
            made.shell(f"pulumi up --stack {STACK} --yes --skip-preview")
            yield made


@pytest.fixture
def stack(deployed: Stack, tmp_path: Path) -> Stack:
    """A copy of the stack and of its world, for one test."""
    shutil.copytree(deployed.project.directory, tmp_path / "project")
    shutil.copytree(deployed.world.directory, tmp_path / "world")
    return Stack(Project(STACK, tmp_path / "project"), World(tmp_path / "world"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[ApiServer]:
    """An API server with the custom resources that the pages name."""
    kinds = [
        ("karpenter.sh", "NodePool"),
        ("karpenter.sh", "NodeClaim"),
        ("karpenter.k8s.aws", "EC2NodeClass"),
        ("external-secrets.io", "ExternalSecret"),
    ]
    with apiserver.running() as running:
        running.discover()
        running.install(crds.find(kinds))
        yield running


@pytest.fixture
def server(cluster: ApiServer, stack: Stack) -> ApiServer:
    """The API server, as the one that kubectl talks to in the pages."""
    stack.variables |= {
        "KUBECONFIG": str(cluster.kubeconfig),
        "PATH": toolchain.env_path([*engine.PROGRAMS, "kubectl"]),
    }
    return cluster


@follows(
    "StuckUpdate",
    "Diagnosis",
    "Nobody is at it",
    "Forget what was begun",
    "It was made all the same",
    "Import it",
    "Go on",
)
def test_a_killed_update_is_cleared_and_what_it_made_is_kept(stack: Stack) -> None:
    stack.shell(f"pulumi config set --stack {STACK} carbon:more true")
    stack.kill_while_making("more")
    assert "locked" in stack.fails(f"pulumi up --stack {STACK} --yes --skip-preview")
    assert "aws:s3/bucket:Bucket::more" in stack.follow("StuckUpdate", "Diagnosis")
    stack.follow("StuckUpdate", "Nobody is at it")
    stack.follow("StuckUpdate", "Forget what was begun")
    assert not stack.state().get("pending_operations")
    stack.follow("StuckUpdate", "It was made all the same")
    stack.fill(stack.project.directory / "import.json")
    assert "1 imported" in stack.follow("StuckUpdate", "Import it")
    assert " created" not in stack.follow("StuckUpdate", "Go on")


@follows("FailedRelease", "Diagnosis", "It was killed", "Go on")
def test_a_failed_release_is_deployed_again(stack: Stack, server: ApiServer) -> None:
    stack.settings(chart_version="2.20.3")
    stack.world.fail("keda", "another operation (install/upgrade/rollback) is in progress")
    assert "is in progress" in stack.fails(f"pulumi up --stack {STACK} --yes --skip-preview")
    _create(server, "v1", "Namespace", "keda")
    for revision, status in (("v1", "deployed"), ("v2", "pending-upgrade")):
        labels = {"owner": "helm", "name": "keda", "status": status, "version": revision[1:]}
        _create(server, "v1", "Secret", f"sh.helm.release.v1.keda.{revision}", "keda", labels=labels)
    seen = stack.follow("FailedRelease", "Diagnosis", NAMESPACE="keda", RELEASE="keda")
    assert "pending-upgrade" in seen
    stack.follow("FailedRelease", "It was killed")
    left = server.kubectl("get", "secrets", "--namespace", "keda", "--output", "name")
    assert left == "secret/sh.helm.release.v1.keda.v1\n"
    stack.world.mend("keda")
    stack.follow("FailedRelease", "Go on")
    assert stack.world.things()["keda"]["inputs"]["version"] == "2.20.3"


@follows("DriftFound", "Diagnosis", "Put it back")
def test_a_change_from_elsewhere_is_put_back(stack: Stack) -> None:
    stack.world.change("data", tags={"env": "somebody's"})
    assert "somebody's" in stack.follow("DriftFound", "Diagnosis")
    stack.follow("DriftFound", "Put it back")
    assert stack.world.things()["data"]["inputs"]["tags"] == {"env": "small"}


def nightly() -> str:
    """The comparison of the workflow drift, as a command."""
    workflow = yaml.safe_load((paths.ROOT / ".github" / "workflows" / "drift.yml").read_text())
    (script,) = [s["run"] for s in workflow["jobs"]["compare"]["steps"] if s.get("id") == "compare"]
    (command,) = re.findall(r"^if (pulumi preview .*?)\\\n\s+> ", script, re.M | re.S)
    return command.replace("\\\n", " ")


def test_the_nightly_comparison_needs_no_right_to_read_secrets(stack: Stack) -> None:
    """Its role is refused the Secret, and the release, which Helm keeps in one."""
    stack.world.forbid("roles")
    stack.world.forbid("keda")
    assert "forbidden" in stack.fails("pulumi preview --stack $STACK --refresh --expect-no-changes")
    stack.shell(nightly())


@pytest.mark.parametrize("name", ["data", "carbon"])
def test_the_nightly_comparison_finds_what_changed(stack: Stack, name: str) -> None:
    changed = {"tags": {"env": "somebody's"}} if name == "data" else {"metadata": {"name": "somebody's"}}
    stack.world.change(name, **changed)
    assert "somebody's" in stack.fails(nightly())


@follows("DriftFound", "Keep it")
def test_a_change_from_elsewhere_is_kept_once_the_stack_file_says_so(stack: Stack) -> None:
    stack.world.change("system", scalingConfig={"desiredSize": 3, "minSize": 3, "maxSize": 4})
    (keep,) = [block.text for block in blocks("DriftFound") if block.heading == "Keep it"]
    stack.fails(keep)
    stack.settings(cluster={"version": "1.35", "system_nodes": {"least": 3, "most": 4}})
    stack.follow("DriftFound", "Keep it")


@follows("RotateSecret", "One that stands in a stack file")
def test_a_new_password_reaches_the_cluster_and_no_listing(stack: Stack, tmp_path: Path) -> None:
    new = tmp_path / "value"
    new.write_text("second-9f4e\n")
    said = stack.follow(
        "RotateSecret", "One that stands in a stack file", KEY="carbon:password", VALUE=str(new)
    )
    written = stack.world.things()["roles"]["inputs"]["stringData"]
    assert "second-9f4e" in json.dumps(written)
    held = [
        file for file in stack.project.directory.rglob("*") if file.is_file() and "second-9f4e" in _text(file)
    ]
    assert held == []
    assert "second-9f4e" not in said


@follows("RotateSecret", "Diagnosis", "Bring it to the cluster now", "Let workloads read it")
def test_a_new_secret_is_fetched_and_read_at_once(stack: Stack, server: ApiServer) -> None:
    _create(server, "v1", "Namespace", "carbon")
    remote = {"secretKey": "password", "remoteRef": {"key": "carbon/small/redis", "property": "password"}}
    store = {"kind": "ClusterSecretStore", "name": "aws"}
    _create(
        server,
        "external-secrets.io/v1",
        "ExternalSecret",
        "redis",
        "carbon",
        spec={"refreshInterval": "1h", "secretStoreRef": store, "data": [remote]},
    )
    labels = {"app": "redis"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "redis", "image": "redis:7"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    _create(server, "apps/v1", "Deployment", "redis", "carbon", spec=spec)
    named = {"NAMESPACE": "carbon", "NAME": "redis", "DEPLOYMENT": "redis"}
    assert "redis" in stack.follow("RotateSecret", "Diagnosis", **named)
    stack.follow("RotateSecret", "Bring it to the cluster now")
    stack.follow("RotateSecret", "Let workloads read it")
    secret = _get(server, "externalsecret", "redis", "carbon")
    assert secret["metadata"]["annotations"]["force-sync"].isdigit()
    restarted = _get(server, "deployment", "redis", "carbon")["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in restarted


@follows(
    "NodePoolUpgrade",
    "Diagnosis",
    "Nodes that Karpenter starts",
    "The system node group",
    "See it through",
)
def test_nodes_are_replaced(stack: Stack, server: ApiServer) -> None:
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    needs = [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]
    claim = {"nodeClassRef": reference, "requirements": needs}
    _create(server, "karpenter.sh/v1", "NodeClaim", "general-x7k2p", spec=claim)
    assert "general-x7k2p" in stack.follow("NodePoolUpgrade", "Diagnosis", NODE="general-x7k2p")
    stack.follow("NodePoolUpgrade", "Nodes that Karpenter starts")
    assert "general-x7k2p" not in server.kubectl("get", "nodeclaims")
    stack.settings(cluster={"version": "1.35", "system_nodes": {"least": 2, "most": 6}})
    assert "maxSize" in stack.follow("NodePoolUpgrade", "The system node group")
    stack.follow("NodePoolUpgrade", "See it through")


@follows("EksUpgrade", "Diagnosis", "See what it does", "Do it", "See it through")
def test_a_cluster_gets_the_next_version_in_place(stack: Stack, server: ApiServer) -> None:
    stack.follow("EksUpgrade", "Diagnosis", VERSION="1.36")
    seen = stack.follow("EksUpgrade", "See what it does")
    assert '"1.35" => "1.36"' in seen
    assert "2 to update" in seen
    assert "to replace" not in seen
    stack.follow("EksUpgrade", "Do it")
    there = stack.world.things()
    assert {there[name]["inputs"]["version"] for name in ("cluster", "system")} == {"1.36"}
    stack.follow("EksUpgrade", "See it through")


@follows("LostState", "Diagnosis", "There is an export", "Bring it up to date")
def test_a_lost_state_comes_back_from_an_export(stack: Stack, tmp_path: Path) -> None:
    backup = tmp_path / "backup.json"
    backup.write_text(stack.project.pulumi("stack", "export", "--stack", STACK))
    stack.settings(cluster={"version": "1.35", "system_nodes": {"least": 3, "most": 4}})
    stack.shell(f"pulumi up --stack {STACK} --yes --skip-preview")
    _lose_state(stack)
    assert "::data" not in stack.follow("LostState", "Diagnosis")
    stack.follow("LostState", "There is an export", BACKUP=str(backup))
    stack.follow("LostState", "Bring it up to date")
    stack.shell(f"pulumi preview --stack {STACK} --refresh --expect-no-changes")


@follows("LostState", "There is nothing", "Import it", "Go on")
def test_a_state_is_made_anew_from_what_is_there(stack: Stack) -> None:
    before = stack.world.things()
    _lose_state(stack)
    stack.follow("LostState", "There is nothing")
    stack.fill(stack.project.directory / "import.json")
    stack.follow("LostState", "Import it")
    stack.follow("LostState", "Go on")
    assert {name: thing["id"] for name, thing in stack.world.things().items()} == {
        name: thing["id"] for name, thing in before.items()
    }


@follows("RemoveProtection", "Diagnosis", "One resource")
def test_one_protected_resource_goes_and_no_other(stack: Stack) -> None:
    urn = stack.urn("data")
    assert urn in stack.follow("RemoveProtection", "Diagnosis", URN=urn)
    assert "protected" in stack.fails(f"pulumi destroy --stack {STACK} --target '{urn}' --yes --skip-preview")
    before = set(stack.world.things())
    stack.follow("RemoveProtection", "One resource")
    assert set(stack.world.things()) == before - {"data"}


@follows("RemoveProtection", "A whole stack", "Take the stack down")
def test_a_stack_is_taken_down_once_its_setting_lets_it(stack: Stack) -> None:
    assert "protected" in stack.fails(f"pulumi destroy --stack {STACK} --yes --skip-preview")
    stack.follow("RemoveProtection", "A whole stack")
    stack.follow("RemoveProtection", "Take the stack down")
    assert stack.world.things() == {}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_pages_have_their_sections_and_links_that_lead_somewhere(page: str) -> None:
    text = PAGES[page].read_text()
    assert text.startswith(f"# {page}\n")
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    readme = (PAGES[page].parent / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text + readme):
        assert (PAGES[page].parent / link).exists(), link


def test_every_block_is_of_a_kind_that_is_tried() -> None:
    assert len(PAGES) >= 8
    for page, file in PAGES.items():
        assert file.read_text().count("```") == 2 * len(blocks(page)), f"{page} has a block of another kind"


def test_every_command_that_can_be_run_is_run_by_a_test_above() -> None:
    wanted = {(b.page, b.heading, b.kind) for b in EVERY if b.kind != "aws"}
    assert wanted - RUN == set()


@pytest.mark.parametrize(
    "block", [b for b in EVERY if b.kind == "aws"], ids=lambda block: f"{block.page}-{block.heading}"
)
def test_commands_for_aws_and_their_options_exist(block: Block) -> None:
    session = botocore.session.get_session()
    for line in block.text.splitlines():
        # What a later line needs is kept in a variable.
        kept = re.fullmatch(r"[A-Z_]+=\$\((.+)\)", line)
        program, service, command, *given = shlex.split(kept[1] if kept else line)
        assert program == "aws"
        # The command line has S3's operations under a name of its own.
        model: Any = session.get_service_model(
            {"s3api": "s3"}.get(service, service)
        )  # its types are not those that it has
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        shape = model.operation_model(operations[command]).input_shape
        assert shape is not None
        # Paging, and what is shown of the answer, are the command line's own.
        known = {xform_name(member, "-") for member in shape.members} | {"max-items", "query", "output"}
        options = {option.removeprefix("--") for option in given if option.startswith("--")}
        assert options <= known, f"{line}: {options - known}"
        required = {xform_name(member, "-") for member in shape.required_members}
        assert required <= options, f"{line}: {required - options}"


def test_the_node_group_is_asked_for_by_the_name_that_it_gets() -> None:
    names = Names("prod", "111122223333", "eu-central-1")
    asked = re.findall(r'--query "([^"]+)"', PAGES["NodePoolUpgrade"].read_text())
    assert len(asked) == 2
    groups = {"nodegroups": ["other-system-1", f"{names.prefix}-batch-1", f"{names.system_nodes}20260101"]}
    for query in asked:
        assert jmespath.search(query.replace("$STACK", "prod"), groups) == f"{names.system_nodes}20260101"


def _lose_state(stack: Stack) -> None:
    empty = {"version": 3, "deployment": stack.state() | {"resources": []}}
    file = stack.project.directory / "empty.json"
    file.write_text(json.dumps(empty))
    stack.shell(f"pulumi stack import --stack {STACK} --file {file}")


def _create(
    server: ApiServer,
    version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> None:
    metadata: dict[str, Any] = {"name": name, "labels": dict(labels or {})}
    if namespace:
        metadata["namespace"] = namespace
    manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, **({"spec": spec} if spec else {})}
    server.kubectl("apply", "--filename", "-", stdin=json.dumps(manifest))


def _get(server: ApiServer, kind: str, name: str, namespace: str) -> dict[str, Any]:
    return json.loads(server.kubectl("get", kind, name, "--namespace", namespace, "--output", "json"))


def _text(file: Path) -> str:
    return file.read_text(errors="replace")
