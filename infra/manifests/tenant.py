"""A tenant's namespace: what it may use, what it may reach, and what it is given of the platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.manifests import namespace
from infra.manifests.meta import Manifest, labels, metadata, selector
from infra.manifests.network import Peer
from infra.manifests.pods import count
from infra.manifests.resources import platform_store, strimzi_clients
from infra.manifests.resources.external_secrets import Remote, SecretValue
from infra.manifests.secrets import secret
from infra.settings import Labels
from infra.settings.tenants import TenantSettings
from workloads.kit.contracts import ports, tables, tenants
from workloads.kit.contracts.declaration import Quota
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.topics import Topic

DATABASE: Final = "database"
"""Secret in the tenant's namespace with what a client of its database role needs."""

KAFKA: Final = "kafka"
"""Secret in the tenant's namespace with the certificate of its client of Kafka."""

_RBAC: Final = "rbac.authorization.k8s.io"
_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"

_COUNTED: Final = {"jobs": "count/jobs.batch", "cronjobs": "count/cronjobs.batch"}
"""Kinds whose name in a quota is another."""


def namespace_name(identity: Labels, tenant: str) -> str:
    """Namespace of a tenant: `production-<tenant>` where tenants know the environment as that."""
    return f"{identity.known_as or identity.environment}-{tenant}"


def identity_of(identity: Labels, settings: TenantSettings) -> Labels:
    """Whose the tenant's objects are: its own people's, in the platform's environment and product."""
    return Labels(
        environment=identity.environment,
        product=identity.product,
        owner=settings.owner,
        team=settings.team,
        cost_center=settings.cost_center,
    )


def cost_labels(name: str, settings: TenantSettings) -> dict[str, str]:
    """Labels that cost is told by, besides those of every object."""
    return {"tenant": name, "department": settings.department}


def home(identity: Labels, name: str, settings: TenantSettings) -> Manifest:
    """The namespace; it takes restricted pods only, and refuses what breaks the policies."""
    made = namespace.namespace(namespace_name(identity, name), identity_of(identity, settings), enforced=True)
    return labelled(made, name, settings)


def surroundings(identity: Labels, name: str, settings: TenantSettings) -> list[Manifest]:
    """What every pod of the namespace lives under: quota, limits, closed network, and no token by default."""
    own, theirs = namespace_name(identity, name), identity_of(identity, settings)
    quota = settings.quota
    made = namespace.defaults(
        own,
        theirs,
        cpu=quota.cpu,
        memory=quota.memory,
        memory_limit=quota.memory_limit,
        pods=quota.pods,
        claims=quota.claims,
        container=settings.container,
    )
    for manifest in made:
        if manifest["kind"] == "ResourceQuota":
            counted = {_COUNTED.get(kind, kind): count(n) for kind, n in settings.objects.items()}
            manifest["spec"]["hard"] |= {**counted, "requests.storage": settings.storage}
    common = labels(theirs, own, "namespace")
    made.append(_within(own, common))
    made.append(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata("default", own, common),
            "automountServiceAccountToken": False,
        }
    )
    return [labelled(manifest, name, settings) for manifest in made]


