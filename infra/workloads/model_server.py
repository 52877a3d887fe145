"""model-server."""

from __future__ import annotations

from typing import Final

import pulumi

from infra.components.model_server import ModelServer
from infra.workloads import servers
from infra.workloads.room import Room
from infra.workloads.servers import ServerSettings
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declared.model_server import MODEL_SERVER


def _deploy(site: WorkloadSite, s: ServerSettings, opts: pulumi.ResourceOptions) -> None:
    servers.deploy(MODEL_SERVER, site, s, opts, site.feature_windows, ModelServer)


ROOM: Final = Room(declared=(MODEL_SERVER,), settings=ServerSettings, deploy=_deploy)
