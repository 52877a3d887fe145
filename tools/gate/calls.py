"""What each role and each service is known to call at AWS, and what no environment may: each with its source.

A role's policy, its boundary and a key's or bucket's own policy have to allow it together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from infra.names import POSTGRES_BACKUPS, VELERO_BACKUPS, Bucket, Key, Names, bucket_key
from tools.gate.access import Call, Values

KEYS: Final[tuple[Key, ...]] = get_args(Key)


@dataclass(frozen=True)
class Known:
    """A call that is made, and where that is written.

    Attributes:
        who: purpose of a role, or a service's domain.
        key: of KMS, whose own policy has a say.
        bucket: whose own policy has a say.
    """

    who: str
    call: Call
    source: str
    key: Key | None = None
    bucket: Bucket | None = None


_EBS_KEY: Final = "AWS: Amazon EBS encryption, permissions of whoever makes a volume"
_BARMAN: Final = "barman 3.19.1, barman/cloud_providers/aws_s3.py: bucket_exists asks HeadBucket"
_S3: Final = "Service authorization reference of Amazon S3: HeadBucket is s3:ListBucket"
_TRAIL: Final = "AWS: KMS key policies for CloudTrail (a bucket with an S3 Bucket Key needs kms:Decrypt)"
_AUTOSCALING: Final = "AWS: required KMS key policy for use with encrypted volumes of Auto Scaling"
_KARPENTER: Final = "Karpenter 1.14, reference of the controller's policy"
_VELERO: Final = "velero-plugin-for-aws 1.14, permissions; kopia asks for the bucket first"
_MLFLOW: Final = "MLflow 3.15, s3_artifact_repo: put, get, list, delete, multipart"
_ESO: Final = "External Secrets 2.9, provider of AWS Secrets Manager"
_ACME: Final = "cert-manager 1.21, DNS01 by Route 53"
_BALANCER: Final = "AWS load balancer controller 3.5, TargetGroupBinding alone"
_CSI: Final = "EBS CSI driver, docs/example-iam-policy"
_RUNNER: Final = "AWS CodeBuild user guide: policies for a project in a VPC, and for a connection"
_ROTATION: Final = "infra/components/aws/rotation/function.py"
_OBJECTS: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")


def of_roles(names: Names, keys: Mapping[Key, str], zone: str) -> Iterator[Known]:
    """Calls of the environment's roles and of services that act for it.

    Args:
        keys: ARN by what it encrypts.
        zone: ARN of the hosted zone, with the domain after a `#`.
    """
    yield from _volumes(names, keys)
    yield from _objects(names, keys, "postgres", "recovery", f"{POSTGRES_BACKUPS}/", _BARMAN)
    yield from _objects(names, keys, "velero", "recovery", f"{VELERO_BACKUPS}/", _VELERO)
    yield from _objects(names, keys, "mlflow", "mlflow", "", _MLFLOW)
    yield from _secrets(names, keys)
    yield from _trail(names, keys)
    yield from _nodes(names)
    yield from _runner(names)
    arn, _, domain = zone.partition("#")
    if arn:
        proof = {
            "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": [f"_acme-challenge.api.{domain}"],
        }
        yield Known("cert-manager", Call("route53:ChangeResourceRecordSets", arn, proof), _ACME)
        yield Known("cert-manager", Call("route53:GetChange", "arn:aws:route53:::change/C1"), _ACME)
        yield Known("cert-manager", Call("route53:ListHostedZonesByName", "*"), _ACME)
    group = names.arn("elasticloadbalancing", f"targetgroup/{names.target_group('api')}/0123456789abcdef")
    here = {"aws:RequestedRegion": names.region}
    for action in ("RegisterTargets", "DeregisterTargets"):
        yield Known("load-balancer", Call(f"elasticloadbalancing:{action}", group), _BALANCER)
    for action in ("DescribeTargetGroups", "DescribeTargetHealth"):
        yield Known("load-balancer", Call(f"elasticloadbalancing:{action}", "*", here), _BALANCER)


def _of_key(names: Names, via: str, **more: str) -> dict[str, Values]:
    return {
        "kms:ViaService": f"{via}.{names.region}.amazonaws.com",
        "kms:CallerAccount": names.account_id,
        "aws:ResourceTag/env": names.environment,
        "aws:ResourceTag/managed-by": "pulumi",
        **more,
    }


def _volumes(names: Names, keys: Mapping[Key, str]) -> Iterator[Known]:
    if (arn := keys.get("volumes")) is None:
        return
    through = _of_key(names, "ec2")
    grant = {**through, "kms:GrantIsForAWSResource": "true"}
    service = f"arn:aws:iam::{names.account_id}:role/aws-service-role/autoscaling.amazonaws.com/x"
    for who, source in (("ebs-csi", _EBS_KEY), ("karpenter", _EBS_KEY), (service, _AUTOSCALING)):
        yield Known(who, Call("kms:CreateGrant", arn, grant), source, key="volumes")
        for action in ("Decrypt", "GenerateDataKeyWithoutPlaintext", "DescribeKey"):
            yield Known(who, Call(f"kms:{action}", arn, through), source, key="volumes")
    volume = names.arn("ec2", "volume/vol-1")
    made = {"aws:RequestTag/ebs.csi.aws.com/cluster": "true", "aws:RequestTag/env": names.environment}
    own = {"aws:ResourceTag/ebs.csi.aws.com/cluster": "true", "aws:ResourceTag/env": names.environment}
    yield Known("ebs-csi", Call("ec2:CreateVolume", volume, made), _CSI)
    for action in ("AttachVolume", "DetachVolume", "DeleteVolume", "ModifyVolume"):
        yield Known("ebs-csi", Call(f"ec2:{action}", volume, own), _CSI)
    yield Known("ebs-csi", Call("ec2:DescribeVolumes", "*", {"aws:RequestedRegion": names.region}), _CSI)


def _objects(
    names: Names, keys: Mapping[Key, str], who: str, bucket: Bucket, prefix: str, source: str
) -> Iterator[Known]:
    arn, purpose = names.bucket_arn(bucket), bucket_key(bucket)
    yield Known(who, Call("s3:ListBucket", arn), f"{source}; {_S3}", bucket=bucket)
    yield Known(who, Call("s3:ListBucket", arn, {"s3:prefix": f"{prefix}x"}), source, bucket=bucket)
    for action in _OBJECTS:
        yield Known(who, Call(action, f"{arn}/{prefix}x/y"), source, bucket=bucket)
    if (key := keys.get(purpose)) is not None:
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            yield Known(who, Call(action, key, _of_key(names, "s3")), f"{source}; SSE-KMS", key=purpose)


def _secrets(names: Names, keys: Mapping[Key, str]) -> Iterator[Known]:
    secret = names.arn("secretsmanager", f"secret:{names.secret('redis')}-abcdef")
    for action in ("DescribeSecret", "GetSecretValue"):
        yield Known("external-secrets", Call(f"secretsmanager:{action}", secret), _ESO)
    generated = {"aws:ResourceTag/generated": "true"}
    for action in ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"):
        yield Known("rotation", Call(f"secretsmanager:{action}", secret, generated), _ROTATION)
    yield Known("rotation", Call("secretsmanager:GetRandomPassword", "*"), _ROTATION)
    if (key := keys.get("secrets")) is not None:
        through = _of_key(names, "secretsmanager")
        yield Known("external-secrets", Call("kms:Decrypt", key, through), _ESO, key="secrets")
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            yield Known("rotation", Call(action, key, through), _ROTATION, key="secrets")


def _trail(names: Names, keys: Mapping[Key, str]) -> Iterator[Known]:
    service, ours = "cloudtrail.amazonaws.com", {"aws:SourceArn": names.trail_arn}
    bucket = names.bucket_arn("audit")
    written = {**ours, "s3:x-amz-acl": "bucket-owner-full-control"}
    logs = f"{bucket}/AWSLogs/{names.account_id}/CloudTrail/x.json.gz"
    yield Known(service, Call("s3:GetBucketAcl", bucket, ours), _TRAIL, bucket="audit")
    yield Known(service, Call("s3:PutObject", logs, written), _TRAIL, bucket="audit")
    if (key := keys.get("audit")) is not None:
        trail = {**ours, "kms:EncryptionContext:aws:cloudtrail:arn": names.trail_arn}
        yield Known(service, Call("kms:GenerateDataKey", key, trail), _TRAIL, key="audit")
        yield Known(service, Call("kms:DescribeKey", key, ours), _TRAIL, key="audit")
        yield Known(service, Call("kms:Decrypt", key, ours), _TRAIL, key="audit")


def _nodes(names: Names) -> Iterator[Known]:
    pool, owned = "karpenter.sh/nodepool", names.cluster_tag
    new = {
        f"aws:RequestTag/{owned}": "owned",
        f"aws:RequestTag/{pool}": "general",
        "aws:RequestTag/env": names.environment,
    }
    old = {
        f"aws:ResourceTag/{owned}": "owned",
        f"aws:ResourceTag/{pool}": "general",
        "aws:ResourceTag/env": names.environment,
    }
    for kind in ("instance", "volume", "network-interface", "fleet"):
        yield Known("karpenter", Call("ec2:RunInstances", names.arn("ec2", f"{kind}/x"), new), _KARPENTER)
    yield Known(
        "karpenter", Call("ec2:TerminateInstances", names.arn("ec2", "instance/i-1"), old), _KARPENTER
    )
    here = {"aws:RequestedRegion": names.region}
    for action in ("DescribeImages", "DescribeInstanceTypes", "DescribeSubnets", "DescribeSpotPriceHistory"):
        yield Known("karpenter", Call(f"ec2:{action}", "*", here), _KARPENTER)
    image = (
        f"arn:aws:ssm:{names.region}::parameter/aws/service/bottlerocket/aws-k8s-1.35/arm64/1.64.0/image_id"
    )
    yield Known("karpenter", Call("ssm:GetParameter", image), _KARPENTER)
    cluster = names.arn("eks", f"cluster/{names.cluster}")
    yield Known("karpenter", Call("eks:DescribeCluster", cluster), _KARPENTER)
    passed = {"iam:PassedToService": "ec2.amazonaws.com"}
    yield Known("karpenter", Call("iam:PassRole", names.role_arn("karpenter-node"), passed), _KARPENTER)
    yield Known(
        "karpenter", Call("sqs:ReceiveMessage", names.arn("sqs", names.interruption_queue)), _KARPENTER
    )


def _runner(names: Names) -> Iterator[Known]:
    lent = {"ec2:AuthorizedService": "codebuild.amazonaws.com"}
    interface = names.arn("ec2", "network-interface/eni-1")
    yield Known("runner", Call("ec2:CreateNetworkInterfacePermission", interface, lent), _RUNNER)
    yield Known("runner", Call("ec2:CreateNetworkInterface", interface), _RUNNER)
    own = {"aws:ResourceTag/env": names.environment}
    for kind in ("subnet", "security-group"):
        yield Known("runner", Call("ec2:CreateNetworkInterface", names.arn("ec2", f"{kind}/x"), own), _RUNNER)
    yield Known("runner", Call("ec2:DeleteNetworkInterface", interface), _RUNNER)
    for what in ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs"):
        yield Known("runner", Call(f"ec2:Describe{what}", "*"), _RUNNER)
    logs = f"{names.log_group_arn('runner')}:log-stream:x"
    for action in ("CreateLogStream", "PutLogEvents"):
        yield Known("runner", Call(f"logs:{action}", logs), _RUNNER)
    connection = names.arn("codeconnections", "connection/00000000-0000-4000-8000-000000000000")
    for action in ("GetConnection", "GetConnectionToken"):
        yield Known("runner", Call(f"codeconnections:{action}", connection), _RUNNER)


def of_deployment(stack: str, project: str, state_bucket: str) -> list[Call]:
    """What a deployment calls to read and write its stack's state.

    Args:
        state_bucket: its ARN.
    """
    kept = f"{state_bucket}/.pulumi"
    own = [
        f"{kept}/stacks/{project}/{stack}.json",
        f"{kept}/stacks/{project}/{stack}.json.bak",
        f"{kept}/history/{project}/{stack}/{stack}-1.history.json",
        f"{kept}/backups/{project}/{stack}/{stack}.1.json",
        f"{kept}/locks/organization/{project}/{stack}/x.json",
    ]
    calls = [
        Call(f"s3:{action}", each) for each in own for action in ("GetObject", "PutObject", "DeleteObject")
    ]
    return [*calls, Call("s3:ListBucket", state_bucket), Call("s3:GetObject", f"{kept}/meta.yaml")]


def of_another(other: Names, project: str, state_bucket: str, domain: str | None) -> list[Call]:
    """What nobody of one environment may call in another: its state, objects, keys, secrets and records."""
    own = {"aws:ResourceTag/env": other.environment, "aws:ResourceTag/managed-by": "pulumi"}
    secret = other.arn("secretsmanager", f"secret:{other.secret('redis')}-abcdef")
    region = {"aws:RequestedRegion": other.region}
    calls = [
        *of_deployment(other.environment, project, state_bucket)[:-2],
        Call("s3:PutBucketPolicy", other.bucket_arn("recovery")),
        *(Call(action, f"{other.bucket_arn('recovery')}/x") for action in _OBJECTS),
        Call("kms:Decrypt", other.arn("kms", "key/x"), {**own, **region, **_of_key(other, "s3")}),
        Call("kms:ScheduleKeyDeletion", other.arn("kms", "key/x"), {**own, **region}),
        Call("secretsmanager:GetSecretValue", secret, own),
        Call("iam:AttachRolePolicy", other.role_arn("mlflow")),
        Call("eks:DeleteCluster", other.arn("eks", f"cluster/{other.cluster}"), {**own, **region}),
        Call("ec2:TerminateInstances", other.arn("ec2", "instance/i-1"), {**own, **region}),
    ]
    if domain is not None:
        record = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": [f"api.{domain}"]}
        zone = "arn:aws:route53:::hostedzone/Z1"
        calls.append(Call("route53:ChangeResourceRecordSets", zone, record))
    return calls
