"""Kyverno's command line and kube-score, as they are: they find what is there to be found."""

from __future__ import annotations

import copy
from typing import Any

from tools.gate import kyverno, linters
from tools.gate.model import CheckResult, Resource, StackPreview

LABELS = {"app": "api"}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "api", "namespace": "carbon"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "api", "image": "registry.example/api:latest"}]},
        },
    },
}
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "carbon", "labels": {"kept": "yes"}},
}


def policy(expression: str) -> dict[str, Any]:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    selector = {"namespaceSelector": {"matchLabels": {"kept": "yes"}}}
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ValidatingPolicy",
        "metadata": {"name": "two-replicas"},
        "spec": {
            "validationActions": ["Deny"],
            "matchConstraints": {"resourceRules": [rule], **selector},
            "validations": [{"expression": expression, "message": "one replica is none"}],
        },
    }


def preview(*objects: dict[str, Any]) -> StackPreview:
    made = [
        Resource(f"urn:{o['kind']}", f"kubernetes:{o['apiVersion']}:{o['kind']}", "x", custom=True, inputs=o)
        for o in objects
    ]
    return StackPreview("local", tuple(made))


def kyverno_on(*objects: dict[str, Any], expression: str = "object.spec.replicas > 1") -> CheckResult:
    return kyverno.kyverno([preview(*objects, policy(expression))])


def test_kyverno_refuses_what_breaks_a_policy_and_passes_what_keeps_it() -> None:
    (finding,) = kyverno_on(NAMESPACE, DEPLOYMENT).findings
    assert (finding.severity, finding.subject) == ("error", "urn:Deployment")
    assert "one replica is none" in finding.message
    kept = copy.deepcopy(DEPLOYMENT)
    kept["spec"]["replicas"] = 2
    done = kyverno_on(NAMESPACE, kept)
    assert (done.findings, done.unseen) == ([], [])


def test_kyverno_chooses_by_the_labels_of_the_declared_namespaces() -> None:
    other = NAMESPACE | {"metadata": {"name": "carbon"}}
    done = kyverno_on(other, DEPLOYMENT)
    assert done.findings == []
    assert done.unseen == ["local: policies that looked at no object: two-replicas"]


def test_a_policy_that_fails_on_an_object_is_an_error() -> None:
    (finding,) = kyverno_on(NAMESPACE, DEPLOYMENT, expression="object.spec.paused == true").findings
    assert "no such key: paused" in finding.message


def test_a_policy_that_kyverno_does_not_load_is_an_error() -> None:
    (finding,) = kyverno_on(NAMESPACE, DEPLOYMENT, expression="object.spec.replicas >").findings
    assert finding.subject == "its policies"
    assert "failed to compile policy two-replicas" in finding.message


def test_kube_score_finds_an_image_that_is_not_pinned() -> None:
    done = linters.kube_score([preview(NAMESPACE, DEPLOYMENT)])
    found = {finding.message.rpartition("(")[2].rstrip(")"): finding for finding in done.findings}
    assert {"container-image-tag", "container-resources", "pod-networkpolicy"} <= found.keys()
    assert found["container-image-tag"].severity == "error"
    assert found["container-image-tag"].subject == "urn:Deployment"
    assert not found.keys() & linters.SWITCHED_OFF.keys()
    assert done.examined == 1


def test_an_object_does_not_excuse_itself_from_kube_score() -> None:
    excused = copy.deepcopy(DEPLOYMENT)
    excused["metadata"]["annotations"] = {"kube-score/ignore": "container-image-tag"}
    done = linters.kube_score([preview(excused)])
    assert any("container-image-tag" in finding.message for finding in done.findings)
