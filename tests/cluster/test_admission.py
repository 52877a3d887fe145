"""The cluster refuses what the rules refuse, whoever asks, and tells what to do."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra.manifests import admission
from infra.manifests.admission import ENFORCED
from policies import examples, exceptions, limits
from policies.cel import holds
from policies.rule import ObjectRule
from policies.rules import OBJECT_RULES
from tools import kube, project
from tools.errors import CommandFailed

KINDS = {"Deployment", "Service", "NetworkPolicy", "Ingress", "Role", "RoleBinding", "Namespace"}
"""Kinds of the examples; pods themselves would be refused by their namespace's security level before."""


def _here(example: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """An example as somebody would bring it to this cluster: its images from where they may come from."""
    registry = limits.of(project.stack_name()).registries[0]
    text = json.dumps(example).replace(examples.LIMITS.registries[0], registry)
    made: dict[str, Any] = json.loads(text)
    made["metadata"]["name"] = "admission-test"
    if made["kind"] == "Namespace":
        made["metadata"]["labels"].update(ENFORCED)
    else:
        made["metadata"]["namespace"] = namespace
    return made


def _create(subject: Mapping[str, Any]) -> str:
    """What the API server says of an object that it is asked to take, without keeping it."""
    return kube.kubectl("create", "--dry-run=server", "-o", "name", "-f", "-", stdin=json.dumps(subject))


@pytest.mark.parametrize("rule", admission.enforceable(OBJECT_RULES), ids=lambda rule: rule.id)
def test_a_bad_object_is_refused_with_the_remedy(platform: str, rule: ObjectRule) -> None:
    mine = limits.of(project.stack_name())
    bad = [_here(o, platform) for o in rule.refuses if o["kind"] in KINDS & rule.enforced_kinds]
    broken = [o for o in bad if not holds(rule, o, mine)]
    if rule.id == "image-digest" and not mine.digests:
        assert not broken
        return
    assert broken
    for subject in broken:
        with pytest.raises(CommandFailed) as refused:
            _create(subject)
        assert f"'carbon-{rule.id}'" in refused.value.output
        assert rule.remedy in refused.value.output


def test_a_good_object_is_taken(platform: str) -> None:
    assert _create(_here(examples.DEPLOYMENT, platform)) == "deployment.apps/admission-test\n"
    assert _create(_here(examples.SERVICE, platform)) == "service/admission-test\n"


def test_the_rules_hold_where_a_namespace_asks_for_them_and_nowhere_else(platform: str) -> None:
    bad = _here(examples.with_security(runAsUser=0), "default")
    assert _create(bad)
    with pytest.raises(CommandFailed) as refused:
        _create(_here(bad, platform))
    assert "'carbon-pod-runs-as-non-root'" in refused.value.output


def test_a_running_workload_cannot_be_weakened(platform: str) -> None:
    weaker = json.dumps({"spec": {"template": {"spec": {"hostNetwork": True}}}})
    with pytest.raises(CommandFailed) as refused:
        kube.kubectl("patch", "deployment/model-server", "-n", platform, "--dry-run=server", "-p", weaker)
    assert "'carbon-pod-no-host-access'" in refused.value.output


def test_the_exceptions_hold_for_whom_they_name_alone(platform: str) -> None:
    """kube-state-metrics asks the API; nobody else gets a token by taking a similar pod."""
    (exception,) = [
        e for e in exceptions.of(project.stack_name()) if "pod-no-service-account-token" in e.rules
    ]
    namespace = exception.resource.split("/")[1]
    with_token = examples.with_pod(automountServiceAccountToken=True)
    named = copy.deepcopy(_here(with_token, namespace))
    named["metadata"]["name"] = exception.resource.split("/")[2].replace("*", "-test")
    assert _create(named)
    with pytest.raises(CommandFailed) as refused:
        _create(_here(with_token, namespace))
    assert "'carbon-pod-no-service-account-token'" in refused.value.output
