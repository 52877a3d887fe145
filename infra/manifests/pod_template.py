"""The pod of a workload: hardened, with its files, probes and labels."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

from infra.manifests import pods
from infra.manifests.meta import CONFIG_HASH, Manifest, selector, version
from infra.manifests.resources.external_secrets import Remote
from infra.manifests.workload import SERVICE_ACCOUNT, Workload, key_of
from workloads.kit.contracts import env


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


def _pod(w: Workload, volume: Manifest | None) -> Manifest:
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    volumes += [{"name": name, "emptyDir": {}} for name in w.scratch]
    if w.files:
        volumes.append({"name": "files", "configMap": _config_map(w)})
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
        "securityContext": pods.pod_security(
            runAsUser=w.user, runAsGroup=w.user, fsGroup=w.user, fsGroupChangePolicy="OnRootMismatch"
        ),
        "topologySpreadConstraints": pods.spread(selector(w.name)),
        "containers": [_container(w)],
        "volumes": volumes,
    }


def _config_map(w: Workload) -> Manifest:
    if not any("/" in name for name in w.files):
        return {"name": w.name}
    return {"name": w.name, "items": [{"key": key_of(name), "path": name} for name in w.files]}


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
        "resources": pods.resources(w.resources),
        "securityContext": pods.container_security(),
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
