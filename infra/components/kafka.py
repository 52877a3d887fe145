"""Kafka."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import kafka, objects, scaling
from infra.manifests.network import Paths, Peer
from infra.manifests.services import KafkaAccess
from infra.settings import Labels
from infra.settings.data import KafkaStatefulSet
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import PLATFORM


@dataclass(frozen=True, kw_only=True)
class KafkaArgs:
    """Args:
    domain: DNS domain of the cluster.
    paths: of clients; those between the brokers are added.
    """

    identity: Labels
    image: str
    domain: str
    settings: KafkaStatefulSet
    paths: Paths


class Kafka(Component):
    """Brokers that are controllers, too, each with a volume; `access` is where clients start."""

    TYPE: ClassVar[str] = "carbon:streaming:Kafka"

    def __init__(self, name: str, args: KafkaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings, storage = args.settings, args.settings.storage
        base = settings.external_port_base
        brokers = kafka.Brokers(
            namespace=PLATFORM,
            domain=args.domain,
            count=settings.brokers,
            replication_factor=settings.replication_factor,
            min_in_sync=settings.min_in_sync,
            heap_mib=settings.heap_mib,
            external=[(settings.external_host, base + i) for i in range(settings.brokers)] if base else [],
        )
        w = kafka.workload(
            brokers,
            args.identity,
            args.image,
            settings.resources,
            storage,
        )
        each_other = tuple((Peer(PLATFORM, w.name), port) for port in (ports.KAFKA, ports.KAFKA_CONTROLLER))
        paths = Paths(args.paths.ingress + each_other, args.paths.egress + each_other, args.paths.networks)
        before = self.add_surroundings(w, paths)
        self.add_all(kafka.services(w, brokers), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(
            objects.stateful_set(w, replicas=settings.brokers, parallel=True),
            after=before,
            protect=storage.protect,
            left_alone=[objects.CLAIM_LABELS],
        )
        self.access = KafkaAccess(
            bootstrap=kafka.bootstrap(brokers),
            service=kafka.BOOTSTRAP,
            external=[f"{kafka.NAME}-{ordinal}" for ordinal in range(len(brokers.external))],
        )
        self.register_outputs({"bootstrap": self.access.bootstrap})