def paths(
    identity: Labels, name: str, settings: TenantSettings, opened: Sequence[tuple[Peer, int]]
) -> list[Manifest]:
    """Lets all pods of the namespace reach some workloads of the platform: both ends of each path.

    Args:
        opened: workload and TCP port.
    """
    own = namespace_name(identity, name)
    common = labels(identity_of(identity, settings), own, "namespace")
    made: list[Manifest] = []
    if opened:
        egress = [_to(peer, port) for peer, port in opened]
        made.append(_policy(metadata("platform", own, common), {}, egress=egress))
    for target in sorted({peer for peer, _ in opened}, key=lambda peer: (peer.namespace, peer.name)):
        ingress = [
            {
                "from": [{"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: own}}}],
                "ports": [{"protocol": "TCP", "port": port}],
            }
            for peer, port in opened
            if peer == target
        ]
        meta = metadata(f"{own}-{target.name}", target.namespace, common)
        made.append(_policy(meta, selector(target.name), ingress=ingress))
    return [labelled(manifest, name, settings) for manifest in made]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A Secret that the tenant gets.

    Args:
        name: of the Secret.
        values: key → content, or the platform's secret and the key in it that it is copied from.
        constants: further keys, whose values are no secrets.
    """

    name: str
    values: Mapping[str, SecretValue] = field(repr=False)
    constants: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def sources(self) -> set[str]:
        """Secrets of the platform that it is copied from."""
        return {value.key for value in self.values.values() if isinstance(value, Remote)}


def database(name: str, host: str, values: Mapping[str, SecretValue]) -> Given:
    """What a client of the tenant's database role needs.

    Args:
        host: where PostgreSQL answers.
        values: `password`, and `ca.crt` where connections are encrypted.
    """
    known = {
        "host": host,
        "port": str(ports.POSTGRES),
        "dbname": tables.DATABASE,
        "username": tenants.role(name),
    }
    return Given(name=DATABASE, values=values, constants=known)


def client(name: str) -> str:
    """The tenant as a client of Kafka."""
    return f"tenant-{name}"


def streaming(
    identity: Labels, name: str, settings: TenantSettings, *, replication_factor: int, min_in_sync: int
) -> list[Manifest]:
    """The tenant's topics, and its client, which may use what starts with its prefix and nothing else."""
    theirs, prefix, use = identity_of(identity, settings), tenants.prefix(name), settings.kafka
    declared = [
        Topic(prefix + topic, partitions=kept.partitions, retention_ms=kept.retention_ms)
        for topic, kept in use.topics.items()
    ]
    quota = Quota(
        produce_bytes=use.producer_bytes_per_second,
        consume_bytes=use.consumer_bytes_per_second,
        request_percent=use.request_percent,
    )
    made = strimzi_clients.topics(
        theirs, declared, replication_factor=replication_factor, min_in_sync=min_in_sync, retention_ms={}
    )
    made.append(strimzi_clients.tenant_user(theirs, client(name), prefix, quota))
    return [labelled(manifest, name, settings) for manifest in made]


def store(identity: Labels, name: str, settings: TenantSettings, sources: Sequence[str]) -> list[Manifest]:
    """Lets External Secrets read some of the platform's secrets for the tenant, with rights on these alone.

    Args:
        sources: names of the secrets.
    """
    own = namespace_name(identity, name)
    common = labels(identity_of(identity, settings), own, "secrets")
    reader = metadata(platform_store.NAME, own, common)
    theirs = metadata(f"{own}-secrets", PLATFORM, common)
    made = platform_store.store(reader, theirs, sources)
    return [labelled(manifest, name, settings) for manifest in made]


def given(identity: Labels, name: str, settings: TenantSettings, secrets: Sequence[Given]) -> list[Manifest]:
    """The tenant's Secrets, or what copies them by its store."""
    own = namespace_name(identity, name)
    common = labels(identity_of(identity, settings), own, "secrets") | cost_labels(name, settings)
    made: list[Manifest] = []
    for one in secrets:
        manifest = secret(metadata(one.name, own, common), one.values, constants=one.constants)
        if one.sources:
            manifest = platform_store.copied(manifest)
        made.append(manifest)
    return made


def labelled(manifest: Manifest, name: str, settings: TenantSettings) -> Manifest:
    """An object of the tenant's, with the labels that cost is told by."""
    meta = manifest["metadata"]
    return manifest | {"metadata": meta | {"labels": meta["labels"] | cost_labels(name, settings)}}


def _within(own: str, common: Mapping[str, str]) -> Manifest:
    everyone: list[Manifest] = [{"podSelector": {}}]
    meta = metadata("within-namespace", own, common)
    return _policy(meta, {}, ingress=[{"from": everyone}], egress=[{"to": everyone}])


def _to(peer: Peer, port: int) -> Manifest:
    end = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: peer.namespace}},
        "podSelector": {"matchLabels": selector(peer.name)},
    }
    return {"to": [end], "ports": [{"protocol": "TCP", "port": port}]}


def _policy(
    meta: Manifest,
    pods: Mapping[str, str],
    *,
    ingress: Sequence[Manifest] = (),
    egress: Sequence[Manifest] = (),
) -> Manifest:
    spec: Manifest = {"podSelector": {"matchLabels": dict(pods)} if pods else {}, "policyTypes": []}
    for kind, rules in (("Ingress", ingress), ("Egress", egress)):
        if rules:
            spec["policyTypes"].append(kind)
            spec[kind.lower()] = list(rules)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
