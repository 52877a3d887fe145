"""The cluster that a stack runs on."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Discriminator, Field

from infra.settings.base import Section


class KubeconfigCluster(Section):
    """A cluster that exists and that a kubeconfig reaches."""

    kind: Literal["kubeconfig"] = Field(description="How the cluster is come by.")
    kubeconfig: str = Field(min_length=1, description="Path of the kubeconfig.")
    context: str | None = Field(None, description="Context in the kubeconfig; its current one by default.")
    identifier: str = Field(
        min_length=1,
        description="Name of the cluster that stays the same when the kubeconfig moves or is rewritten: "
        "a new one replaces every object.",
    )
    domain: str = Field("cluster.local", description="DNS domain of the cluster's services.")
    api_cidrs: list[IPv4Network] = Field(
        default=[IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")],
        min_length=1,
        description="Networks that the Kubernetes API answers from; the few pods that use it may go there.",
    )


class EksCluster(Section):
    """The cluster that section `aws` makes; the network's own range is where its API answers."""

    kind: Literal["eks"] = Field(description="How the cluster is come by.")


Cluster = Annotated[KubeconfigCluster | EksCluster, Discriminator("kind")]
