"""Which pods a full cluster keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests.resources import priority
from infra.settings import Labels


@dataclass(frozen=True, kw_only=True)
class PrioritiesArgs:
    """Whose they are."""

    identity: Labels


class Priorities(Component):
    """Priority classes of operators and of stateful data."""

    TYPE: ClassVar[str] = "carbon:services:Priorities"

    def __init__(self, name: str, args: PrioritiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.add_all(priority.classes(args.identity))
        self.register_outputs({})
