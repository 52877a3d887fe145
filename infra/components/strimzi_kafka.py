"""Kafka by Strimzi."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra.components.base import Component
from infra.manifests import kafka, network
from infra.manifests.meta import labels
from infra.manifests.network import Paths, Peer
from infra.manifests.resources import monitors, strimzi, strimzi_clients
from infra.manifests.services import KafkaAccess, KafkaTls
from infra.settings import Labels
from infra.settings.data import KafkaStrimzi
from workloads.kit.contracts import ports, topics
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.platform import CLIENTS

_BETWEEN_NODES: Final = (strimzi.CONTROL_PORT, strimzi.REPLICATION_PORT, ports.KAFKA)
_BROKERS: Final = Peer(PLATFORM, kafka.NAME)


@dataclass(frozen=True, kw_only=True)
class StrimziKafkaArgs:
    """Args:
    domain: DNS domain of the cluster.
    running: names of what the stack runs: its clients of Kafka.
    paths: of clients; those between the nodes and to their operators are added.
    scraper: who reads the nodes' figures.
    api: (network, port) of the Kubernetes API.
    monitored: whether the definitions of PodMonitors are there.
    """

    identity: Labels
    domain: str
    settings: KafkaStrimzi
    running: Collection[str]
    paths: Paths
    scraper: Peer
    api: Sequence[tuple[str, int]]
    monitored: bool


class StrimziKafka(Component):
    """The cluster, the declared topics, and a certificate with its rights for every client that runs.

    `access` is where clients start. Who depends on the component starts when topics and clients are there.
    """

    TYPE: ClassVar[str] = "carbon:streaming:StrimziKafka"

    def __init__(self, name: str, args: StrimziKafkaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings, identity = args.settings, args.identity
        protect = settings.storage.protect
        peers = [peer for peer, port in args.paths.ingress if port == ports.KAFKA]
        before = self._paths(args)
        kept = {strimzi.BROKERS: protect}
        if settings.controllers is not None:
            kept[strimzi.CONTROLLERS] = settings.controllers.storage.protect
        pools: list[pulumi.Resource] = []
        for pool in strimzi.node_pools(identity, settings):
            which: str = pool["metadata"]["name"]
            pools.append(self.add(pool, name=f"{name}-{which}-nodes", after=before, protect=kept[which]))
        listed = network.policy(name, PLATFORM, {}, Paths(ingress=tuple((p, ports.KAFKA) for p in peers)))
        who = [peer for rule in listed["spec"]["ingress"] for peer in rule["from"]]
        cluster = self.add(
            strimzi.cluster(identity, settings, peers=who), name=name, after=pools, protect=protect
        )
        declared = strimzi_clients.topics(
            identity,
            topics.DECLARED,
            replication_factor=settings.replication_factor,
            min_in_sync=settings.min_in_sync,
            retention_ms=settings.retention_ms,
        )
        for topic in declared:
            # Deleting the object deletes the topic, and with it the messages.
            self.add(
                topic, name=f"{name}-topic-{topic['metadata']['name']}", after=[cluster], protect=protect
            )
        for client in sorted(CLIENTS.keys() & args.running):
            user = strimzi_clients.user(identity, client, CLIENTS[client])
            self.add(user, name=f"{name}-client-{client}", after=[cluster])
        if args.monitored:
            monitor = monitors.pod_monitor(
                kafka.NAME,
                PLATFORM,
                labels(identity, kafka.NAME, "broker"),
                pods=strimzi.NODES,
                port=strimzi.METRICS_PORT_NAME,
            )
            self.add(monitor)
        self.access = KafkaAccess(
            bootstrap=strimzi.bootstrap(args.domain),
            service=strimzi.service(),
            tls=KafkaTls(ca_secret=strimzi.CA_SECRET, user_secrets=strimzi.USER_SECRETS),
        )
        self.register_outputs({"bootstrap": self.access.bootstrap})

    def _paths(self, args: StrimziKafkaArgs) -> list[pulumi.Resource]:
        """Strimzi itself opens what goes into its pods; our default closes what goes out of them, too."""
        between = tuple((_BROKERS, port) for port in _BETWEEN_NODES)
        operators = [strimzi.ENTITY_OPERATOR]
        if args.settings.cruise_control is not None:
            operators.append(strimzi.CRUISE_CONTROL)
        opened = {
            kafka.NAME: Paths(
                ingress=(
                    *args.paths.ingress,
                    *between,
                    *((Peer(PLATFORM, operator), strimzi.REPLICATION_PORT) for operator in operators),
                    (args.scraper, strimzi.METRICS_PORT),
                ),
                egress=(*args.paths.egress, *between),
                # An init container asks which zone its node is in.
                networks=(*args.paths.networks, *args.api),
            )
        }
        for operator in operators:
            to_brokers = ((_BROKERS, strimzi.REPLICATION_PORT),)
            opened[operator] = Paths(egress=to_brokers, networks=tuple(args.api))
        return self.add_all(
            [
                network.policy(name, PLATFORM, labels(args.identity, name, "broker"), paths)
                for name, paths in opened.items()
            ]
        )
