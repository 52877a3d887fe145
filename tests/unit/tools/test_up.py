"""`make up`'s plan: what waits for what, and what is left out on a cluster that exists."""

import json
from pathlib import Path

import pytest

from tests.unit.tools.conftest import Machine
from tools import sets, toolchain, up
from tools.errors import UsageError
from tools.steps import Progress
from workloads.kit.contracts.declared.services import OBJECT_STORE
from workloads.kit.contracts.platform import DECLARED


def names(monkeypatch: pytest.MonkeyPatch, context: str) -> list[str]:
    monkeypatch.setenv("KUBE_CONTEXT", context)
    plan = up.plan(up.Run([], frozenset(DECLARED)))
    Progress(plan, {}).remaining(0)  # every step can begin at some time
    return [step.name for step in plan]


def test_the_plan_can_be_carried_out(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Start the cluster" in names(monkeypatch, "")
    assert "Start the cluster" not in names(monkeypatch, "kind-dev")


def test_every_program_of_the_platform_is_built_once() -> None:
    built = [name for programs in up.PROGRAMS.values() for name in programs]
    assert sorted(built) == sorted(toolchain.PROGRAMS)


def test_the_node_waits_for_no_program_of_the_engine(machine: Machine) -> None:
    plan = {step.name: step for step in up.plan(up.Run([], frozenset(DECLARED)))}
    needed: set[str] = set()
    todo = ["Start the cluster"]
    while todo:
        step = plan[todo.pop()]
        needed.add(step.name)
        todo += step.after
    assert "Build Kubernetes" in needed
    assert not {"Build Pulumi", "Build Pulumi's Kubernetes provider"} & needed


def test_what_is_not_in_is_not_built(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(up.image_build, "build", lambda names: built.extend(names))
    core = sets.names("local", [])
    for step in up.plan(up.Run([], core)):
        if step.name.startswith("Images of"):
            step.run()
    assert "model-server" in built
    of_sets = {"prometheus", "alertmanager", "postgres-exporter", "kube-state-metrics"}
    of_sets |= {"versitygw", "trino", "keycloak", "keycloak-prepare", "warehouse-connect"}
    assert not of_sets & set(built)


def test_a_program_of_a_set_is_built_where_the_stack_has_the_set_and_before_its_image(
    machine: Machine,
) -> None:
    step = f"Build {OBJECT_STORE.of_image}"
    assert step not in [one.name for one in up.plan(up.Run([], sets.names("local", [])))]
    plan = {one.name: one for one in up.plan(up.Run([], sets.names("local", ["warehouse"])))}
    assert step in plan["Images of the node"].after


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ["kept"]),
        ("all", ["customers", "dashboards", "forecasts", "identity", "monitoring", "warehouse"]),
        ("none", []),
        ("monitoring", ["monitoring"]),
    ],
)
def test_sets_are_those_that_were_asked_for(said: str, expected: list[str]) -> None:
    assert sets.asked("local", said, ["kept"]) == expected


def test_an_unknown_set_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="WITH has moon") as refused:
        sets.asked("local", "monitoring, moon", [])
    assert "monitoring" in (refused.value.remedy or "")


def test_what_an_interrupted_run_had_begun_is_forgotten_and_all_else_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = {"urn": "made"}
    state = {"version": 3, "deployment": {"resources": [made], "pending_operations": [{"type": "creating"}]}}
    asked: list[tuple[str, ...]] = []

    def pulumi(*args: str, stdin: str | None = None) -> str:
        asked.append(args[:2])
        if args[:2] == ("stack", "import"):
            state.update(json.loads(stdin or ""))
        return json.dumps(state)

    monkeypatch.setattr(up.project, "pulumi", pulumi)
    monkeypatch.setattr(up.project, "directory", lambda: tmp_path)
    lock = tmp_path / ".pulumi" / "locks" / "local.json"
    lock.parent.mkdir(parents=True)
    lock.touch()
    up.forget_interrupted("local")
    assert state == {"version": 3, "deployment": {"resources": [made]}}
    assert asked[0] == ("cancel", "-s")
    lock.unlink()
    asked.clear()
    up.forget_interrupted("local")
    assert asked == [("stack", "export")]  # there was nothing to forget
