"""What every pod of the platform is made from: hardening, files, probes and labels, written once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from infra.manifests import secrets
from infra.manifests.meta import (
    CONFIG_HASH,
    EXCEPTION,
    NAME,
    Manifest,
    labels,
    metadata,
    selector,
    version,
)
from infra.manifests.resources.external_secrets import Remote, SecretValue
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import env

SERVICE_ACCOUNT: Final = "service-account-token"
"""The exception that mounts a service-account token."""


@dataclass(frozen=True, slots=True)
class Http:
    """A probe that GETs a path."""

    path: str
    port: int

    def action(self) -> Manifest:
        """The probe's action, as the API takes it."""
        return {"httpGet": {"path": self.path, "port": self.port}}


@dataclass(frozen=True, slots=True)
class Tcp:
    """A probe that connects."""

    port: int

    def action(self) -> Manifest:
        """The probe's action, as the API takes it."""
        return {"tcpSocket": {"port": self.port}}


@dataclass(frozen=True, slots=True)
class Exec:
    """A probe that runs a command in the container."""

    command: tuple[str, ...]

    def action(self) -> Manifest:
        """The probe's action, as the API takes it."""
        return {"exec": {"command": list(self.command)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """How the kubelet tells that a pod has started, may get traffic, and lives.

    Args:
        startup_seconds: how long it may take to start before it is restarted.
    """

    live: Http | Tcp | Exec
    ready: Http | Tcp | Exec
    startup_seconds: int = 120

    def manifest(self) -> Manifest:
        """The three probes. Only a start that drags on or a minute without life restarts a container."""
        return {
            "startupProbe": {
                **self.live.action(),
                "periodSeconds": 2,
                "timeoutSeconds": 5,
                "failureThreshold": self.startup_seconds // 2,
            },
            "readinessProbe": {
                **self.ready.action(),
                "periodSeconds": 5,
                "timeoutSeconds": 5,
                "failureThreshold": 2,
            },
            "livenessProbe": {
                **self.live.action(),
                "periodSeconds": 10,
                "timeoutSeconds": 10,
                "failureThreshold": 6,
            },
        }


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a pod's own that outlives it."""

    storage: Storage
    path: str

    def claim(self) -> Manifest:
        """Spec of its claim."""
        spec: Manifest = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self.storage.size}},
        }
        if self.storage.storage_class is not None:
            spec["storageClassName"] = self.storage.storage_class
        return spec


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """A directory of files from secrets that others make and keep up to date, such as certificates.

    Args:
        name: of the volume.
        path: of the directory.
        sources: secret → keys, each a file of that name.
    """

    name: str
    path: str
    sources: Mapping[str, Sequence[str]]

    def volume(self) -> Manifest:
        """The volume, as a pod declares it."""
        projected = [
            {"secret": {"name": secret, "items": [{"key": key, "path": key} for key in keys]}}
            for secret, keys in self.sources.items()
        ]
        return {"name": self.name, "projected": {"defaultMode": 0o440, "sources": projected}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of pod, and what belongs to it. All names of its objects are its own name.

    Args:
        component: its role in the platform.
        user: user and group of its container.
        command, args: of the container; the image's own where empty.
        fields: environment variables from the pod itself: name → field path.
        ports: name → number.
        files: text files at `files_at`: name → content.
        secret_files: files at `contracts.env.SECRETS_DIR`: name → content, or where it stands. A content
            that changes here restarts the pods. One that stands elsewhere changes in the running pod, and
            nothing restarts: workloads read a password's file each time they connect.
        mounted_secrets: files from secrets that others make.
        scratch: empty directories besides /tmp: volume name → path.
        metrics: port of its /metrics, where each pod has its own figures.
        grace_seconds: time to stop in.
        drain_seconds: time between leaving the service and being told to stop.
        exceptions: rule → why this workload does without it.
    """

    name: str
    namespace: str
    component: str
    identity: Labels
    image: str
    resources: Resources
    user: int = 10001
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    files_at: str = "/etc/carbon"
    secret_files: Mapping[str, SecretValue] = field(default_factory=dict[str, SecretValue], repr=False)
    mounted_secrets: Sequence[SecretMount] = ()
    scratch: Mapping[str, str] = field(default_factory=dict[str, str])
    volume: Volume | None = None
    probes: Probes | None = None
    metrics: int | None = None
    grace_seconds: int = 30
    drain_seconds: int = 0
    exceptions: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its objects."""
        return labels(self.identity, self.name, self.component)

    @property
    def annotations(self) -> dict[str, str]:
        """Annotations of its objects: why it does without a rule."""
        return {EXCEPTION + rule: reason for rule, reason in sorted(self.exceptions.items())}

    def host(self, domain: str) -> str:
        """Name of its service within a cluster of that DNS domain."""
        return f"{self.name}.{self.namespace}.svc.{domain}"

    def metadata(self) -> Manifest:
        """Metadata of its objects."""
        return metadata(self.name, self.namespace, self.labels, self.annotations)


def service_account(w: Workload) -> Manifest:
    """The workload's own account; nothing gets its token unless the pod asks."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": w.metadata(),
        "automountServiceAccountToken": False,
    }


def config_map(w: Workload) -> Manifest:
    """The workload's files."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": w.metadata(), "data": dict(w.files)}


def secret(w: Workload) -> Manifest:
    """The workload's secret files: a Secret, or what makes one.

    Raises:
        ValueError: some stand elsewhere and some do not.
    """
    return secrets.secret(w.metadata(), w.secret_files)


def service(
    w: Workload,
    ports: Mapping[str, int],
    *,
    name: str | None = None,
    pods: Mapping[str, str] | None = None,
    headless: bool = False,
    unready: bool = False,
) -> Manifest:
    """A service inside the cluster.

    Args:
        ports: name → number, the same at the pod.
        pods: labels of its pods, all of the workload's by default.
        headless: names the pods, not one address.
        unready: names pods that are not ready, too: for peers that become ready together.
    """
    spec: Manifest = {
        "type": "ClusterIP",
        "selector": dict(pods or selector(w.name)),
        "ports": [{"name": n, "port": p, "targetPort": p, "protocol": "TCP"} for n, p in ports.items()],
    }
    if headless:
        spec["clusterIP"] = "None"
    if unready:
        spec["publishNotReadyAddresses"] = True
    meta = metadata(name or w.name, w.namespace, w.labels)
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def metrics_service(w: Workload, port: int) -> Manifest:
    """A name whose addresses are all pods of the workload, ready or not: Prometheus finds them by it."""
    return service(w, {"metrics": port}, name=metrics_name(w.name), headless=True, unready=True)


def metrics_name(name: str) -> str:
    """Name of a workload's metrics service."""
    return f"{name}-metrics"


def claim(w: Workload) -> Manifest:
    """The claim of the volume of a workload of one pod."""
    assert w.volume is not None, "a claim needs a volume"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": w.metadata(),
        "spec": w.volume.claim(),
    }


