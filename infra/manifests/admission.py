"""Policies that the cluster enforces, made from the rules that the pack runs before it.

A rule's CEL expression goes in as it stands. An update is looked at only if it changes an object's spec or
labels: a stricter rule must not keep a controller from tidying up what was made before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.settings.base import Labels
from policies import variables
from policies.exceptions import RuleException
from policies.limits import Limits
from policies.rule import ObjectRule

ENFORCED: Final[Mapping[str, str]] = {"carbon/policies": "enforced"}
"""Label of the namespaces in which the rules are enforced."""

KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "Pod": ("", "v1", "pods"),
    "Service": ("", "v1", "services"),
    "PersistentVolumeClaim": ("", "v1", "persistentvolumeclaims"),
    "Namespace": ("", "v1", "namespaces"),
    "Deployment": ("apps", "v1", "deployments"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
    "DaemonSet": ("apps", "v1", "daemonsets"),
    "Job": ("batch", "v1", "jobs"),
    "CronJob": ("batch", "v1", "cronjobs"),
    "NetworkPolicy": ("networking.k8s.io", "v1", "networkpolicies"),
    "Ingress": ("networking.k8s.io", "v1", "ingresses"),
    "Role": ("rbac.authorization.k8s.io", "v1", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io", "v1", "rolebindings"),
}
"""Kinds on which the cluster enforces rules: group, version, plural.

Not ReplicaSets: their deployments are looked at, and an old one must be let go down to nothing. Not what
belongs to the whole cluster: no namespace's label bounds it, and Kubernetes keeps roles of its own there.
"""

_LABELS: Final = "(has({0}.metadata.labels) ? {0}.metadata.labels : {{}})"
_CHANGED: Final = (
    "request.operation != 'UPDATE' || !has(object.spec) || !has(oldObject.spec) "
    f"|| object.spec != oldObject.spec || {_LABELS.format('object')} != {_LABELS.format('oldObject')}"
)


@dataclass(frozen=True, kw_only=True)
class Enforcement:
    """What the policies of one cluster are made from.

    Args:
        limits: what its stack may use.
        exceptions: those that are for its stack.
        namespaces: label of the namespaces in which the rules hold; None for all of them.
    """

    identity: Labels
    rules: Sequence[ObjectRule]
    limits: Limits
    exceptions: Sequence[RuleException]
    namespaces: Mapping[str, str] | None


def validating_admission_policies(e: Enforcement) -> list[Manifest]:
    """A ValidatingAdmissionPolicy and its binding for every rule."""
    made: list[Manifest] = []
    for rule in e.rules:
        meta = _metadata(e, rule)
        made += [
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": meta,
                "spec": {"matchConstraints": {"resourceRules": _resource_rules(rule)}, **_decision(e, rule)},
            },
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": meta,
                "spec": {
                    "policyName": meta["name"],
                    "validationActions": _actions(rule),
                    **({"matchResources": _selector(e.namespaces)} if e.namespaces is not None else {}),
                },
            },
        ]
    return made


def kyverno_policies(e: Enforcement, *, background: bool) -> list[Manifest]:
    """A Kyverno ValidatingPolicy for every rule.

    Args:
        background: whether objects that exist are scanned.
    """
    selector = _selector(e.namespaces) if e.namespaces is not None else {}
    return [
        {
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "ValidatingPolicy",
            "metadata": _metadata(e, rule),
            "spec": {
                "validationActions": _actions(rule),
                # The rules name the kinds that hold pods themselves.
                "autogen": {"podControllers": {"controllers": []}},
                "evaluation": {"admission": {"enabled": True}, "background": {"enabled": background}},
                "matchConstraints": {"resourceRules": _resource_rules(rule), **selector},
                **_decision(e, rule),
            },
        }
        for rule in e.rules
    ]


def enforceable(rules: Sequence[ObjectRule]) -> list[ObjectRule]:
    """Rules about kinds that the cluster can enforce them on."""
    return [rule for rule in rules if rule.enforced_kinds & KINDS.keys()]


def _metadata(e: Enforcement, rule: ObjectRule) -> Manifest:
    name = f"carbon-{rule.id}"
    return metadata(name, None, labels(e.identity, name, "policy"))


def _resource_rules(rule: ObjectRule) -> list[Manifest]:
    groups: dict[tuple[str, str], list[str]] = {}
    for kind, (group, version, plural) in KINDS.items():
        if kind in rule.enforced_kinds:
            groups.setdefault((group, version), []).append(plural)
    return [
        {
            "apiGroups": [group],
            "apiVersions": [version],
            "operations": ["CREATE", "UPDATE"],
            "resources": plurals,
        }
        for (group, version), plurals in groups.items()
    ]


def _decision(e: Enforcement, rule: ObjectRule) -> Manifest:
    """What both engines call the same: failure, conditions, variables and the rule's expression."""
    excepted = [x.condition() for x in e.exceptions if rule.id in x.rules]
    conditions = [{"name": "changed", "expression": _CHANGED}]
    conditions += [
        {"name": f"exception-{n}", "expression": expression}
        for n, expression in enumerate((c for c in excepted if c is not None), start=1)
    ]
    made = variables.of(rule.expression, e.limits)
    decision: Manifest = {
        "failurePolicy": "Fail" if rule.severity == "mandatory" else "Ignore",
        "matchConditions": conditions,
        "validations": [{"expression": rule.expression, "message": rule.message}],
    }
    if made:
        decision["variables"] = [{"name": name, "expression": text} for name, text in made.items()]
    return decision


def _actions(rule: ObjectRule) -> list[str]:
    return ["Deny"] if rule.severity == "mandatory" else ["Warn", "Audit"]


def _selector(namespaces: Mapping[str, str]) -> Manifest:
    return {"namespaceSelector": {"matchLabels": dict(namespaces)}}
