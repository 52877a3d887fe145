"""A stack that has everything at AWS, for tests, and what it registers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.runtime.mocks import MockResourceArgs, Mocks

from infra.layers.foundation import Foundation, FoundationArgs
from infra.settings.aws import Aws
from infra.settings.base import Labels
from tests.stack import Recorder, record

ACCOUNT = "111122223333"
REGION = "eu-central-1"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"
CONNECTION = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/00000000-0000-4000-8000-000000000000"
VIEWER = f"arn:aws:iam::{ACCOUNT}:role/viewer"


def labels(environment: str = "prod") -> Labels:
    """Labels of a stack."""
    own = {"owner": "platform", "team": "platform", "product": "carbon", "cost_center": "test"}
    return Labels.model_validate({"environment": environment, **own})


def whole() -> dict[str, Any]:
    """A section with every part that a stack with a cluster may have, to be changed by a test."""
    return {
        "account_id": ACCOUNT,
        "region": REGION,
        "network": {
            "cidr": "10.30.0.0/16",
            "zones": [f"{REGION}{zone}" for zone in "abc"],
            "nat": "per-zone",
            "endpoints": ["ecr.api", "ecr.dkr", "sts"],
            "endpoints_why": "calls of these never leave the network",
        },
        "cluster": {
            "version": "1.35",
            "admins": [ADMIN],
            "viewers": [VIEWER],
            "system_nodes": {"instance_types": ["m7g.large"], "architecture": "arm64", "least": 3, "most": 6},
        },
        "runner": {"repository": "owner/name", "connection_arn": CONNECTION},
        "registry": {"images": ["model-server", "mlflow"], "replicate_to": "eu-west-1"},
        "buckets": {
            "recovery": {},
            "mlflow": {"infrequent_after_days": 90},
            "warehouse": {},
            "audit": {"mode": "COMPLIANCE"},
            "replicate_to": {"region": "eu-west-1", "environment": "dr"},
        },
        "secrets": {
            "recovery_region": "eu-west-1",
            "sources": ["market-key"],
            "alerts": ["pagerduty"],
        },
        "audit": {"objects_of": ["prod"]},
        "edge": {
            "domain": "carbon.example.com",
            "allowed_cidrs": ["203.0.113.0/24"],
            "services": {"api": "model-server"},
        },
        "budget": {"monthly_usd": 100, "notify": ["platform@example.com"]},
    }


def bootstrap() -> dict[str, Any]:
    """A section of what deployments themselves need."""
    return {
        "account_id": ACCOUNT,
        "region": REGION,
        "boundary": False,
        "state": {},
        "buckets": {"audit": {"mode": "COMPLIANCE"}},
        "audit": {},
        "github": {"repository": "owner/name", "environments": ["dev", "prod"], "regions": [REGION]},
    }


def foundation(
    section: Mapping[str, Any],
    environment: str = "prod",
    *,
    running: tuple[str, ...] = (),
    more_roles: tuple[str, ...] = (),
    lake: tuple[str, ...] = (),
) -> tuple[Foundation, Recorder]:
    """Register a section without an engine."""
    made: list[Foundation] = []
    args = FoundationArgs(
        labels=labels(environment),
        settings=Aws.model_validate(section),
        running=running,
        more_roles=more_roles,
        lake=lake,
    )
    recorded = record(lambda: made.append(Foundation("foundation", args)), mocks=_Answers())
    return made[0], recorded


class _Answers(Mocks):
    """What AWS would add to the inputs, as far as the program uses it."""

    def call(self, args: Any) -> Any:
        raise AssertionError(f"the program calls {args.token}: it should look nothing up")

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = {**args.inputs, "arn": arn(args.name)}
        match args.typ:
            case "aws:eks/cluster:Cluster":
                outputs["endpoint"] = "https://cluster.example.com"
                outputs["certificateAuthority"] = {"data": "Y2VydGlmaWNhdGU="}
                outputs["vpcConfig"] = {**outputs["vpcConfig"], "clusterSecurityGroupId": "sg-cluster"}
            case "aws:acm/certificate:Certificate":
                proof = {"Name": "_proof", "Type": "CNAME", "Value": "_value"}
                outputs["domainValidationOptions"] = [{f"resourceRecord{k}": v for k, v in proof.items()}]
            case "aws:kms/key:Key":
                outputs["keyId"] = f"{args.name}-id"
                outputs["arn"] = key_arn(args.name)
            case "aws:iam/role:Role":
                outputs["arn"] = role_arn(args.inputs["name"])
            case "aws:sqs/queue:Queue":
                outputs["arn"] = queue_arn(args.inputs["name"])
            case "aws:route53/zone:Zone":
                outputs["zoneId"] = "Z0123456789"
                outputs["arn"] = "arn:aws:route53:::hostedzone/Z0123456789"
            case "aws:ec2/launchTemplate:LaunchTemplate":
                outputs["latestVersion"] = 3
            case _:
                pass
        return f"{args.name}-id", outputs


def arn(name: str) -> str:
    """What the answers say is a resource's ARN."""
    return f"arn:aws:any:{REGION}:{ACCOUNT}:{name}"


def key_arn(name: str) -> str:
    """ARN of a KMS key by its name in the program."""
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}-id"


def role_arn(name: str) -> str:
    """ARN of a role by its name at AWS."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def queue_arn(name: str) -> str:
    """ARN of a queue by its name at AWS."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def answers() -> Mocks:
    """What AWS would answer a program."""
    return _Answers()
