"""The paths of a stack's workloads through the network, from their declarations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra import namespaces
from infra.manifests import workload
from infra.manifests.network import API_PORTS, Paths, Peer
from infra.manifests.prometheus import Target
from workloads.kit.contracts.declared.services import PROMETHEUS
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.platform import DECLARED, Flow, flows

KEDA: Final = Peer(namespaces.KEDA, "keda-operator")
"""Asks the brokers how far consumers are behind."""


@dataclass(frozen=True, kw_only=True)
class NetworkPaths:
    """Args:
    running: names of what the stack runs.
    api_cidrs: networks of the Kubernetes API.
    domain: DNS domain of the cluster.
    in_s3: workloads that keep objects in a bucket of AWS.
    pods: workload → name that its pods have as a label, where an operator gives them another.
    """

    running: Collection[str]
    api_cidrs: Sequence[str]
    domain: str
    in_s3: Collection[str] = ()
    pods: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def flows(self) -> list[Flow]:
        """Who may talk to whom. NetworkPolicies close everything else."""
        return flows(self.running)

    @property
    def api(self) -> list[tuple[str, int]]:
        """(CIDR, port) of the Kubernetes API."""
        return [(cidr, port) for cidr in self.api_cidrs for port in API_PORTS]

    def peer(self, name: str) -> Peer:
        """A workload as one end of a path."""
        return Peer(DECLARED[name].namespace, self.pods.get(name, name))

    def paths(self, name: str, networks: Sequence[tuple[str, int]] = ()) -> Paths:
        """All paths of a workload.

        Args:
            networks: (CIDR, port) outside the cluster that it may reach, besides the Kubernetes API.
        """
        return Paths(
            ingress=tuple((self.peer(source), port) for source, to, port in self.flows if to == name),
            egress=tuple((self.peer(to), port) for source, to, port in self.flows if source == name),
            networks=(*networks, *(self.api if DECLARED[name].kubernetes_api else ())),
            internet=DECLARED[name].internet,
            buckets=name in self.in_s3,
        )

    def targets(self) -> list[Target]:
        """What Prometheus scrapes: whatever it has a path to."""
        return [self._target(to, port) for source, to, port in self.flows if source == PROMETHEUS.name]

    def _target(self, name: str, port: int) -> Target:
        namespace = DECLARED[name].namespace
        each_pod = namespace == PLATFORM
        service = workload.metrics_name(name) if each_pod else name
        host = f"{service}.{namespace}.svc.{self.domain}"
        return Target(job=name, namespace=namespace, host=host, port=port, each_pod=each_pod)
