"""cfn-lint as it is, over our resources said as CloudFormation: it finds what AWS would refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tools.gate import cloudformation, marks
from tools.gate.cloudformation.counterparts import COUNTERPARTS, WITHOUT
from tools.gate.model import CheckResult, Resource, StackPreview

PROVIDER = "urn:pulumi:prod::carbon::pulumi:providers:aws::aws"


def policy(version: str = "2012-10-17", effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": "s3:GetObject", "Resource": "*"}
    return json.dumps({"Version": version, "Statement": [statement]})


GOOD: Mapping[str, Mapping[str, Any]] = {
    "aws:ec2/subnet:Subnet": {"vpcId": marks.UNKNOWN, "cidrBlock": "10.0.0.0/20", "tagsAll": {"a": "b"}},
    "aws:ecr/repository:Repository": {
        "name": "carbon/data-api",
        "imageTagMutability": "IMMUTABLE",
        "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": marks.UNKNOWN}],
    },
    "aws:eks/cluster:Cluster": {
        "name": "carbon-prod",
        "roleArn": marks.UNKNOWN,
        "enabledClusterLogTypes": ["audit", "api"],
        "vpcConfig": {"subnetIds": [marks.UNKNOWN, marks.UNKNOWN], "endpointPublicAccess": False},
        "encryptionConfig": {"provider": {"keyArn": marks.UNKNOWN}, "resources": ["secrets"]},
    },
    "aws:eks/nodeGroup:NodeGroup": {
        "clusterName": "carbon-prod",
        "nodeRoleArn": marks.UNKNOWN,
        "subnetIds": marks.UNKNOWN,
        "amiType": "BOTTLEROCKET_ARM_64",
        "capacityType": "ON_DEMAND",
        "instanceTypes": ["m7g.large"],
        "scalingConfig": {"minSize": 2, "maxSize": 4, "desiredSize": 2},
    },
    "aws:iam/policy:Policy": {"name": "reads", "policy": policy()},
    "aws:kms/key:Key": {"deletionWindowInDays": 30, "enableKeyRotation": True},
    "aws:kms/alias:Alias": {"name": "alias/carbon/prod", "targetKeyId": marks.UNKNOWN},
    "aws:lambda/function:Function": {
        "name": "carbon-rotate",
        "role": marks.UNKNOWN,
        "runtime": "python3.13",
        "handler": "function.handler",
        "memorySize": 256,
        "timeout": 60,
    },
    "aws:cloudwatch/logGroup:LogGroup": {"name": "/carbon/prod/audit", "retentionInDays": 90},
    "aws:s3/bucket:Bucket": {"bucket": "carbon-prod-lake"},
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "bucket": marks.UNKNOWN,
        "rules": [
            {
                "id": "old",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "transitions": [{"days": 90, "storageClass": "GLACIER_IR"}],
                "noncurrentVersionExpiration": {"noncurrentDays": 30},
            }
        ],
    },
    "aws:s3/bucketVersioning:BucketVersioning": {
        "bucket": marks.UNKNOWN,
        "versioningConfiguration": {"status": "Enabled"},
    },
    "aws:secretsmanager/secret:Secret": {"name": "carbon/prod/postgres", "kmsKeyId": marks.UNKNOWN},
    "aws:lb/listener:Listener": {
        "loadBalancerArn": marks.UNKNOWN,
        "port": 443,
        "protocol": "HTTPS",
        "certificateArn": marks.UNKNOWN,
        "defaultActions": [
            {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
        ],
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "securityGroupId": marks.UNKNOWN,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.0.0.0/16",
    },
}
"""A resource of each type as AWS takes it."""

BAD: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "network": ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/33"}, "CidrBlock"),
    "repository in capitals": ("aws:ecr/repository:Repository", {"name": "Carbon/API"}, "RepositoryName"),
    "mutability": (
        "aws:ecr/repository:Repository",
        {"imageTagMutability": "NEVER"},
        "ImageTagMutability",
    ),
    "type of log": ("aws:eks/cluster:Cluster", {"enabledClusterLogTypes": ["audits"]}, "EnabledTypes"),
    "instance type": (
        "aws:eks/nodeGroup:NodeGroup",
        {"instanceTypes": ["m7g.large", "m99g.large"]},
        "InstanceType",
    ),
    "capacity type": ("aws:eks/nodeGroup:NodeGroup", {"capacityType": "SPOTS"}, "CapacityType"),
    "image type": ("aws:eks/nodeGroup:NodeGroup", {"amiType": "BOTTLEROCKET_ARM"}, "AmiType"),
    "size": (
        "aws:eks/nodeGroup:NodeGroup",
        {"scalingConfig": {"minSize": -1, "maxSize": 4, "desiredSize": 2}},
        "MinSize",
    ),
    "policy's version": ("aws:iam/policy:Policy", {"policy": policy("2012-10-18")}, "PolicyDocument"),
    "policy's effect": ("aws:iam/policy:Policy", {"policy": policy(effect="Grant")}, "PolicyDocument"),
    "days to deletion": ("aws:kms/key:Key", {"deletionWindowInDays": 3}, "PendingWindowInDays"),
    "alias": ("aws:kms/alias:Alias", {"name": "carbon"}, "AliasName"),
    "runtime": ("aws:lambda/function:Function", {"runtime": "python3.99"}, "Runtime"),
    "memory": ("aws:lambda/function:Function", {"memorySize": 64}, "MemorySize"),
    "days of logs": ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 45}, "RetentionInDays"),
    "bucket's name": ("aws:s3/bucket:Bucket", {"bucket": "Carbon_Lake"}, "BucketName"),
    "storage class": (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"rules": [{"status": "Enabled", "transitions": [{"days": 9, "storageClass": "COLD"}]}]},
        "StorageClass",
    ),
    "versions": (
        "aws:s3/bucketVersioning:BucketVersioning",
        {"versioningConfiguration": {"status": "On"}},
        "VersioningConfiguration.Status",
    ),
    "protocol": ("aws:lb/listener:Listener", {"protocol": "HTTP3"}, "Protocol"),
    "kind of action": ("aws:lb/listener:Listener", {"defaultActions": [{"type": "answer"}]}, "Type"),
}
"""What is wrong → type, the inputs that make it so, and where cfn-lint is to find it."""


def resource(type_: str, name: str, inputs: Mapping[str, Any]) -> Resource:
    urn = f"urn:pulumi:prod::carbon::{type_}::{name}"
    return Resource(urn, type_, name, custom=True, provider=PROVIDER, inputs=inputs)


def looked_at(*resources: Resource) -> CheckResult:
    provider = Resource(
        PROVIDER, "pulumi:providers:aws", "aws", custom=True, inputs={"region": "eu-central-1"}
    )
    return cloudformation.cfn_lint([StackPreview("prod", (provider, *resources))])


@pytest.fixture(scope="module")
def bad() -> dict[str, list[str]]:
    """What is wrong → what was said of it; all in one template."""
    made = [resource(type_, what, {**GOOD[type_], **change}) for what, (type_, change, _) in BAD.items()]
    found: dict[str, list[str]] = {what: [] for what in BAD}
    for finding in looked_at(*made).findings:
        found[finding.subject.rpartition("::")[2]].append(finding.message)
    return found


@pytest.mark.parametrize("what", BAD)
def test_it_finds_what_aws_would_refuse(what: str, bad: dict[str, list[str]]) -> None:
    where = BAD[what][2]
    assert [message for message in bad[what] if where in message], bad[what]


def test_what_aws_takes_is_left_alone() -> None:
    done = looked_at(*(resource(type_, "good", inputs) for type_, inputs in GOOD.items()))
    assert [finding.message for finding in done.findings] == []
    assert done.examined == len(GOOD)
    assert list(done.unseen) == []


def test_what_has_no_counterpart_is_never_passed() -> None:
    strange = resource("aws:imaginary/thing:Thing", "strange", {"name": "x"})
    waits = resource("aws:acm/certificateValidation:CertificateValidation", "waits", {})
    more = resource("aws:s3/bucket:Bucket", "more", {"bucket": "carbon-more", "colour": "blue"})
    done = looked_at(strange, waits, more)
    assert done.examined == 1
    assert list(done.unseen) == [
        "1 aws:acm/certificateValidation:CertificateValidation: waits, and makes nothing",
        "1 aws:imaginary/thing:Thing: has no counterpart in counterparts.py",
        "aws:s3/bucket:Bucket: colour",
    ]


def test_what_an_unknown_value_would_hold_is_not_passed() -> None:
    unknown = resource("aws:iam/policy:Policy", "unknown", {"name": "reads", "policy": marks.UNKNOWN})
    assert "aws:iam/policy:Policy: policy, which is not known yet" in list(looked_at(unknown).unseen)


def test_a_type_has_a_counterpart_or_a_reason_for_none() -> None:
    assert not COUNTERPARTS.keys() & WITHOUT.keys()
