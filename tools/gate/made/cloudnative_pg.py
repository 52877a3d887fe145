"""What CloudNativePG and its Barman Cloud plugin make of a cluster and a pooler.

Read in cloudnative-pg/cloudnative-pg at v1.30.0, pkg/specs (`pods.go`, `containers.go`, `jobs.go`,
`roles.go`, `services.go`, `pgbouncer/deployments.go`, `pgbouncer/rbac.go`), and in
cloudnative-pg/plugin-barman-cloud, internal/cnpgi/operator (`lifecycle.go`, `specs/role.go`,
`specs/secrets.go`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tools.gate.made.parts import (
    Manifest,
    binding,
    claim,
    deployment,
    http_probe,
    job,
    meta,
    pod,
    role,
    service,
)

SEEN: Final = {"cloudnative-pg": "0.29.0", "plugin-barman-cloud": "0.7.0"}

_OPERATOR: Final = "ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0"
_SIDECAR: Final = "ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.13.0"
_PGBOUNCER: Final = "ghcr.io/cloudnative-pg/pgbouncer:1.25.1"
_CONTEXT: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_POD_CONTEXT: Final[Manifest] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_SCRATCH: Final[Manifest] = {"name": "scratch-data", "emptyDir": {}}
_PLUGIN: Final = "barman-cloud.cloudnative-pg.io"


def cluster(declared: Manifest, others: list[Manifest]) -> Iterator[Manifest]:
    """Servers, the jobs that make them, their volumes, services and rights."""
    name, spec = declared["metadata"]["name"], declared["spec"]
    labels = _labels(name, "database", spec.get("inheritedMetadata", {}).get("labels", {}))
    stores = _stores(spec, others)
    servers = labels | {"cnpg.io/podRole": "instance"}
    yield pod(meta(f"{name}-1", declared, servers), _server(name, spec, stores))
    for which in ("1-initdb", "2-join"):
        yield from job(meta(f"{name}-{which}", declared, labels), _server(name, spec, stores))
    for suffix, volume in (("", spec["storage"]), ("-wal", spec.get("walStorage"))):
        if volume is not None:
            claimed = meta(f"{name}-1{suffix}", declared, labels)
            yield claim(claimed, volume["size"], volume.get("storageClass"))
    for suffix in ("rw", "ro", "r"):
        yield service(meta(f"{name}-{suffix}", declared, labels), {"cnpg.io/cluster": name}, 5432)
    secrets = [spec["superuserSecret"]["name"], f"{name}-ca", f"{name}-server", f"{name}-replication"]
    yield role(meta(name, declared, labels), [_reads(secrets, "get", "watch")])
    yield binding(meta(name, declared, labels), name, name)
    if stores:
        theirs = meta(f"{name}-barman-cloud", declared, _labels(name, "database", {}))
        yield role(theirs, [_reads(sorted(_named(stores)), "get", "watch", "list")])
        yield binding(theirs, theirs["name"], name)


def pooler(declared: Manifest, _: list[Manifest]) -> Iterator[Manifest]:
    """PgBouncer's pods, their service and rights."""
    name, spec = declared["metadata"]["name"], declared["spec"]
    template = spec.get("template", {})
    wanted = template.get("spec", {})
    own = {"cnpg.io/poolerName": name, "cnpg.io/podRole": "pooler"}
    labels = _labels(spec["cluster"]["name"], "pooler", {}) | own
    given = next((c for c in wanted.get("containers", []) if c["name"] == "pgbouncer"), {})
    container = {
        "image": _PGBOUNCER,
        "ports": [
            {"name": "pgbouncer", "containerPort": 5432},
            {"name": "metrics", "containerPort": 9127},
        ],
        "readinessProbe": {"tcpSocket": {"port": 5432}},
        "securityContext": _CONTEXT,
        **given,
        "name": "pgbouncer",
    }
    bootstrap = _bootstrap(given.get("resources"))
    yield from deployment(
        meta(name, declared, labels),
        labels | template.get("metadata", {}).get("labels", {}),
        {
            "securityContext": _POD_CONTEXT,
            **wanted,
            "serviceAccountName": name,
            "initContainers": [bootstrap],
            "containers": [container],
            "volumes": [_SCRATCH, {"name": "ca", "secret": {"secretName": "ca"}}],
        },
    )
    yield service(meta(name, declared, labels), {"cnpg.io/poolerName": name}, 5432)
    cluster_name = spec["cluster"]["name"]
    secrets = [f"{cluster_name}-ca", f"{cluster_name}-server", f"{cluster_name}-pooler"]
    yield role(meta(name, declared, labels), [_reads(secrets, "get", "watch")])
    yield binding(meta(name, declared, labels), name, name)


def _labels(name: str, component: str, inherited: Mapping[str, str]) -> dict[str, str]:
    return {
        **inherited,
        "cnpg.io/cluster": name,
        "app.kubernetes.io/name": "postgresql",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": "cloudnative-pg",
    }


def _server(name: str, spec: Manifest, stores: list[Manifest]) -> Manifest:
    server = {
        "name": "postgres",
        "ports": [
            {"name": "postgresql", "containerPort": 5432},
            {"name": "metrics", "containerPort": 9187},
            {"name": "status", "containerPort": 8000},
        ],
        "image": spec["imageName"],
        "resources": spec["resources"],
        "securityContext": _CONTEXT,
        "startupProbe": http_probe("/healthz", 8000),
        "livenessProbe": http_probe("/healthz", 8000),
        "readinessProbe": http_probe("/readyz", 8000),
    }
    beside = [
        {
            "name": "plugin-barman-cloud",
            "image": _SIDECAR,
            "restartPolicy": "Always",
            "resources": store["spec"].get("instanceSidecarConfiguration", {}).get("resources"),
            "securityContext": _CONTEXT,
        }
        for store in stores[:1]
    ]
    return {
        "serviceAccountName": name,
        "securityContext": _POD_CONTEXT,
        "initContainers": [_bootstrap(spec["resources"]), *beside],
        "containers": [server],
        "volumes": [{"name": "pgdata", "persistentVolumeClaim": {"claimName": f"{name}-1"}}, _SCRATCH],
    }


def _bootstrap(resources: Manifest | None) -> Manifest:
    return {
        "name": "bootstrap-controller",
        "image": _OPERATOR,
        "resources": resources,
        "securityContext": _CONTEXT,
    }


def _stores(spec: Manifest, others: list[Manifest]) -> list[Manifest]:
    wanted = {
        one.get("parameters", {}).get("barmanObjectName")
        for one in spec.get("plugins", [])
        if one["name"] == _PLUGIN
    }
    return [o for o in others if o.get("kind") == "ObjectStore" and o["metadata"]["name"] in wanted]


def _named(stores: list[Manifest]) -> set[str]:
    """Secrets that the stores' credentials name: the plugin lists them, whether it reads them or not."""
    fields = ("accessKeyId", "secretAccessKey", "region", "sessionToken")
    given = [store["spec"]["configuration"].get("s3Credentials", {}) for store in stores]
    return {s3[field]["name"] for s3 in given for field in fields if field in s3}


def _reads(names: list[str], *verbs: str) -> Manifest:
    rule: Manifest = {"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}
    # An empty list is left out on its way to the API server: the rule is about every secret then.
    return {**rule, "resourceNames": names} if names else rule
