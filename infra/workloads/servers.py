"""What the rooms of web servers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pulumi
from pydantic import Field

from infra.components.web_server import WebServer, WebServerArgs
from infra.settings.workloads import Destination, Scaler, WorkloadSettings
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env
from workloads.kit.contracts.declaration import Declaration

_DRAIN_SECONDS: Final = 5
"""Between leaving the service and being told to stop: callers learn of it within that time."""


class ServerSettings(WorkloadSettings):
    """A workload that answers over HTTP."""

    workers: int = Field(2, ge=1, description="Worker processes a pod.")
    scaler: Scaler = Field(description="How many pods run.")


def deploy(
    declared: Declaration,
    site: WorkloadSite,
    s: ServerSettings,
    opts: pulumi.ResourceOptions,
    variables: Mapping[str, str] | None = None,
    component: type[WebServer] = WebServer,
) -> None:
    """The servers of a workload.

    Args:
        variables: as `WorkloadSite.pod` takes them.
    """
    args = arguments(declared, site, s, variables)
    component(args.workload.name, args, opts)


def arguments(
    declared: Declaration,
    site: WorkloadSite,
    s: ServerSettings,
    variables: Mapping[str, str] | None = None,
    destinations: Sequence[Destination] = (),
) -> WebServerArgs:
    """What the servers of a workload are made from.

    Args:
        variables: as `WorkloadSite.pod` takes them.
        destinations: outside the cluster.
    """
    w = site.pod(declared, s, variables={**(variables or {}), env.WORKERS: str(s.workers)})
    return WebServerArgs(
        workload=replace(w, drain_seconds=_DRAIN_SECONDS),
        scaler=s.scaler,
        paths=site.paths(declared, destinations),
    )
