"""PostgreSQL by CloudNativePG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import pulumi

from infra.components.base import Component
from infra.manifests import network, postgres
from infra.manifests.meta import labels
from infra.manifests.network import Paths, Peer
from infra.manifests.resources import cloudnative_pg, monitors
from infra.manifests.resources.aws_paths import with_buckets
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import PostgresAccess
from infra.namespaces import CLOUDNATIVE_PG
from infra.settings import Labels
from infra.settings.data import PostgresCloudNativePG
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import PLATFORM

_PODS: Final = Peer(PLATFORM, cloudnative_pg.POD_NAME)
_OPERATOR: Final = Peer(CLOUDNATIVE_PG, "cloudnative-pg")


@dataclass(frozen=True, kw_only=True)
class CloudNativePGArgs:
    """Args:
    domain: DNS domain of the cluster.
    superuser: password of PostgreSQL's superuser.
    passwords: of each other login role.
    backups: `s3://bucket/prefix` of the archive.
    region: of that bucket.
    paths: of clients; those between the servers and to their operator are added.
    scraper: who reads the figures.
    api: (network, port) of the Kubernetes API.
    monitored: whether the definitions of PodMonitors are there.
    """

    identity: Labels
    domain: str
    superuser: SecretValue = field(repr=False)
    passwords: Mapping[str, SecretValue] = field(repr=False)
    settings: PostgresCloudNativePG
    backups: str
    region: str
    paths: Paths
    scraper: Peer
    api: Sequence[tuple[str, int]]
    monitored: bool


class CloudNativePG(Component):
    """A primary with standbys in other zones, its archive in a bucket, and a pooler before it.

    `access` is where clients find them. A password that is rotated reaches the database by itself.
    """

    TYPE: ClassVar[str] = "carbon:storage:CloudNativePG"

    def __init__(
        self, name: str, args: CloudNativePGArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        settings, identity = args.settings, args.identity
        protect = settings.storage.protect or settings.wal_storage.protect
        everyone = {postgres.SUPERUSER: args.superuser, **args.passwords}
        before = [
            self._paths(args),
            *(self.add(cloudnative_pg.password(identity, role, value)) for role, value in everyone.items()),
        ]
        store = self.add(
            cloudnative_pg.object_store(identity, settings.backup, path=args.backups),
            name=f"{name}-archive",
            after=[*before, self.add(cloudnative_pg.archive_region(identity, args.region))],
        )
        cluster = self.add(
            cloudnative_pg.cluster(identity, settings, domain=args.domain, roles=sorted(args.passwords)),
            name=name,
            after=[*before, store],
            protect=protect,
        )
        self.add(
            cloudnative_pg.scheduled_backup(identity, settings.backup), name=f"{name}-backup", after=[cluster]
        )
        self.add(cloudnative_pg.pooler(identity, settings.pooler), after=[cluster])
        self.add(cloudnative_pg.pooler_disruption_budget(identity), name=f"{name}-pooler-budget")
        if args.monitored:
            self._monitors(args)
        self.access = PostgresAccess(
            host=cloudnative_pg.pooled_host(args.domain),
            direct_host=cloudnative_pg.direct_host(args.domain),
            service=cloudnative_pg.SERVICE,
            ca_secret=cloudnative_pg.CA_SECRET,
        )
        self.register_outputs({"host": self.access.host, "directHost": self.access.direct_host})

    def _paths(self, args: CloudNativePGArgs) -> pulumi.Resource:
        between = tuple((_PODS, port) for port in (ports.POSTGRES, cloudnative_pg.STATUS_PORT))
        paths = Paths(
            ingress=(
                *args.paths.ingress,
                *between,
                (_OPERATOR, cloudnative_pg.STATUS_PORT),
                (args.scraper, cloudnative_pg.SERVER_METRICS),
                (args.scraper, cloudnative_pg.POOLER_METRICS),
            ),
            egress=(*args.paths.egress, *between),
            networks=(*args.paths.networks, *args.api),
        )
        theirs = labels(args.identity, self._name, "database")
        return self.add(with_buckets(network.policy(cloudnative_pg.POD_NAME, PLATFORM, theirs, paths)))

    def _monitors(self, args: CloudNativePGArgs) -> None:
        for which, pods in (
            (cloudnative_pg.CLUSTER, cloudnative_pg.SERVERS),
            (cloudnative_pg.POOLER, cloudnative_pg.POOLERS),
        ):
            theirs = labels(args.identity, self._name, "database")
            monitor = monitors.pod_monitor(which, PLATFORM, theirs, pods=pods, port="metrics")
            self.add(monitor, name=f"{which}-monitor")
