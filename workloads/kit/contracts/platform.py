"""What follows from the declarations together: who talks to whom, roles, grants, rights on Kafka, images."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from typing import Any, Final

from workloads.kit.contracts import declared
from workloads.kit.contracts.declaration import Declaration, KafkaUse
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.services import KAFKA, OBJECT_STORE, POSTGRES, PROMETHEUS
from workloads.kit.contracts.tables import OF_METRICS, Layer, LayerUse, Right

Flow = tuple[str, str, int]
"""Who may talk to whom: (from, to, TCP port)."""


def _found() -> dict[str, Declaration]:
    found: dict[str, Declaration] = {}
    for module in pkgutil.iter_modules(declared.__path__):
        for member in vars(importlib.import_module(f"{declared.__name__}.{module.name}")).values():
            # A module that calls another's workload has its declaration among its names, too.
            if isinstance(member, Declaration) and found.setdefault(member.name, member) is not member:
                raise ValueError(f"{member.name} is declared twice, the second time in {module.name}")
    return {name: found[name] for name in sorted(found)}


DECLARED: Final[Mapping[str, Declaration]] = _found()
"""All that runs: name → declaration."""


def running(sections: Mapping[str, Any]) -> frozenset[str]:
    """Names of what runs in a stack.

    Args:
        sections: of its file: name → content, None where the stack is without it.
    """
    return frozenset(name for name, one in DECLARED.items() if _present(sections, one.section))


def _present(sections: Mapping[str, Any], name: str) -> bool:
    outer, _, inner = name.partition(".")
    content = sections.get(outer)
    if content is None or (inner and dict(content).get(inner) is None):
        return False
    # S3 is one that runs without anything here.
    return inner != "" or outer != OBJECT_STORE.section or dict(content).get("kind") != "s3"


def flows(names: Collection[str] = tuple(DECLARED)) -> list[Flow]:
    """Every path between workloads; all others are closed.

    Args:
        names: of those that a stack runs.
    """
    found: list[Flow] = []
    for one in (DECLARED[name] for name in sorted(names)):
        found += [(one.name, target, _port(target)) for target in called(one) if target in names]
        if one.metrics is not None and PROMETHEUS.name in names:
            found.append((PROMETHEUS.name, one.name, one.metrics))
    return found


def called(one: Declaration) -> list[str]:
    """Names of what a workload reaches: the brokers and the database as it uses them, and what it calls."""
    return [
        *([KAFKA.name] if one.kafka is not None else []),
        *([POSTGRES.name] if one.role is not None else []),
        *one.calls,
    ]


def _port(name: str) -> int:
    port = DECLARED[name].port
    if port is None:
        raise ValueError(f"{name} is called by others and declares no port at which")
    return port


CLIENTS: Final[Mapping[str, KafkaUse]] = {
    one.name: one.kafka for one in DECLARED.values() if one.kafka is not None
}
"""Workload → what it may do on Kafka."""


def roles(names: Collection[str]) -> tuple[str, ...]:
    """Login roles of the database of what a stack runs. MLflow's owns a database of its own and sees nothing
    of the feature store."""
    return tuple(sorted({role for name in names if (role := DECLARED[name].role) is not None}))


def secrets(names: Collection[str]) -> tuple[str, ...]:
    """Contents that are made up for what a stack runs, by name."""
    return tuple(sorted({one for name in names for one in DECLARED[name].own_secrets.values()}))


def egress_clients(names: Collection[str]) -> tuple[str, ...]:
    """Those of what a stack runs that may be let out of the cluster; each has a password of its own at the
    egress proxy."""
    return tuple(sorted(name for name in names if EGRESS_PROXY.name in DECLARED[name].calls))


ROLES: Final[tuple[str, ...]] = roles(DECLARED)
SECRETS: Final[tuple[str, ...]] = secrets(DECLARED)
EGRESS_CLIENTS: Final[tuple[str, ...]] = egress_clients(DECLARED)
"""The same of all that there is."""


def _grants(*, of_metrics: bool) -> dict[str, dict[str, tuple[Right, ...]]]:
    found: dict[str, dict[str, tuple[Right, ...]]] = {}
    for one in DECLARED.values():
        if one.role is None:
            continue
        mine = found.setdefault(one.role, {})
        for table, rights in one.tables.items():
            if (table in OF_METRICS) is not of_metrics:
                continue
            mine[table] = tuple(dict.fromkeys((*mine.get(table, ()), *rights)))
    return {role: tables for role, tables in found.items() if tables}


GRANTS: Final[Mapping[str, Mapping[str, tuple[Right, ...]]]] = _grants(of_metrics=False)
"""role → table → rights, within the feature store's schema. A grant that is not here does not exist."""

METRICS_GRANTS: Final[Mapping[str, Mapping[str, tuple[Right, ...]]]] = _grants(of_metrics=True)
"""The same within the database of customers' figures."""

LAYERS: Final[Mapping[str, Mapping[Layer, LayerUse]]] = {
    one.role: one.layers for one in DECLARED.values() if one.role is not None and one.layers
}
"""role → layer of the warehouse → what it may do there."""

PAGES: Final[tuple[str, ...]] = tuple(
    one.name for one in DECLARED.values() if one.reach is not None and one.reach.scheme == "http"
)
"""What people reach with a browser."""

IMAGES: Final[Mapping[str, bool]] = {
    one.of_image: one.third_party for one in sorted(DECLARED.values(), key=lambda d: d.of_image)
}
"""Image → whether it is another project's program, which an operator or a chart may bring instead."""
