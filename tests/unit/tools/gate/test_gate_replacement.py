"""What is known to replace a resource."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standin import sdk
from tools.gate import replacement

CLUSTER: dict[str, Any] = {
    "name": "carbon",
    "roleArn": "arn:role",
    "version": "1.35",
    "vpcConfig": {"subnetIds": ["subnet-1"]},
    "encryptionConfig": {"resources": ["secrets"], "provider": {"keyArn": "arn:key"}},
}


def _because(token: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return replacement.replaces(
        token, replacement.relevant(token, before), replacement.relevant(token, after)
    )


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"version": "1.36"}, []),
        ({"vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}}, []),
        ({"name": "other"}, ["name"]),
        (
            {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.100.0.0/16"}},
            ["kubernetesNetworkConfig.serviceIpv4Cidr"],
        ),
        ({"encryptionConfig": None}, ["encryptionConfig"]),
    ],
)
def test_a_cluster_is_replaced_by_what_eks_cannot_change(change: dict[str, Any], because: list[str]) -> None:
    assert _because("aws:eks/cluster:Cluster", CLUSTER, CLUSTER | change) == because


def test_encryption_may_be_added_to_a_cluster_but_not_taken_away() -> None:
    bare = {key: value for key, value in CLUSTER.items() if key != "encryptionConfig"}
    assert _because("aws:eks/cluster:Cluster", bare, CLUSTER) == []
    assert _because("aws:eks/cluster:Cluster", CLUSTER, bare) == ["encryptionConfig"]


def test_every_object_is_replaced_by_another_name_or_namespace() -> None:
    before = {"metadata": {"name": "a", "namespace": "b", "labels": {"x": "1"}}}
    after = {"metadata": {"name": "a", "namespace": "c", "labels": {"x": "2"}}}
    assert _because("kubernetes:example.org/v1:Thing", before, after) == ["metadata.namespace"]


def test_another_region_replaces() -> None:
    assert _because("aws:kms/key:Key", {"region": "eu-west-1"}, {"region": "eu-central-1"}) == ["region"]


def test_nothing_is_claimed_of_a_type_that_is_not_listed() -> None:
    assert replacement.rule("aws:glue/job:Job") is None
    assert _because("aws:glue/job:Job", {"name": "a"}, {"name": "b"}) == []


def test_what_holds_data_is_told_from_what_does_not() -> None:
    assert replacement.holds_data("aws:s3/bucket:Bucket")
    assert replacement.holds_data("kubernetes:core/v1:PersistentVolumeClaim")
    assert not replacement.holds_data("kubernetes:apps/v1:Deployment")
    assert not replacement.holds_data("aws:glue/job:Job")


def test_values_below_lists_are_found() -> None:
    blocks = {"rules": [{"id": "a", "days": 1}, {"id": "b"}]}
    assert replacement.value_at(blocks, "rules.id") == ["a", "b"]
    assert replacement.value_at(blocks, "rules.size") is None


@pytest.mark.parametrize("token", sorted(replacement.AWS))
def test_every_path_of_the_table_is_one_of_the_types_inputs(token: str) -> None:
    for path in replacement.AWS[token].paths:
        kind = sdk.arguments(token)
        for part in path.split("."):
            inputs = sdk.inputs(kind)
            assert part in inputs, path
            choice = sdk.choices(inputs[part])[0]
            kind = sdk.choices(sdk.element(choice))[0] if sdk.element(choice) else choice


@pytest.mark.parametrize(
    "token", sorted(t for t in replacement.KUBERNETES if sdk.resource_class(t) is not None)
)
def test_every_path_of_the_objects_table_exists(token: str) -> None:
    for path in replacement.KUBERNETES[token].paths:
        kind = sdk.arguments(token)
        for part in path.split("."):
            assert part in sdk.inputs(kind), path
            kind = sdk.choices(sdk.inputs(kind)[part])[0]
