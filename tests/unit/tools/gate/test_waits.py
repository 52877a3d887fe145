"""A component waits for the operator that it needs: one broken chart holds nothing else back."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from infra.layers.base import Ready
from tests.previews import preview
from tools.gate.model import StackPreview

RELEASES = {
    "strimzi-kafka-operator",
    "cloudnative-pg",
    "plugin-barman-cloud",
    "cert-manager",
    "external-secrets",
    "keda",
    "kyverno",
    "aws-load-balancer-controller",
    "metrics-server",
    "prometheus-operator-crds",
    "karpenter",
}


@pytest.fixture(scope="module")
def prod() -> StackPreview:
    return preview("prod")


def waits_for(stack: StackPreview, chosen: Iterable[str]) -> set[str]:
    """Charts of operators that must have been installed before any of some resources, however indirectly."""
    by_urn = {r.urn: r for r in stack.resources}
    below: dict[str, list[str]] = {}
    for resource in stack.resources:
        below.setdefault(resource.parent, []).append(resource.urn)
    left, seen = list(chosen), set[str]()
    while left:
        urn = left.pop()
        if urn in seen or urn not in by_urn:
            continue
        seen.add(urn)
        resource = by_urn[urn]
        # What is in a component is not registered before the component is, which waits for its own.
        above: str = urn
        while above in by_urn:
            left += by_urn[above].dependencies
            above = by_urn[above].parent
        # Who depends on a component depends on all that is below it.
        if not resource.custom:
            left += below.get(urn, [])
    charts = {str(r.inputs.get("name")) for u in seen if (r := by_urn[u]).type.endswith(":Release")}
    return charts & RELEASES


def of_kind(stack: StackPreview, kind: str, name: str) -> list[str]:
    found = [
        r.urn
        for r in stack.resources
        if r.custom and r.inputs.get("kind") == kind and r.inputs["metadata"]["name"] == name
    ]
    assert found, (kind, name)
    return found


@pytest.mark.parametrize(
    ("kind", "name", "charts"),
    [
        ("Kafka", "carbon", {"karpenter", "prometheus-operator-crds", "strimzi-kafka-operator"}),
        (
            "Cluster",
            "postgres",
            {
                "karpenter",
                "prometheus-operator-crds",
                "cert-manager",
                "cloudnative-pg",
                "plugin-barman-cloud",
                "external-secrets",
            },
        ),
        (
            "TargetGroupBinding",
            "public-api",
            {"karpenter", "prometheus-operator-crds", "aws-load-balancer-controller"},
        ),
    ],
)
def test_it_waits_for_its_own_operators_alone(
    prod: StackPreview, kind: str, name: str, charts: set[str]
) -> None:
    assert waits_for(prod, of_kind(prod, kind, name)) == charts


def test_a_broken_load_balancer_controller_holds_back_the_public_name_alone(prod: StackPreview) -> None:
    held = [
        r
        for r in prod.resources
        if r.custom and "aws-load-balancer-controller" in waits_for(prod, [*r.dependencies])
    ]
    assert {r.inputs.get("kind") for r in held} <= {"TargetGroupBinding", "NetworkPolicy"}


def test_who_needs_a_service_of_no_such_name_is_told() -> None:
    with pytest.raises(KeyError, match="strimzy"):
        Ready().of("strimzy")


def test_the_load_balancers_subnets_alone_reach_a_public_workload(prod: StackPreview) -> None:
    """Pods have addresses of the same VPC: its whole range would let in every tenant."""
    subnets = {
        str(r.inputs["cidrBlock"]): r.inputs["tags"]["Name"] for r in prod.aws("aws:ec2/subnet:Subnet")
    }
    (urn,) = of_kind(prod, "NetworkPolicy", "public-api-load-balancer")
    (policy,) = (r for r in prod.resources if r.urn == urn)
    opened = {peer["ipBlock"]["cidr"] for rule in policy.inputs["spec"]["ingress"] for peer in rule["from"]}
    assert opened == {cidr for cidr, name in subnets.items() if "-public-" in name}
