"""What a workload is: the values that its objects are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.manifests.meta import EXCEPTION, Manifest, labels, metadata
from infra.manifests.probes import Probes
from infra.manifests.resources.external_secrets import SecretValue
from infra.settings import Labels, Resources, Storage

SERVICE_ACCOUNT: Final = "service-account-token"
"""The exception that mounts a service-account token."""


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
        files: text files at `files_at`: name, below folders or not → content.
        secret_files: files at `contracts.env.SECRETS_DIR`: name → content, or where it stands. A content
            that changes here restarts the pods. One that stands elsewhere changes in the running pod, and
            nothing restarts: workloads read a password's file each time they connect.
        secret_templates: further secret files, made of those that stand elsewhere: name → template of
            External Secrets.
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
    secret_templates: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    mounted_secrets: Sequence[SecretMount] = ()
    scratch: Mapping[str, str] = field(default_factory=dict[str, str])
    volume: Volume | None = None
    probes: Probes | None = None
    metrics: int | None = None
    grace_seconds: int = 30
    drain_seconds: int = 0
    exceptions: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        paths = [mount.path for mount in self.mounted_secrets]
        if len(set(paths)) < len(paths):
            raise ValueError(f"{self.name}: two secrets are mounted at one of {', '.join(paths)}")

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


def key_of(name: str) -> str:
    """Key in the ConfigMap of a file, whose folders a key cannot have."""
    return name.replace("/", "__")


def metrics_name(name: str) -> str:
    """Name of a workload's metrics service."""
    return f"{name}-metrics"