def deployment(w: Workload, strategy: Manifest, *, replicas: int) -> Manifest:
    """A deployment. Where there is a scaler, `replicas` is what it starts with."""
    spec: Manifest = {
        "replicas": replicas,
        "selector": {"matchLabels": selector(w.name)},
        "strategy": strategy,
        "revisionHistoryLimit": 3,
        "template": pod_template(w, volume=_claimed(w) if w.volume else None),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": w.metadata(), "spec": spec}


CLAIM_LABELS: Final = "spec.volumeClaimTemplates[0].metadata.labels"
"""Field of a stateful set that no update may change: a volume keeps the labels that it was made with."""


def stateful_set(w: Workload, *, replicas: int, parallel: bool = False) -> Manifest:
    """Pods with a name and a volume of their own."""
    assert w.volume is not None, "a stateful set keeps something"
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": w.metadata(),
        "spec": {
            "serviceName": w.name,
            "replicas": replicas,
            "podManagementPolicy": "Parallel" if parallel else "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": selector(w.name)},
            "template": pod_template(w),
            "volumeClaimTemplates": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "data", "labels": w.labels},
                    "spec": w.volume.claim(),
                }
            ],
        },
    }


def job(w: Workload, *, deadline_seconds: int, retries: int = 3) -> Manifest:
    """A job that runs once. Its name holds the hash of its pod, so that a changed one is a new job."""
    spec = _job_spec(w, deadline_seconds, retries)
    meta = w.metadata()
    meta["name"] = f"{w.name}-{_digest(spec)[:10]}"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


