"""forecast-run, a job on a schedule."""

from __future__ import annotations

import json
from typing import Final

import pulumi
from pydantic import Field

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.settings.base import Cron
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.forecast_run import FORECAST_RUN
from workloads.kit.contracts.instruments import Instrument

_DEADLINE_SECONDS: Final = 3600


class ForecastRunSettings(WorkloadSettings):
    """forecast-run, which forecasts every period of the next delivery day."""

    schedule: Cron = Field(
        "*/10 * * * *",
        description="When it looks for what is due, in UTC: a forecast waits for it that long at most.",
    )
    instruments: list[Instrument] = Field(
        description="What is forecast so; all other symbols keep the next session alone."
    )


def _deploy(site: WorkloadSite, s: ForecastRunSettings, opts: pulumi.ResourceOptions) -> None:
    listed = json.dumps([one.model_dump(mode="json", exclude_none=True) for one in s.instruments])
    job = ScheduledJobArgs(
        workload=site.pod(FORECAST_RUN, s, args=["forecast"], variables={env.INSTRUMENTS: listed}),
        schedule=s.schedule,
        deadline_seconds=_DEADLINE_SECONDS,
        paths=site.paths(FORECAST_RUN),
    )
    ScheduledJob(FORECAST_RUN.name, job, opts)


ROOM: Final = Room(declared=(FORECAST_RUN,), settings=ForecastRunSettings, deploy=_deploy, optional=True)
