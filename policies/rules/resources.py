"""Every container says what it needs."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, with_container
from policies.rule import POD_KINDS, Rule

RULES = (
    Rule(
        id="container-requests-and-limits",
        severity="mandatory",
        source="Kubernetes: resource management for pods and containers",
        title="every container requests CPU and memory and has a memory limit",
        remedy="set resources.requests.cpu, resources.requests.memory and resources.limits.memory",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.resources) && has(c.resources.requests)
                && has(c.resources.requests.cpu) && has(c.resources.requests.memory)
                && has(c.resources.limits) && has(c.resources.limits.memory))
        """,
        passes=DEPLOYMENT,
        refuses=with_container(resources={"requests": {"cpu": "10m", "memory": "32Mi"}}),
    ),
)
