"""Karpenter's pools name families that their region has, of their architecture and size."""

from __future__ import annotations

from typing import Any

import pytest

from tools.gate.cloudformation import pools
from tools.gate.model import Resource, StackPreview

OFFERED = ("m7g.large", "m7g.8xlarge", "m7i.large", "u-6tb1.metal", "x2gd.16xlarge")


def preview(families: list[str], architecture: str = "arm64", most: int = 16) -> StackPreview:
    asked: list[dict[str, Any]] = [
        {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": families},
        {"key": "kubernetes.io/arch", "operator": "In", "values": [architecture]},
        {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Gte", "values": ["2"]},
        {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Lte", "values": [str(most)]},
    ]
    pool = {
        "kind": "NodePool",
        "metadata": {"name": "general"},
        "spec": {"template": {"spec": {"requirements": asked}}},
    }
    kind = "kubernetes:karpenter.sh/v1:NodePool"
    return StackPreview("dev", (Resource("urn", kind, "general", custom=True, inputs=pool),))


def said(seen: StackPreview) -> list[str]:
    return [text for _, text in pools.unavailable(list(pools.of(seen)), OFFERED)]


def test_a_family_of_the_region_is_taken() -> None:
    assert said(preview(["m7g"])) == []
    assert said(preview(["m7i"], "amd64")) == []


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (preview(["m7g", "m99g"]), "instance family m99g: the region has none"),
        (preview(["m7i"]), "instance family m7i is amd64, not ['arm64']"),
        (preview(["x2gd"]), "instance family x2gd has no size of 2 to 16 CPUs"),
        (preview(["u-6tb1"], "amd64"), "instance family u-6tb1 has no size of 2 to 16 CPUs"),
    ],
)
def test_a_family_that_starts_nothing_is_named(seen: StackPreview, expected: str) -> None:
    assert said(seen) == [expected]
