"""What all components share: registering manifests as typed resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pulumi
import pulumi_kubernetes as k8s

from infra.components.untyped import Untyped
from infra.manifests import network, objects, scaling
from infra.manifests.meta import Manifest
from infra.manifests.network import Paths
from infra.manifests.resources.aws_paths import with_buckets
from infra.manifests.scaling import Lag
from infra.manifests.workload import Workload
from infra.settings.workloads import HpaScaler, KedaScaler

_TYPES: dict[tuple[str, str], Any] = {
    ("v1", "ConfigMap"): k8s.core.v1.ConfigMap,
    ("v1", "LimitRange"): k8s.core.v1.LimitRange,
    ("v1", "Namespace"): k8s.core.v1.Namespace,
    ("v1", "PersistentVolumeClaim"): k8s.core.v1.PersistentVolumeClaim,
    ("v1", "ResourceQuota"): k8s.core.v1.ResourceQuota,
    ("v1", "Secret"): k8s.core.v1.Secret,
    ("v1", "Service"): k8s.core.v1.Service,
    ("v1", "ServiceAccount"): k8s.core.v1.ServiceAccount,
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): (
        k8s.admissionregistration.v1.ValidatingAdmissionPolicy
    ),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): (
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding
    ),
    ("apps/v1", "Deployment"): k8s.apps.v1.Deployment,
    ("apps/v1", "StatefulSet"): k8s.apps.v1.StatefulSet,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): k8s.autoscaling.v2.HorizontalPodAutoscaler,
    ("batch/v1", "CronJob"): k8s.batch.v1.CronJob,
    ("batch/v1", "Job"): k8s.batch.v1.Job,
    ("networking.k8s.io/v1", "NetworkPolicy"): k8s.networking.v1.NetworkPolicy,
    ("policy/v1", "PodDisruptionBudget"): k8s.policy.v1.PodDisruptionBudget,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): k8s.rbac.v1.ClusterRole,
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): k8s.rbac.v1.ClusterRoleBinding,
    ("rbac.authorization.k8s.io/v1", "Role"): k8s.rbac.v1.Role,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): k8s.rbac.v1.RoleBinding,
    ("scheduling.k8s.io/v1", "PriorityClass"): k8s.scheduling.v1.PriorityClass,
    ("storage.k8s.io/v1", "StorageClass"): k8s.storage.v1.StorageClass,
}
_UNTYPED = {
    "barmancloud.cnpg.io/v1",
    "cert-manager.io/v1",
    "elbv2.k8s.aws/v1beta1",
    "external-secrets.io/v1",
    "kafka.strimzi.io/v1",
    "karpenter.k8s.aws/v1",
    "karpenter.sh/v1",
    "keda.sh/v1alpha1",
    "monitoring.coreos.com/v1",
    "policies.kyverno.io/v1",
    "postgresql.cnpg.io/v1",
    "snapshot.storage.k8s.io/v1",
    "velero.io/v1",
}


class Component(pulumi.ComponentResource):
    """A component: `TYPE` is its token, pinned by a test since changing it replaces what is below."""

    TYPE: ClassVar[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self._name = name

    def add(
        self,
        manifest: Manifest,
        *,
        name: str | None = None,
        after: Sequence[pulumi.Resource] = (),
        protect: bool = False,
        left_alone: Sequence[str] = (),
    ) -> pulumi.Resource:
        """Register an object as a child.

        Args:
            name: its name in the stack, made from the object's own by default: for objects whose own changes.
            after: what must be there before it.
            protect: whether the engine refuses to delete or replace it.
            left_alone: fields that are set when it is made and are another's from then on.
        """
        return register(
            manifest,
            name or child_name(self._name, manifest),
            pulumi.ResourceOptions(
                parent=self,
                depends_on=list(after),
                protect=protect or None,
                ignore_changes=list(left_alone),
            ),
        )

    def add_all(
        self, manifests: Sequence[Manifest], *, after: Sequence[pulumi.Resource] = ()
    ) -> list[pulumi.Resource]:
        """Register several."""
        return [self.add(manifest, after=after) for manifest in manifests]

    def add_surroundings(
        self, w: Workload, paths: Paths, *, after: Sequence[pulumi.Resource] = ()
    ) -> list[pulumi.Resource]:
        """Register what must be there before a workload's pods: account, files, secrets, network policy."""
        policy = network.policy(w.name, w.namespace, w.labels, paths)
        manifests = [objects.service_account(w), with_buckets(policy) if paths.buckets else policy]
        if w.files:
            manifests.append(objects.config_map(w))
        if w.secret_files:
            manifests.append(objects.secret(w))
        return self.add_all(manifests, after=after)

    def add_metrics(self, w: Workload) -> None:
        """Register the name by which Prometheus finds a workload's pods."""
        if w.metrics is not None:
            self.add(objects.metrics_service(w, w.metrics))

    def add_scaled(
        self,
        w: Workload,
        strategy: Manifest,
        scaler: HpaScaler | KedaScaler,
        *,
        after: Sequence[pulumi.Resource],
        lag: Lag | None = None,
    ) -> None:
        """Register a deployment, and what decides how many of its pods run.

        Args:
            lag: whose lag on which topic, of a consumer.
        """
        # It starts with all its pods, so that an update ends when they are ready; the scaler takes over then.
        made = self.add(
            objects.deployment(w, strategy, replicas=scaler.min_replicas),
            after=after,
            left_alone=["spec.replicas"],
        )
        limits = {
            "least": scaler.min_replicas,
            "most": scaler.max_replicas,
            "cpu_percent": scaler.cpu_percent,
            "memory_percent": scaler.memory_percent,
        }
        match scaler:
            case HpaScaler():
                manifest = scaling.hpa(w, **limits)
            case KedaScaler():
                manifest = scaling.scaled_object(w, **limits, lag=lag, lag_messages=scaler.lag)
                if lag is not None and (tls := lag.kafka.tls) is not None:
                    self.add(scaling.trigger_authentication(w, lag, tls))
        self.add(manifest, after=[made])


def child_name(parent: str, manifest: Manifest) -> str:
    """Name in the stack of a component's object: the object's own, below its component's."""
    own: str = manifest["metadata"]["name"]
    return own if own == parent or own.startswith(f"{parent}-") else f"{parent}-{own}"


def register(manifest: Manifest, name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Register an object under its own type. The type of a Secret marks what it holds as secret.

    Raises:
        KeyError: no type is known for it.
    """
    version, kind = manifest["apiVersion"], manifest["kind"]
    if version in _UNTYPED:
        return Untyped(name, manifest, opts)
    fields = {
        _FIELDS.get(key, key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")
    }
    return _TYPES[version, kind](name, opts=opts, **fields)


_FIELDS = {
    "allowVolumeExpansion": "allow_volume_expansion",
    "automountServiceAccountToken": "automount_service_account_token",
    "globalDefault": "global_default",
    "reclaimPolicy": "reclaim_policy",
    "roleRef": "role_ref",
    "volumeBindingMode": "volume_binding_mode",
}
"""Top-level fields whose Python name is another."""
