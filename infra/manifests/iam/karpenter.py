"""Rights of Karpenter: it starts and ends instances that carry the cluster's tag, and no others.

The actions, and the tags that bound them, are those that Karpenter's reference says it needs. It makes no
instance profile: node classes name the stack's own.
"""

from __future__ import annotations

from infra.manifests.iam.document import EVERYTHING, Document, allow, document, use_through_ec2
from infra.names import Names

_POOL = "karpenter.sh/nodepool"
_MADE = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")


def controller(names: Names, queue_arn: str, key_arn: str) -> Document:
    """Policy of the controller.

    Args:
        queue_arn: of the queue on which EC2 announces that a node goes away.
        key_arn: of the nodes' volumes.
    """
    ec2 = f"arn:aws:ec2:{names.region}:{names.account_id}"
    shared = f"arn:aws:ec2:{names.region}:"
    made = [f"{ec2}:{kind}/*" for kind in _MADE]
    owned = f"aws:ResourceTag/{names.cluster_tag}"
    asked = f"aws:RequestTag/{names.cluster_tag}"
    pool = {"StringLike": {f"aws:ResourceTag/{_POOL}": "*"}}
    asked_pool = {"StringLike": {f"aws:RequestTag/{_POOL}": "*"}}
    return document(
        allow(
            "StartFrom",
            ["ec2:CreateFleet", "ec2:RunInstances"],
            [
                f"{shared}:image/*",
                f"{shared}:snapshot/*",
                f"{ec2}:capacity-reservation/*",
                f"{ec2}:security-group/*",
                f"{ec2}:subnet/*",
            ],
        ),
        allow(
            "StartFromTemplate",
            ["ec2:CreateFleet", "ec2:RunInstances"],
            [f"{ec2}:launch-template/*"],
            when={"StringEquals": {owned: "owned"}, **pool},
        ),
        allow(
            "Start",
            ["ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"],
            made,
            when={"StringEquals": {asked: "owned"}, **asked_pool},
        ),
        allow(
            "TagNew",
            ["ec2:CreateTags"],
            made,
            when={
                "StringEquals": {
                    asked: "owned",
                    "ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"],
                },
                **asked_pool,
            },
        ),
        allow(
            "TagOwn",
            ["ec2:CreateTags"],
            [f"{ec2}:instance/*"],
            when={
                "StringEquals": {owned: "owned"},
                **pool,
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"]
                },
            },
        ),
        allow(
            "End",
            ["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"],
            [f"{ec2}:instance/*", f"{ec2}:launch-template/*"],
            when={"StringEquals": {owned: "owned"}, **pool},
        ),
        allow(
            "Look",
            [
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeCapacityReservations",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceStatus",
                "ec2:DescribeInstanceTypeOfferings",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeInstances",
                "ec2:DescribeLaunchTemplates",
                "ec2:DescribePlacementGroups",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSpotPriceHistory",
                "ec2:DescribeSubnets",
            ],
            EVERYTHING,
            when={"StringEquals": {"aws:RequestedRegion": names.region}},
        ),
        allow("Images", ["ssm:GetParameter"], [f"arn:aws:ssm:{names.region}::parameter/aws/service/*"]),
        allow("Prices", ["pricing:GetProducts"], EVERYTHING),
        allow(
            "Interruptions",
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
            [queue_arn],
        ),
        allow(
            "NodeRole",
            ["iam:PassRole"],
            [names.role_arn("karpenter-node")],
            when={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        allow("Profiles", ["iam:GetInstanceProfile", "iam:ListInstanceProfiles"], EVERYTHING),
        allow(
            "Cluster",
            ["eks:DescribeCluster"],
            [names.arn("eks", f"cluster/{names.cluster}")],
        ),
        *use_through_ec2(names.region, key_arn),
    )
