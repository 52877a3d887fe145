"""model-training and model-monitor, jobs on a schedule."""

from __future__ import annotations

from typing import Final

import pulumi
from pydantic import Field

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.settings.base import Cron
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.model_training import MODEL_MONITOR, MODEL_TRAINING

_TRAINING_SECONDS: Final = 3600
_MONITOR_SECONDS: Final = 240
"""Below the shortest sensible schedule, so that one run is over before the next is due."""


class ModelMonitorSettings(WorkloadSettings):
    """model-monitor, which rolls a champion back whose live skill falls below the gate."""

    schedule: Cron = Field("*/5 * * * *", description="When it runs, in UTC.")


class ModelTrainingSettings(WorkloadSettings):
    """model-training."""

    schedule: Cron = Field("0 3 * * *", description="When it runs, in UTC: after the day's prices have come.")
    shards: int = Field(
        1,
        ge=1,
        le=100,
        description="Pods that share a run, each with the resources above; each symbol is trained by one.",
    )
    monitor: ModelMonitorSettings = Field(description="The watch over champions.")


def _deploy(site: WorkloadSite, s: ModelTrainingSettings, opts: pulumi.ResourceOptions) -> None:
    shards = {env.TRAINING_SHARDS: str(s.shards)} if s.shards > 1 else {}
    training = ScheduledJobArgs(
        workload=site.pod(MODEL_TRAINING, s, args=["train"], variables=site.feature_windows | shards),
        schedule=s.schedule,
        deadline_seconds=_TRAINING_SECONDS,
        paths=site.paths(MODEL_TRAINING),
        shards=s.shards,
    )
    ScheduledJob(MODEL_TRAINING.name, training, opts)
    monitor = ScheduledJobArgs(
        workload=site.pod(MODEL_MONITOR, s.monitor, args=["monitor"]),
        schedule=s.monitor.schedule,
        deadline_seconds=_MONITOR_SECONDS,
        paths=site.paths(MODEL_MONITOR),
    )
    ScheduledJob(MODEL_MONITOR.name, monitor, opts)


ROOM: Final = Room(declared=(MODEL_TRAINING, MODEL_MONITOR), settings=ModelTrainingSettings, deploy=_deploy)
