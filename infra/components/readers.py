"""Rights of those who look at the cluster and change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import readers
from infra.settings import Labels


@dataclass(frozen=True, kw_only=True)
class ReadersArgs:
    """Whose they are."""

    identity: Labels


class Readers(Component):
    """What the group `readers.GROUP` reads beside what its access policy lets it."""

    TYPE: ClassVar[str] = "carbon:cluster:Readers"

    def __init__(self, name: str, args: ReadersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        for manifest in readers.rights(args.identity):
            self.add(manifest, name=f"{name}-{manifest['kind'].removeprefix('Cluster').lower()}")
        self.register_outputs({})
