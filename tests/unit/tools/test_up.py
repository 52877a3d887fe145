"""`make up`'s plan: what waits for what, and what is left out on a cluster that exists."""

import pytest

from tests.unit.tools.conftest import Machine
from tools import toolchain, up
from tools.steps import Progress


def names(monkeypatch: pytest.MonkeyPatch, context: str) -> list[str]:
    monkeypatch.setenv("KUBE_CONTEXT", context)
    plan = up.plan(up.Run())
    Progress(plan, {}).remaining(0)  # every step can begin at some time
    return [step.name for step in plan]


def test_the_plan_can_be_carried_out(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Start the cluster" in names(monkeypatch, "")
    assert "Start the cluster" not in names(monkeypatch, "kind-dev")


def test_every_program_of_the_platform_is_built_once() -> None:
    built = [name for programs in up.PROGRAMS.values() for name in programs]
    assert sorted(built) == sorted(toolchain.PROGRAMS)


def test_the_node_waits_for_no_program_of_the_engine(machine: Machine) -> None:
    plan = {step.name: step for step in up.plan(up.Run())}
    needed: set[str] = set()
    todo = ["Start the cluster"]
    while todo:
        step = plan[todo.pop()]
        needed.add(step.name)
        todo += step.after
    assert "Build Kubernetes" in needed
    assert not {"Build Pulumi", "Build Pulumi's Kubernetes provider"} & needed
