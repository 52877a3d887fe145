"""Every container says what it needs."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, with_container, with_init_container
from policies.rule import POD_KINDS, ObjectRule

_ASKED = {"cpu": "10m", "memory": "32Mi"}

RULES = (
    ObjectRule(
        id="container-requests-and-limits",
        source="Kubernetes: resource management for pods and containers",
        title="every container requests CPU and memory and has a limit of both",
        remedy="set resources.requests.cpu and memory, and resources.limits.cpu and memory",
        kinds=POD_KINDS,
        expression="""
            variables.containers.all(c, has(c.resources) && has(c.resources.requests)
                && has(c.resources.requests.cpu) && has(c.resources.requests.memory)
                && has(c.resources.limits)
                && has(c.resources.limits.cpu) && has(c.resources.limits.memory))
        """,
        passes=(DEPLOYMENT,),
        refuses=(
            with_container(resources={"requests": _ASKED}),
            with_container(resources={"requests": _ASKED, "limits": {"cpu": "1"}}),
            with_init_container(resources=None),
        ),
    ),
)
