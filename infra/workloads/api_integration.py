"""api-integration: servers that know how many of them there are at most, and the providers' keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import pulumi

from infra.components.web_server import WebServer
from infra.workloads import servers
from infra.workloads.room import Room
from infra.workloads.servers import ServerSettings
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env, providers
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION


class ApiIntegrationSettings(ServerSettings):
    """api-integration, which asks third-party APIs. A key of one is the secret of that name in
    `secrets.sources`; a provider without is asked without."""


def _deploy(site: WorkloadSite, s: ApiIntegrationSettings, opts: pulumi.ResourceOptions) -> None:
    processes = {env.MAX_PROCESSES: str(s.scaler.max_replicas * s.workers)}
    args = servers.arguments(API_INTEGRATION, site, s, processes)
    wanted = providers.secrets()
    keys = {name: secret for name, secret in site.passwords.sources.items() if name in wanted}
    w = replace(args.workload, secret_files={**keys, **args.workload.secret_files})
    WebServer(w.name, replace(args, workload=w), opts)


def _hosts(_: ApiIntegrationSettings) -> Iterable[str]:
    return providers.hosts()


ROOM: Final = Room(
    declared=(API_INTEGRATION,), settings=ApiIntegrationSettings, deploy=_deploy, optional=True, hosts=_hosts
)
