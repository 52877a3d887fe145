"""What all cluster services share: a namespace, closed paths, and a Helm release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as k8s

from infra.charts import Chart
from infra.components.base import Component, child_name
from infra.components.namespace import Namespace, NamespaceArgs
from infra.manifests.meta import Manifest, labels
from infra.manifests.resources import service_network
from infra.manifests.resources.service_network import Reach
from infra.settings import Labels, Quota

_TIMEOUT_SECONDS: Final = 600
"""That a release may take until all its pods are ready: twice what the slowest takes on new nodes."""

_HISTORY: Final = 5
"""Revisions that a release can be rolled back to; each is a Secret with all its manifests."""

_INSTANCE: Final = "app.kubernetes.io/instance"
"""Label with the release's name that a chart gives its pods."""


@dataclass(frozen=True, kw_only=True)
class ClusterSite:
    """Where a service is put.

    Args:
        api_cidrs: networks that the Kubernetes API answers and calls from.
        network_cidrs: networks that nodes and endpoints of AWS are in.
        domain: DNS domain of the cluster's services.
        monitored: whether the definitions of ServiceMonitors are there, so that it may bring its own.
    """

    identity: Labels
    api_cidrs: Sequence[str]
    network_cidrs: Sequence[str]
    domain: str
    monitored: bool


class Service(Component):
    """A cluster service.

    Attributes:
        ready: what is there last: who needs the service waits for these.
    """

    ready: Sequence[pulumi.Resource] = ()

    def own_namespace(
        self, site: ClusterSite, namespace: str, quota: Quota, reach: Reach
    ) -> list[pulumi.Resource]:
        """Make a namespace whose pods are all the service's, and open its paths."""
        made = Namespace(
            namespace,
            NamespaceArgs(identity=site.identity, quota=quota),
            pulumi.ResourceOptions(parent=self),
        )
        theirs = labels(site.identity, self._name, "service")
        policy = service_network.policy(
            self._name,
            namespace,
            theirs,
            reach,
            api_cidrs=site.api_cidrs,
            network_cidrs=site.network_cidrs,
        )
        return [made, self.add(policy, after=[made])]

    def shared_namespace(
        self, site: ClusterSite, namespace: str, release: str, reach: Reach
    ) -> list[pulumi.Resource]:
        """Open the paths of one release's pods in a namespace that others have, too."""
        return [
            self.add(
                service_network.policy(
                    release,
                    namespace,
                    labels(site.identity, self._name, "service"),
                    reach,
                    api_cidrs=site.api_cidrs,
                    network_cidrs=site.network_cidrs,
                    pods={_INSTANCE: release},
                )
            )
        ]

    def install(
        self, chart: Chart, namespace: str, values: Manifest, *, after: Sequence[pulumi.Resource] = ()
    ) -> k8s.helm.v3.Release:
        """Install a chart as a release of its own name. One that fails is rolled back, or removed if new."""
        return k8s.helm.v3.Release(
            child_name(self._name, {"metadata": {"name": chart.name}}),
            chart=f"{chart.repository}/{chart.name}" if chart.is_oci else chart.name,
            version=chart.version,
            repository_opts=None if chart.is_oci else k8s.helm.v3.RepositoryOptsArgs(repo=chart.repository),
            name=chart.name,
            namespace=namespace,
            create_namespace=False,
            values=values,
            atomic=True,
            cleanup_on_fail=True,
            skip_crds=False,
            timeout=_TIMEOUT_SECONDS,
            max_history=_HISTORY,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
