"""api-integration: third-party APIs, asked once for all."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, KafkaUse, Reach
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.services import REDIS
from workloads.kit.contracts.tables import ADD
from workloads.kit.contracts.topics import API_EVENTS, PLATFORM_AUDIT

API_INTEGRATION: Final = Declaration(
    name="api-integration",
    about="weather, places, legal entities and holidays, from third-party APIs",
    kind="server",
    kafka=KafkaUse(writes=(API_EVENTS, PLATFORM_AUDIT)),
    role="api_integration",
    tables={tables.API_AUDIT: ADD},
    calls=(EGRESS_PROXY.name, REDIS.name),
    port=ports.API_INTEGRATION,
    metrics=ports.API_INTEGRATION,
    reach=Reach(scheme="http", about="third-party APIs through the cache", slot=10),
)
