"""The objects that a workload is made of. All have its name and labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from infra.manifests import secrets
from infra.manifests.meta import Manifest, metadata, selector
from infra.manifests.pod_template import pod_template
from infra.manifests.workload import Workload, key_of, metrics_name

CLAIM_LABELS: Final = "spec.volumeClaimTemplates[0].metadata.labels"
"""Field of a stateful set that no update may change: a volume keeps the labels that it was made with."""


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
    data = {key_of(name): content for name, content in w.files.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": w.metadata(), "data": data}


def secret(w: Workload) -> Manifest:
    """The workload's secret files: a Secret, or what makes one.

    Raises:
        ValueError: some stand elsewhere and some do not.
    """
    return secrets.secret(w.metadata(), w.secret_files, constants=w.secret_templates)


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


def cron_job(
    w: Workload,
    schedule: str,
    *,
    deadline_seconds: int,
    retries: int = 2,
    final: Sequence[int] = (),
    shards: int = 1,
) -> Manifest:
    """A job on a schedule in UTC, never two at a time.

    Args:
        final: exit codes after which another try would end the same.
        shards: pods that share it, each of which is tried again by itself.
    """
    spec = _job_spec(w, deadline_seconds, retries)
    if shards > 1:
        spec = sharded(spec, shards)
    if final:
        ended: Manifest = {"containerName": w.name, "operator": "In", "values": list(final)}
        spec["podFailurePolicy"] = {"rules": [{"action": "FailJob", "onExitCodes": ended}]}
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
                "spec": spec,
            },
        },
    }


def sharded(spec: Manifest, shards: int) -> Manifest:
    """A job's spec, for as many pods, each of which is tried again as often by itself: that one of them fails
    for good ends none of the others."""
    made = {key: value for key, value in spec.items() if key != "backoffLimit"}
    return made | {
        "completionMode": "Indexed",
        "completions": shards,
        "parallelism": shards,
        "backoffLimitPerIndex": spec["backoffLimit"],
        "maxFailedIndexes": shards,
    }


def _job_spec(w: Workload, deadline_seconds: int, retries: int) -> Manifest:
    template = pod_template(w)
    template["spec"]["restartPolicy"] = "Never"
    return {"backoffLimit": retries, "activeDeadlineSeconds": deadline_seconds, "template": template}


def _digest(value: Manifest) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _claimed(w: Workload) -> Manifest:
    return {"name": "data", "persistentVolumeClaim": {"claimName": w.name}}
