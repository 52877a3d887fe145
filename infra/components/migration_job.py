"""A job that prepares what others need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects
from infra.manifests.network import Paths
from infra.manifests.workload import Workload


@dataclass(frozen=True, kw_only=True)
class MigrationJobArgs:
    """Args:
    deadline_seconds: a run that takes longer is ended and has failed.
    """

    workload: Workload
    deadline_seconds: int
    paths: Paths


class MigrationJob(Component):
    """Runs once for each declaration; who depends on the component starts when it has ended well."""

    TYPE: ClassVar[str] = "carbon:workload:MigrationJob"

    def __init__(self, name: str, args: MigrationJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        self.add(objects.job(w, deadline_seconds=args.deadline_seconds), name=name, after=before)
        self.register_outputs({})
