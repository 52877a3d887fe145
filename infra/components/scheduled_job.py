"""A job on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects
from infra.manifests.network import Paths
from infra.manifests.workload import Workload


@dataclass(frozen=True, kw_only=True)
class ScheduledJobArgs:
    """Args:
    schedule: cron expression, in UTC.
    deadline_seconds: a run that takes longer is ended and has failed.
    final: exit codes after which another try would end the same; after others, two more are made.
    shards: pods that share a run.
    """

    workload: Workload
    schedule: str
    deadline_seconds: int
    paths: Paths
    final: tuple[int, ...] = ()
    shards: int = 1


class ScheduledJob(Component):
    """Runs on its schedule, never two at a time."""

    TYPE: ClassVar[str] = "carbon:workload:ScheduledJob"

    def __init__(self, name: str, args: ScheduledJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = args.workload
        before = self.add_surroundings(w, args.paths)
        job = objects.cron_job(
            w, args.schedule, deadline_seconds=args.deadline_seconds, final=args.final, shards=args.shards
        )
        self.add(job, after=before)
        self.register_outputs({})
