"""What rules across objects ask of Kubernetes objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import Resource, Stack

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
"""Kinds that make pods by a template; what makes them in turn is made by a workload itself."""


def name(resource: Resource) -> str:
    """The object's name."""
    return resource.get("metadata.name", "")


def namespace(resource: Resource) -> str:
    """The object's namespace; empty for what belongs to the cluster."""
    return resource.get("metadata.namespace", "")


def identity(subject: Mapping[str, Any]) -> str:
    """`Kind/namespace/name`, by which an exception names an object."""
    metadata = subject.get("metadata", {})
    return f"{subject.get('kind', '')}/{metadata.get('namespace', '')}/{metadata.get('name', '')}"


def template(resource: Resource) -> Mapping[str, Any] | None:
    """The template of the pods that an object makes; None if it makes none."""
    path = "spec.jobTemplate.spec.template" if resource.props.get("kind") == "CronJob" else "spec.template"
    return resource.get(path) if resource.props.get("kind") in WORKLOADS else None


def pod_labels(resource: Resource) -> Mapping[str, str]:
    """Labels of the pods that a workload makes."""
    found = template(resource) or {}
    return found.get("metadata", {}).get("labels", {})


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector picks an object with these labels; an empty one picks all, none nothing."""
    if selector is None:
        return False
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items()) and all(
        _matches(expression, labels) for expression in selector.get("matchExpressions", ())
    )


def replicas(stack: Stack, workload: Resource) -> int:
    """How many pods of a workload run at least: what its scaler says, else what it says itself."""
    for scaler in stack.objects("HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler.get("spec.scaleTargetRef", {})
        kind = target.get("kind", "Deployment")
        if (namespace(scaler), kind, target.get("name")) == (
            namespace(workload),
            workload.props["kind"],
            name(workload),
        ):
            return int(scaler.get("spec.minReplicas") or scaler.get("spec.minReplicaCount") or 0)
    return int(workload.get("spec.replicas", 1))


def same_namespace(stack: Stack, workload: Resource, *kinds: str) -> Iterator[Resource]:
    """Objects of some kinds in a workload's namespace."""
    return (o for o in stack.objects(*kinds) if namespace(o) == namespace(workload))


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
