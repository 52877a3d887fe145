"""data-api."""

from __future__ import annotations

from functools import partial
from typing import Final

from infra.workloads import servers
from infra.workloads.room import Room
from infra.workloads.servers import ServerSettings
from workloads.kit.contracts.declared.data_api import DATA_API

ROOM: Final = Room(declared=(DATA_API,), settings=ServerSettings, deploy=partial(servers.deploy, DATA_API))
