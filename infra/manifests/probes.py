"""How the kubelet tells that a pod has started, may get traffic, and lives."""

from __future__ import annotations

from dataclasses import dataclass

from infra.manifests.meta import Manifest


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
