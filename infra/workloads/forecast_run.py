"""forecast-run, a job on a schedule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pulumi
from pydantic import Field

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.settings.base import Cron
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Published, Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.forecast_run import FORECAST_RUN
from workloads.kit.contracts.instruments import Instruments
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX

_DEADLINE_SECONDS: Final = 3600


class ForecastRunSettings(WorkloadSettings):
    """forecast-run, which forecasts every period of the next delivery day."""

    schedule: Cron = Field(
        "*/10 * * * *",
        description="When it looks for what is due, in UTC: a forecast waits for it that long at most.",
    )
    instruments: Instruments = Field(
        description="What is forecast so; all other symbols keep the next session alone."
    )


def _published(s: ForecastRunSettings) -> Iterator[Published]:
    """Forecasts are of the provenance of what they are forecasts of."""
    for number, one in enumerate(s.instruments):
        if one.symbol.startswith(SYNTHETIC_PREFIX):
            yield Published(f"instruments.{number} ({one.symbol})", "synthetic", "remove it")


def _deploy(site: WorkloadSite, s: ForecastRunSettings, opts: pulumi.ResourceOptions) -> None:
    listed = json.dumps([one.model_dump(mode="json", exclude_none=True) for one in s.instruments])
    job = ScheduledJobArgs(
        workload=site.pod(FORECAST_RUN, s, args=["forecast"], variables={env.INSTRUMENTS: listed}),
        schedule=s.schedule,
        deadline_seconds=_DEADLINE_SECONDS,
        paths=site.paths(FORECAST_RUN),
    )
    ScheduledJob(FORECAST_RUN.name, job, opts)


ROOM: Final = Room(
    declared=(FORECAST_RUN,),
    settings=ForecastRunSettings,
    deploy=_deploy,
    optional=True,
    published=_published,
)
