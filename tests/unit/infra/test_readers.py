"""Who compares a stack with what is there may read each object that it declares, but for secrets."""

from __future__ import annotations

import re

import pytest

from infra.manifests import readers
from infra.settings import Labels
from tools import paths

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")

VIEW = {
    "core": "ConfigMap LimitRange Namespace PersistentVolumeClaim ResourceQuota Service ServiceAccount",
    "apps": "Deployment StatefulSet",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "networking.k8s.io": "NetworkPolicy",
    "policy": "PodDisruptionBudget",
}
"""What Kubernetes' role `view` reads of what stacks declare (its bootstrappolicy)."""

NOT_READ = {("core", "Secret"), ("helm.sh", "Release")}
"""What the nightly comparison leaves out: Helm keeps its releases in secrets."""

TYPE = re.compile(r'"urn": "[^"]*kubernetes:([a-z0-9.-]+)/[a-z0-9]+:([A-Za-z0-9]+)::')


def declared(stack: str) -> set[tuple[str, str]]:
    """Group and kind of each object in a stack's snapshot."""
    text = (paths.ROOT / "stacks" / "snapshots" / f"{stack}.json").read_text()
    return {(group, kind) for group, kind in TYPE.findall(text) if not kind.endswith("List")}


def plural(kind: str) -> str:
    lower = kind.lower()
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith("s") else f"{lower}s"


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_each_kind_that_a_stack_declares_is_read_or_left_out(stack: str) -> None:
    found = declared(stack)
    assert ("karpenter.sh", "NodePool") in found
    viewed = {(group, kind) for group, kinds in VIEW.items() for kind in kinds.split()}
    full = {"admissionregistration": "admissionregistration.k8s.io", "rbac": "rbac.authorization.k8s.io"}
    wanted = found - viewed - NOT_READ
    unread = {
        (group, kind)
        for group, kind in wanted
        if plural(kind) not in readers.RESOURCES.get(full.get(group, group), ())
    }
    assert unread == set()


def test_no_secret_is_read() -> None:
    role, binding = readers.rights(LABELS)
    assert [rule for rule in role["rules"] if {"secrets", "*"} & set(rule["resources"])] == []
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [s["name"] for s in binding["subjects"]] == [readers.GROUP]
