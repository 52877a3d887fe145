"""Nothing is reachable from outside but what the platform publishes on purpose."""

from __future__ import annotations

import copy

from policies.examples import SERVICE
from policies.rule import Rule

_public = copy.deepcopy(SERVICE)
_public["spec"]["type"] = "NodePort"

RULES = (
    Rule(
        id="service-not-public",
        severity="mandatory",
        source="Multi-Tenancy Benchmark MTB-PL1-BC-HI-1",
        title="a service has no node port, load balancer or external address",
        remedy="use type ClusterIP; publish through the platform's gateway",
        kinds=frozenset({"Service"}),
        expression="""
            (!has(object.spec.type) || object.spec.type == 'ClusterIP')
            && (!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0)
        """,
        passes=SERVICE,
        refuses=_public,
    ),
)
