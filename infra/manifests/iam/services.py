"""What AWS services may do for the stack."""

from __future__ import annotations

from infra.manifests.iam.document import EVERYTHING, Document, allow, document
from infra.names import Names


def log_delivery(names: Names, purpose: str) -> Document:
    """Write to a log group, for VPC flow logs and CloudTrail."""
    streams = [f"{names.log_group_arn(purpose)}:*"]
    return document(
        allow("Deliver", ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], streams),
        allow("Find", ["logs:DescribeLogGroups"], EVERYTHING),
    )


def cluster_key(key_arn: str) -> Document:
    """Encrypt what the Kubernetes API stores."""
    return document(
        allow("Envelope", ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"], [key_arn])
    )


def interruption_queue(names: Names, queue_arn: str) -> Document:
    """Policy of the queue on which EC2 announces that a node goes away."""
    rules = names.arn("events", f"rule/{names.prefix}-*")
    return document(
        allow(
            "EventsSend",
            ["sqs:SendMessage"],
            [queue_arn],
            to={"Service": "events.amazonaws.com"},
            when={"ArnLike": {"aws:SourceArn": rules}},
        )
    )


def rotation(names: Names, key_arn: str, log_group: str) -> Document:
    """Give the stack's secrets a new value; and log, without it."""
    mine = names.arn("secretsmanager", f"secret:{names.secret('*')}")
    return document(
        allow(
            "Rotate",
            [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            [mine],
            when={"StringEquals": {"aws:ResourceTag/generated": "true"}},
        ),
        allow("Password", ["secretsmanager:GetRandomPassword"], EVERYTHING),
        allow(
            "Encrypt",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key_arn],
            when={"StringEquals": {"kms:ViaService": f"secretsmanager.{names.region}.amazonaws.com"}},
        ),
        allow(
            "Log",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [
                names.arn("logs", f"log-group:{log_group}:log-stream:*"),
            ],
        ),
    )


def firewall_logs(names: Names) -> Document:
    """Policy of CloudWatch Logs: the firewall's log group takes what the firewall sends."""
    return document(
        allow(
            "FirewallWrites",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [names.arn("logs", f"log-group:{names.waf_log_group}:log-stream:*")],
            to={"Service": "delivery.logs.amazonaws.com"},
            when={
                "StringEquals": {"aws:SourceAccount": names.account_id},
                "ArnLike": {"aws:SourceArn": names.arn("logs", "*")},
            },
        )
    )


def runner(names: Names, connection_arn: str) -> Document:
    """Run jobs of GitHub in the network, as CodeBuild asks for it; and log them."""
    logs = [names.log_group_arn("runner"), f"{names.log_group_arn('runner')}:*"]
    return document(
        allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], logs),
        allow(
            "Find",
            [
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            EVERYTHING,
        ),
        allow(
            "Interface",
            ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"],
            [names.arn("ec2", "network-interface/*")],
        ),
        allow(
            "Place",
            ["ec2:CreateNetworkInterface"],
            [names.arn("ec2", f"{kind}/*") for kind in ("security-group", "subnet")],
            when={"StringEquals": {"aws:ResourceTag/env": names.environment}},
        ),
        allow(
            "Lend",
            ["ec2:CreateNetworkInterfacePermission"],
            [names.arn("ec2", "network-interface/*")],
            when={"StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"}},
        ),
        allow(
            "Connect",
            [
                "codeconnections:GetConnection",
                "codeconnections:GetConnectionToken",
            ],
            [connection_arn],
        ),
    )
