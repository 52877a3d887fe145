"""Who may publish prices that no market made."""

from __future__ import annotations

from policies.examples import DEPLOYMENT, with_container
from policies.rule import POD_KINDS, Object, ObjectRule
from workloads.kit.contracts import env


def _told(*values: str) -> tuple[Object, ...]:
    return tuple(with_container(env=[{"name": env.PROVENANCE, "value": value}]) for value in values)


RULES = (
    ObjectRule(
        id="prices-are-real",
        source="the platform's promise to customers: production publishes what a market made",
        title="no pod publishes synthetic or replayed prices where people take them for a market's",
        remedy="set carbon:provenance to [market]; what a stack may say there is in policies/limits.yaml",
        kinds=POD_KINDS,
        expression=f"""
            variables.containers.all(c, !has(c.env) || c.env.all(e, e.name != '{env.PROVENANCE}'
                || (has(e.value) && e.value.matches(variables.provenance))))
        """,
        passes=(DEPLOYMENT, *_told("market")),
        refuses=(
            *_told("synthetic", "market,replay", "market,synthetic", "market,replay,synthetic", ""),
            with_container(
                env=[
                    {
                        "name": env.PROVENANCE,
                        "valueFrom": {"configMapKeyRef": {"name": "demo", "key": "provenance"}},
                    }
                ]
            ),
        ),
    ),
)
