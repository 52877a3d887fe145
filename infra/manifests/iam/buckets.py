"""Policies of S3 buckets, and of who copies from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from infra.manifests.iam.document import Document, Statement, allow, deny, document
from infra.names import Bucket, Names, bucket_key

COPY: Final = ("s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags")
"""What a copy is written by."""


def bucket_policy(purpose: Bucket, names: Names) -> Document:
    """Policy of a bucket: TLS 1.2 or later for all, and what the service that writes to it needs."""
    arn = names.bucket_arn(purpose)
    both = [arn, f"{arn}/*"]
    closed = [
        deny("TlsOnly", ["s3:*"], both, to="*", when={"Bool": {"aws:SecureTransport": "false"}}),
        deny("Tls12", ["s3:*"], both, to="*", when={"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
    ]
    match purpose:
        case "audit":
            return document(*closed, *_trail(arn, names))
        case "access-logs":
            return document(*closed, _load_balancer(arn, names))
        case "recovery" | "mlflow" | "warehouse" | "state":
            return document(*closed)


def replication(sources: Sequence[Bucket], names: Names, key_arns: Sequence[str], to: Names) -> Document:
    """What replication may do: read the versions of the sources, write copies to the destinations.

    Args:
        key_arns: keys of the sources.
        to: names in the stack that gets the copies. Its keys are found by their aliases: their ARNs are not
            known here.
    """
    from_arns = [names.bucket_arn(source) for source in sources]
    to_arns = [to.bucket_arn(source) for source in sources]
    return document(
        allow("List", ["s3:GetReplicationConfiguration", "s3:ListBucket"], from_arns),
        allow(
            "Read",
            [
                "s3:GetObjectLegalHold",
                "s3:GetObjectRetention",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionTagging",
            ],
            [f"{arn}/*" for arn in from_arns],
        ),
        allow(
            "Write",
            COPY,
            [f"{arn}/*" for arn in to_arns],
        ),
        allow(
            "Decrypt",
            ["kms:Decrypt"],
            key_arns,
            when={"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}},
        ),
        allow(
            "Encrypt",
            ["kms:Encrypt", "kms:GenerateDataKey"],
            [to.arn("kms", "key/*")],
            when={
                "StringEquals": {
                    "aws:ResourceTag/env": to.environment,
                    "kms:ViaService": f"s3.{to.region}.amazonaws.com",
                },
                "ForAnyValue:StringEquals": {
                    "kms:ResourceAliases": sorted({to.key_alias(bucket_key(source)) for source in sources})
                },
            },
        ),
    )


def _trail(arn: str, names: Names) -> list[Statement]:
    trail = {"aws:SourceArn": names.trail_arn}
    service = {"Service": "cloudtrail.amazonaws.com"}
    return [
        allow("TrailChecks", ["s3:GetBucketAcl"], [arn], to=service, when={"StringEquals": trail}),
        allow(
            "TrailWrites",
            ["s3:PutObject"],
            [f"{arn}/AWSLogs/{names.account_id}/*"],
            to=service,
            when={"StringEquals": {**trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    ]


def _load_balancer(arn: str, names: Names) -> Statement:
    return allow(
        "LoadBalancerWrites",
        ["s3:PutObject"],
        [f"{arn}/AWSLogs/{names.account_id}/*"],
        to={"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        when={"ArnLike": {"aws:SourceArn": names.arn("elasticloadbalancing", "loadbalancer/*")}},
    )
