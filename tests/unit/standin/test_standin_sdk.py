"""What inputs the SDK's types take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standin import sdk, wire
from tools.gate import marks

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CLUSTER = "aws:eks/cluster:Cluster"


def _problems(token: str, **given: Any) -> dict[str, str]:
    return {p.path: p.reason for p in sdk.problems(given, sdk.arguments(token))}


def _deployment(**container: Any) -> dict[str, str]:
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [{"name": "web", **container}]}},
    }
    return _problems(DEPLOYMENT, apiVersion="apps/v1", kind="Deployment", spec=spec)


def test_good_inputs_have_no_problem() -> None:
    assert _deployment(image="web:1", ports=[{"containerPort": 80}], args=["--port", "80"]) == {}


@pytest.mark.parametrize(
    ("container", "path", "reason"),
    [
        ({"imagePullPolice": "Never"}, "imagePullPolice", "is not a property of Container"),
        ({"image": 3}, "image", "must be text, and is 3"),
        ({"stdin": "yes"}, "stdin", "must be true or false"),
        ({"ports": {"containerPort": 80}}, "ports", "must be a list, and is an object"),
        ({"ports": [{"containerPort": 80.5}]}, "ports[0].containerPort", "must be a whole number"),
        ({"ports": [{"hostPort": 80}]}, "ports[0].containerPort", "is required by ContainerPort"),
        ({"resources": {"limits": {"cpu": 1}}}, "resources.limits.cpu", "must be text, and is 1"),
    ],
)
def test_a_mistake_is_found_at_any_depth(container: dict[str, Any], path: str, reason: str) -> None:
    (found,) = _deployment(**container).items()
    assert found[0] == f"spec.template.spec.containers[0].{path}"
    assert reason in found[1]


def test_what_is_required_is_missed() -> None:
    assert _problems(CLUSTER, name="carbon") == {
        "roleArn": "is required by Cluster",
        "vpcConfig": "is required by Cluster",
    }


def test_either_of_two_types_is_taken() -> None:
    for port in (80, "http"):
        assert (
            _problems("kubernetes:core/v1:Service", spec={"ports": [{"port": 1, "targetPort": port}]}) == {}
        )
    wrong = _problems("kubernetes:core/v1:Service", spec={"ports": [{"port": 1, "targetPort": [80]}]})
    assert list(wrong) == ["spec.ports[0].targetPort"]


def test_what_is_not_known_yet_or_not_the_programs_is_let_through() -> None:
    archive = {marks.SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "path": "function.zip"}
    assert _problems(CLUSTER, roleArn=wire.UNKNOWN, vpcConfig=wire.UNKNOWN, __defaults=["x"]) == {}
    assert _problems("aws:lambda/function:Function", role="arn:role", code=archive) == {}


def test_a_custom_resource_has_no_class() -> None:
    assert sdk.resource_class("kubernetes:kafka.strimzi.io/v1:Kafka") is None


@pytest.mark.parametrize("package", ["aws", "kubernetes"])
def test_the_version_is_the_sdks(package: str) -> None:
    assert sdk.version(package).count(".") == 2
