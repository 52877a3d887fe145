"""What the proxy reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import DirectoryPath, Field, FilePath

from workloads.kit.contracts import env, ports
from workloads.kit.contracts.egress import PORT
from workloads.kit.settings import ServiceSettings


class ProxySettings(ServiceSettings):
    """Where it listens, and where its files are."""

    egress_file: FilePath
    """Who may reach what: `contracts.egress.Egress` as JSON."""
    egress_secrets_dir: DirectoryPath = Path(env.SECRETS_DIR)
    """A password a client, in a file of its name."""
    egress_port: int = Field(default=ports.EGRESS_PROXY, ge=1, le=65535)
    egress_connects_to: int = Field(default=PORT, ge=1, le=65535)
    scratch_dir: DirectoryPath = Path("/tmp")  # noqa: S108 the pod's own
    squid: Path = Path("/usr/sbin/squid")
