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

    A machine that is starved of CPU answers probes late, and to restart what is slow makes it slower for
    all: a container is restarted only after ten minutes without an answer, in which a process that works at
    all gives one. It loses its traffic after half a minute, not for a late answer or two.

    Args:
        startup_seconds: how long it may take to start before it is restarted.
    """

    live: Http | Tcp | Exec
    ready: Http | Tcp | Exec
    startup_seconds: int = 600

    def manifest(self) -> Manifest:
        """The three probes."""
        return {
            "startupProbe": {
                **self.live.action(),
                "periodSeconds": 2,
                "timeoutSeconds": 30,
                "failureThreshold": self.startup_seconds // 2,
            },
            "readinessProbe": {
                **self.ready.action(),
                "periodSeconds": 5,
                "timeoutSeconds": 10,
                "failureThreshold": 6,
            },
            "livenessProbe": {
                **self.live.action(),
                "periodSeconds": 30,
                "timeoutSeconds": 30,
                "failureThreshold": 20,
            },
        }