def cron_job(w: Workload, schedule: str, *, deadline_seconds: int, retries: int = 2) -> Manifest:
    """A job on a schedule in UTC, never two at a time."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": w.metadata(),
        "spec": {
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 2,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": w.labels},
                "spec": _job_spec(w, deadline_seconds, retries),
            },
        },
    }


def pod_template(w: Workload, *, volume: Manifest | None = None) -> Manifest:
    """Labels, annotations and hardened pod of a workload that keeps running.

    Args:
        volume: the pod's volume named `data`, where the controller does not bring it.
    """
    return {
        "metadata": {
            "labels": {**w.labels, "app.kubernetes.io/version": version(w.image)},
            "annotations": {**w.annotations, CONFIG_HASH: config_hash(w)},
        },
        "spec": _pod(w, volume),
    }


def config_hash(w: Workload) -> str:
    """A value that changes with the content of the workload's files and secrets and reveals neither. Of a
    secret that stands elsewhere it follows the place.

    Secrets go through scrypt: a short one cannot be guessed from the annotation at any useful speed.
    """
    places = {n: [v.key, v.property] for n, v in w.secret_files.items() if isinstance(v, Remote)}
    seen = [dict(w.files), sorted(w.secret_files), *([places] if places else [])]
    plain = json.dumps(seen, sort_keys=True).encode()
    contents = {name: value for name, value in w.secret_files.items() if isinstance(value, str)}
    hidden = json.dumps(contents, sort_keys=True).encode()
    stretched = _stretched(hidden, w.name) if contents else b""
    return hashlib.sha256(plain + stretched).hexdigest()[:16]


@lru_cache
def _stretched(content: bytes, salt: str) -> bytes:
    return hashlib.scrypt(content, salt=salt.encode(), n=2**12, r=8, p=1)


def _job_spec(w: Workload, deadline_seconds: int, retries: int) -> Manifest:
    template = pod_template(w)
    template["spec"]["restartPolicy"] = "Never"
    return {"backoffLimit": retries, "activeDeadlineSeconds": deadline_seconds, "template": template}


def _digest(value: Manifest) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _claimed(w: Workload) -> Manifest:
    return {"name": "data", "persistentVolumeClaim": {"claimName": w.name}}


def _pod(w: Workload, volume: Manifest | None) -> Manifest:
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    volumes += [{"name": name, "emptyDir": {}} for name in w.scratch]
    if w.files:
        volumes.append({"name": "files", "configMap": {"name": w.name}})
    if w.secret_files:
        volumes.append({"name": "secrets", "secret": {"secretName": w.name, "defaultMode": 0o440}})
    volumes += [mount.volume() for mount in w.mounted_secrets]
    if volume is not None:
        volumes.append(volume)
    return {
        "serviceAccountName": w.name,
        "automountServiceAccountToken": SERVICE_ACCOUNT in w.exceptions,
        # Service variables would list every service of the namespace in the environment.
        "enableServiceLinks": False,
        # Names of services are asked for in full; the default of 5 tries each search domain first.
        "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
        "terminationGracePeriodSeconds": w.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": w.user,
            "runAsGroup": w.user,
            "fsGroup": w.user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {NAME: w.name}},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [_container(w)],
        "volumes": volumes,
    }


def _container(w: Workload) -> Manifest:
    mounts: list[Manifest] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 the pod's own, empty
    mounts += [{"name": name, "mountPath": path} for name, path in w.scratch.items()]
    if w.files:
        mounts.append({"name": "files", "mountPath": w.files_at, "readOnly": True})
    if w.secret_files:
        mounts.append({"name": "secrets", "mountPath": env.SECRETS_DIR, "readOnly": True})
    mounts += [{"name": m.name, "mountPath": m.path, "readOnly": True} for m in w.mounted_secrets]
    if w.volume is not None:
        mounts.append({"name": "data", "mountPath": w.volume.path})
    made: Manifest = {
        "name": w.name,
        "image": w.image,
        "imagePullPolicy": "IfNotPresent",
        # The pod's own come first: the values of the others may use them, as $(NAME).
        "env": [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": p}}} for n, p in sorted(w.fields.items())]
        + [{"name": name, "value": value} for name, value in sorted(w.env.items())],
        "resources": {
            "requests": {"cpu": w.resources.cpu, "memory": w.resources.memory},
            "limits": {"cpu": w.resources.cpu_limit, "memory": w.resources.memory_limit},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    if w.command:
        made["command"] = list(w.command)
    if w.args:
        made["args"] = list(w.args)
    if w.ports:
        made["ports"] = [{"name": n, "containerPort": p, "protocol": "TCP"} for n, p in w.ports.items()]
    if w.probes is not None:
        made |= w.probes.manifest()
    if w.drain_seconds:
        made["lifecycle"] = {"preStop": {"sleep": {"seconds": w.drain_seconds}}}
    return made
