"""What rules across objects ask of Kubernetes objects."""

from __future__ import annotations

from typing import Any

import pytest

from policies import objects
from policies.examples import DEPLOYMENT, kubernetes, obj, with_spec
from policies.rule import Resource, Stack

POD = {"app": "demo", "tier": "web"}


@pytest.mark.parametrize(
    ("selector", "picked"),
    [
        ({}, True),
        (None, False),
        ({"matchLabels": {"app": "demo"}}, True),
        ({"matchLabels": {"app": "demo", "tier": "data"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["demo", "other"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["demo"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        (
            {
                "matchLabels": {"app": "demo"},
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["data"]}],
            },
            False,
        ),
    ],
)
def test_what_a_selector_picks(selector: dict[str, Any] | None, *, picked: bool) -> None:
    assert objects.selects(selector, POD) is picked


def _scaled(kind: str, version: str, target: str, **least: int) -> Resource:
    return kubernetes(obj(version, kind, spec={"scaleTargetRef": {"name": target}, **least}))


@pytest.mark.parametrize(
    ("scaler", "count"),
    [
        (_scaled("ScaledObject", "keda.sh/v1alpha1", "demo", minReplicaCount=4), 4),
        (_scaled("HorizontalPodAutoscaler", "autoscaling/v2", "demo", minReplicas=5), 5),
        (_scaled("HorizontalPodAutoscaler", "autoscaling/v2", "other", minReplicas=5), 2),
    ],
)
def test_a_scaler_knows_better_how_many_run(scaler: Resource, count: int) -> None:
    workload = kubernetes(with_spec(DEPLOYMENT, replicas=2))
    assert objects.replicas(Stack([workload, scaler]), workload) == count


def test_pods_are_found_in_every_kind_that_makes_them() -> None:
    template = DEPLOYMENT["spec"]["template"]
    cron = obj("batch/v1", "CronJob", spec={"jobTemplate": {"spec": {"template": template}}})
    assert objects.template(kubernetes(cron)) == objects.template(kubernetes(DEPLOYMENT)) == template
    assert objects.template(kubernetes(obj("v1", "Service", spec={"template": template}))) is None


def test_an_object_of_the_cluster_has_no_namespace() -> None:
    assert objects.identity(obj("v1", "Namespace", name="carbon", namespace=None)) == "Namespace//carbon"
    assert objects.identity(DEPLOYMENT) == "Deployment/carbon/demo"
