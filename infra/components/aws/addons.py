"""Add-ons of the cluster, which EKS keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pulumi
import pulumi_aws as aws

from infra.components.aws.base import AwsComponent, AwsSite
from infra.settings.aws_cluster import Addon
from infra.tags import tags

BEFORE_NODES: Final[tuple[Addon, ...]] = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
"""What a node needs to become ready."""

ON_NODES: Final[tuple[Addon, ...]] = ("coredns", "aws-ebs-csi-driver", "snapshot-controller")
"""What is ready once it runs on a node."""


@dataclass(frozen=True, kw_only=True)
class AddonsArgs:
    """Args:
    versions: where not the cluster version's default.
    """

    site: AwsSite
    cluster_name: pulumi.Input[str]
    addons: Sequence[Addon]
    versions: Mapping[Addon, str]


class Addons(AwsComponent):
    """Add-ons; `ready` is all of them."""

    TYPE: ClassVar[str] = "carbon:aws:Addons"

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.ready: list[pulumi.Resource] = [
            aws.eks.Addon(
                self.child(addon),
                addon_name=addon,
                cluster_name=args.cluster_name,
                addon_version=args.versions.get(addon),
                configuration_values=_configuration(addon, args.site),
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                opts=self.below(),
            )
            for addon in args.addons
        ]
        self.register_outputs({})


def _configuration(addon: Addon, site: AwsSite) -> str | None:
    values: dict[str, Any]
    match addon:
        case "vpc-cni":
            # Prefixes rather than single addresses: a node has them for `karpenter.MOST_PODS`.
            values = {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true"}}
        case "aws-ebs-csi-driver":
            # The provider's tags do not reach what the driver makes.
            values = {"controller": {"extraVolumeTags": tags(site.labels)}}
        case _:
            return None
    return json.dumps(values)
