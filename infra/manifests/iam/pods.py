"""Rights of pods, by what they do. Pod Identity gives each to one service account of one cluster."""

from __future__ import annotations

from infra.manifests.iam.document import (
    EVERYTHING,
    Document,
    allow,
    allow_to_assume,
    document,
    use_through_ec2,
)
from infra.names import DOWNLOADS, POSTGRES_BACKUPS, VELERO_BACKUPS, Bucket, Names
from infra.namespaces import Account


def trust(names: Names, account: Account) -> Document:
    """Who may take a role on: Pod Identity, for this service account of this cluster."""
    cluster = names.arn("eks", f"cluster/{names.cluster}")
    made = allow_to_assume(
        {"Service": "pods.eks.amazonaws.com"},
        when={
            "StringEquals": {
                "aws:SourceAccount": names.account_id,
                "aws:RequestTag/eks-cluster-arn": cluster,
                "aws:RequestTag/kubernetes-namespace": account.namespace,
                "aws:RequestTag/kubernetes-service-account": account.name,
            }
        },
    )
    made["Action"].append("sts:TagSession")
    return document(made)


def velero(names: Names, key_arn: str) -> Document:
    """Backups of the cluster's objects and volumes: its part of the recovery bucket."""
    return _objects(names, "recovery", key_arn, prefix=f"{VELERO_BACKUPS}/")


def postgres(names: Names, key_arn: str) -> Document:
    """Base backups and WAL: their part of the recovery bucket."""
    return _objects(names, "recovery", key_arn, prefix=f"{POSTGRES_BACKUPS}/")


def mlflow(names: Names, key_arn: str) -> Document:
    """Artifacts: the MLflow bucket."""
    return _objects(names, "mlflow", key_arn, prefix="")


def lake(names: Names, key_arn: str) -> Document:
    """Iceberg tables and uploads: the warehouse's bucket."""
    return _objects(names, "warehouse", key_arn, prefix="")


def downloads(names: Names, key_arn: str) -> Document:
    """Files that tenants asked for: their part of the warehouse's bucket."""
    return _objects(names, "warehouse", key_arn, prefix=f"{DOWNLOADS}/")


def external_secrets(names: Names, key_arn: str) -> Document:
    """Read the stack's secrets."""
    return document(
        allow(
            "Read",
            ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            [names.arn("secretsmanager", f"secret:{names.secret('*')}")],
        ),
        allow("Decrypt", ["kms:Decrypt"], [key_arn], when=_through("secretsmanager", names)),
    )


def cert_manager(zone_arn: str) -> Document:
    """Prove to a certificate authority that the domain is ours: one kind of record, and nothing else."""
    return document(
        allow(
            "Prove",
            ["route53:ChangeResourceRecordSets"],
            [zone_arn],
            when={
                "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]},
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]
                },
            },
        ),
        allow("Look", ["route53:GetChange"], ["arn:aws:route53:::change/*"]),
        allow("Zone", ["route53:ListResourceRecordSets"], [zone_arn]),
        allow("Zones", ["route53:ListHostedZonesByName"], EVERYTHING),
    )


def load_balancer_controller(names: Names) -> Document:
    """Put pods into the stack's target groups and take them out; the rest of the balancer is not its own."""
    groups = names.arn("elasticloadbalancing", f"targetgroup/{names.target_group('*')}/*")
    return document(
        allow(
            "Look",
            [
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeTags",
                "elasticloadbalancing:DescribeTargetGroupAttributes",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            EVERYTHING,
            when={"StringEquals": {"aws:RequestedRegion": names.region}},
        ),
        allow(
            "Bind",
            ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"],
            [groups],
        ),
    )


def ebs_csi(names: Names, key_arn: str) -> Document:
    """Make, attach, grow, snapshot and delete the volumes and snapshots that the driver tagged as its own.

    The tags are the driver's.

    Args:
        key_arn: of the volumes.
    """
    ec2 = f"arn:aws:ec2:{names.region}:{names.account_id}"
    volumes, snapshots, instances = f"{ec2}:volume/*", f"{ec2}:snapshot/*", f"{ec2}:instance/*"
    # AWS names no account in the ARN of a snapshot that a volume is made from.
    any_snapshot = f"arn:aws:ec2:{names.region}::snapshot/*"
    asked = {"StringEquals": {"aws:RequestTag/ebs.csi.aws.com/cluster": "true"}}
    owned = {"StringEquals": {"aws:ResourceTag/ebs.csi.aws.com/cluster": "true"}}
    return document(
        allow(
            "Look",
            [
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeSnapshots",
                "ec2:DescribeTags",
                "ec2:DescribeVolumes",
                "ec2:DescribeVolumesModifications",
                "ec2:DescribeVolumeStatus",
            ],
            EVERYTHING,
            when={"StringEquals": {"aws:RequestedRegion": names.region}},
        ),
        allow("MakeVolume", ["ec2:CreateVolume"], [volumes], when=asked),
        allow("VolumeFromSnapshot", ["ec2:CreateVolume"], [any_snapshot, snapshots]),
        allow("MakeSnapshot", ["ec2:CreateSnapshot"], [any_snapshot, snapshots], when=asked),
        allow(
            "TagNew",
            ["ec2:CreateTags"],
            [volumes, any_snapshot, snapshots],
            when={
                "StringEquals": {
                    **asked["StringEquals"],
                    "ec2:CreateAction": ["CreateSnapshot", "CreateVolume"],
                }
            },
        ),
        allow(
            "UseVolume",
            [
                "ec2:AttachVolume",
                "ec2:CreateSnapshot",
                "ec2:DeleteVolume",
                "ec2:DetachVolume",
                "ec2:ModifyVolume",
            ],
            [volumes],
            when=owned,
        ),
        allow(
            "UseInstance",
            ["ec2:AttachVolume", "ec2:DetachVolume"],
            [instances],
            when={"StringEquals": {f"aws:ResourceTag/{names.cluster_tag}": "owned"}},
        ),
        allow("DeleteSnapshot", ["ec2:DeleteSnapshot"], [any_snapshot, snapshots], when=owned),
        *use_through_ec2(names.region, key_arn),
    )


def _objects(names: Names, bucket: Bucket, key_arn: str, *, prefix: str) -> Document:
    arn = names.bucket_arn(bucket)
    return document(
        allow(
            "List",
            ["s3:ListBucket"],
            [arn],
            # Whoever asks first whether the bucket is there (HeadBucket) does so without a prefix.
            when={"StringLikeIfExists": {"s3:prefix": f"{prefix}*"}} if prefix else None,
        ),
        allow("Locate", ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [arn]),
        allow(
            "Objects",
            [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            [f"{arn}/{prefix}*"],
        ),
        allow("Encrypt", ["kms:Decrypt", "kms:GenerateDataKey"], [key_arn], when=_through("s3", names)),
    )


def _through(service: str, names: Names) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"kms:ViaService": f"{service}.{names.region}.amazonaws.com"}}
