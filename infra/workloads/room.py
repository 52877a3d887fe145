"""A workload's room: its section of a stack file, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pulumi

from infra.settings.base import Section
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.messages import Provenance

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Published:
    """Prices that a workload publishes.

    Args:
        what: makes them: a key of its section, and what stands there.
        remedy: what to do where such prices are not allowed.
    """

    what: str
    provenance: Provenance
    remedy: str


def _nothing(_: Any) -> Iterable[Any]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Room(Generic[S]):
    """Args:
    declared: what runs, the first of which names the section.
    settings: the section's model.
    deploy: makes the components.
    optional: whether a stack may be without it: then nothing of it is built, and no path leads to it.
    published: prices that it publishes with a section, where it does.
    hosts: names outside the cluster that those of it that call the egress proxy reach with a section.
    """

    declared: tuple[Declaration, ...]
    settings: type[S]
    deploy: Callable[[WorkloadSite, S, pulumi.ResourceOptions], None]
    optional: bool = False
    published: Callable[[S], Iterable[Published]] = _nothing
    hosts: Callable[[S], Iterable[str]] = _nothing

    @property
    def section(self) -> str:
        """Its key in a stack file."""
        return self.declared[0].section

    @property
    def about(self) -> str:
        """What the section is about."""
        return " and ".join(one.name for one in self.declared) + "."
