"""A drained node or a greedy neighbour takes nothing away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies import objects
from policies.examples import DEPLOYMENT, SELECTOR, kubernetes, obj, with_pod, with_spec
from policies.limits import Limits
from policies.rule import Finding, Resource, Stack, StackRule

EKS = "EKS Best Practices Guide: reliability"


def _several(stack: Stack) -> Iterator[tuple[Resource, int]]:
    for workload in stack.objects("Deployment", "StatefulSet"):
        if (count := objects.replicas(stack, workload)) > 1:
            yield workload, count


def _budgeted(stack: Stack, _: Limits) -> Iterator[Finding]:
    for workload, count in _several(stack):
        budgets = [
            budget
            for budget in objects.same_namespace(stack, workload, "PodDisruptionBudget")
            if objects.selects(budget.get("spec.selector"), objects.pod_labels(workload))
        ]
        if not budgets:
            yield Finding(workload, f"{count} pods and no PodDisruptionBudget selects them")
        for budget in budgets:
            if not _lets_one_go(budget, count):
                yield Finding(budget, f"no node with one of the {count} pods can ever be drained")


def _lets_one_go(budget: Resource, count: int) -> bool:
    most, least = budget.get("spec.maxUnavailable"), budget.get("spec.minAvailable")
    if most is not None:
        return str(most) not in {"0", "0%"}
    return str(least) != "100%" and not (str(least).isdigit() and int(least) >= count)


def _spread(stack: Stack, _: Limits) -> Iterator[Finding]:
    for workload, count in _several(stack):
        pod: Mapping[str, Any] = (objects.template(workload) or {}).get("spec", {})
        affinity: Mapping[str, Any] = pod.get("affinity") or {}
        if not pod.get("topologySpreadConstraints") and not affinity.get("podAntiAffinity"):
            yield Finding(workload, f"its {count} pods may all be on one node")


def _bounded(kind: str) -> Any:
    def check(stack: Stack, _: Limits) -> Iterator[Finding]:
        have = {objects.namespace(o) for o in stack.objects(kind)}
        for namespace in stack.objects("Namespace"):
            if objects.name(namespace) not in have:
                yield Finding(namespace, f"it has no {kind}")

    return check


def _accounts(stack: Stack, _: Limits) -> Iterator[Finding]:
    declared = {(objects.namespace(o), objects.name(o)) for o in stack.objects("ServiceAccount")}
    for workload in stack.objects(*objects.WORKLOADS):
        account = (objects.template(workload) or {}).get("spec", {}).get("serviceAccountName")
        if account and (objects.namespace(workload), account) not in declared:
            yield Finding(workload, f"no ServiceAccount {account} is declared: its pods would not start")


_NAMESPACE = kubernetes(obj("v1", "Namespace", name="carbon", namespace=None))
_THREE = with_spec(DEPLOYMENT, replicas=3)
_SCALER = kubernetes(
    obj(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "demo"},
            "minReplicas": 3,
        },
    )
)


def _budget(**spec: Any) -> Resource:
    return kubernetes(
        obj("policy/v1", "PodDisruptionBudget", spec={"selector": {"matchLabels": SELECTOR}, **spec})
    )


_SPREAD = with_spec(
    with_pod(
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": SELECTOR},
            }
        ]
    ),
    replicas=3,
)

RULES = (
    StackRule(
        id="disruption-budget",
        source=EKS,
        title="a workload of several pods has a disruption budget, which lets one go",
        remedy="add a PodDisruptionBudget with maxUnavailable: 1 over its pods",
        about=("Deployment", "StatefulSet", "PodDisruptionBudget"),
        check=_budgeted,
        passes=(
            (kubernetes(_THREE), _budget(maxUnavailable=1)),
            (kubernetes(DEPLOYMENT),),
            (kubernetes(DEPLOYMENT), _SCALER, _budget(minAvailable=2)),
        ),
        refuses=(
            (kubernetes(_THREE),),
            (kubernetes(DEPLOYMENT), _SCALER),
            (kubernetes(_THREE), _budget(maxUnavailable=0)),
            (kubernetes(_THREE), _budget(minAvailable=3)),
        ),
    ),
    StackRule(
        id="pods-spread",
        source=EKS,
        title="the pods of a workload of several are spread",
        remedy="add topologySpreadConstraints over zones and hosts",
        about=("Deployment", "StatefulSet"),
        check=_spread,
        passes=((kubernetes(_SPREAD),), (kubernetes(DEPLOYMENT),)),
        refuses=((kubernetes(_THREE),), (kubernetes(DEPLOYMENT), _SCALER)),
    ),
    StackRule(
        id="namespace-quota",
        source="Multi-Tenancy Benchmark MTB-PL1-CC-FNS-1",
        title="a namespace has a quota",
        remedy="make the namespace with infra.components.namespace, which adds a ResourceQuota",
        about=("Namespace", "ResourceQuota"),
        check=_bounded("ResourceQuota"),
        passes=((_NAMESPACE, kubernetes(obj("v1", "ResourceQuota", spec={"hard": {"pods": "10"}}))),),
        refuses=((_NAMESPACE,),),
    ),
    StackRule(
        id="namespace-limits",
        source="NSA and CISA Kubernetes Hardening Guide",
        title="a namespace gives limits to containers that set none",
        remedy="make the namespace with infra.components.namespace, which adds a LimitRange",
        about=("Namespace", "LimitRange"),
        check=_bounded("LimitRange"),
        passes=((_NAMESPACE, kubernetes(obj("v1", "LimitRange", spec={"limits": []}))),),
        refuses=((_NAMESPACE,),),
    ),
    StackRule(
        id="service-account-declared",
        source="CIS Kubernetes Benchmark 5.1.5",
        title="the service account that a workload names is declared with it",
        remedy="declare the ServiceAccount in the workload's namespace",
        about=(*objects.WORKLOADS, "ServiceAccount"),
        check=_accounts,
        passes=((kubernetes(DEPLOYMENT), kubernetes(obj("v1", "ServiceAccount"))),),
        refuses=(
            (kubernetes(DEPLOYMENT),),
            (kubernetes(DEPLOYMENT), kubernetes(obj("v1", "ServiceAccount", namespace="other"))),
        ),
    ),
)
