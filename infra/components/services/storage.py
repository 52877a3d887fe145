"""Storage on EBS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests.resources import storage
from infra.names import Names
from infra.settings import Labels
from infra.settings.services import EbsStorage as Settings


@dataclass(frozen=True, kw_only=True)
class StorageClassesArgs:
    """Args:
    names: of the key that encrypts the volumes.
    """

    identity: Labels
    names: Names
    settings: Settings


class StorageClasses(Component):
    """Classes of encrypted volumes, and of their snapshots."""

    TYPE: ClassVar[str] = "carbon:services:Storage"

    def __init__(
        self, name: str, args: StorageClassesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.add_all(
            storage.classes(
                args.identity,
                key_arn=args.names.key_alias_arn("volumes"),
                iops=args.settings.iops,
                throughput_mib=args.settings.throughput_mib,
            )
        )
        self.add(storage.snapshot_class(args.identity))
        self.default, self.retained = storage.DEFAULT, storage.RETAINED
        self.register_outputs({"default": self.default, "retained": self.retained})
