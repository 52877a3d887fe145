"""customer-metrics: two jobs on schedules, one every hour and one every day."""

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
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.customer_metrics import CUSTOMER_DAILY, CUSTOMER_METRICS

_HOURLY_SECONDS: Final = 1800
_DAILY_SECONDS: Final = 7200


class CustomerMetricsSettings(WorkloadSettings):
    """customer-metrics."""

    hourly: Cron = Field("5 * * * *", description="When engagement and figures of use are made, in UTC.")
    daily: Cron = Field("25 1 * * *", description="When segments, churn, value and cohorts are made, in UTC.")
    currency: str = Field(
        "EUR",
        pattern=r"^[A-Z]{3}$",
        description="Currency of the purchases that a customer's value is of.",
    )


def _deploy(site: WorkloadSite, s: CustomerMetricsSettings, opts: pulumi.ResourceOptions) -> None:
    def job(declared: Declaration, command: str, schedule: str, seconds: int) -> None:
        made = ScheduledJobArgs(
            workload=site.pod(declared, s, args=[command], variables={env.VALUE_CURRENCY: s.currency}),
            schedule=schedule,
            deadline_seconds=seconds,
            paths=site.paths(declared),
        )
        ScheduledJob(declared.name, made, opts)

    job(CUSTOMER_METRICS, "hourly", s.hourly, _HOURLY_SECONDS)
    job(CUSTOMER_DAILY, "daily", s.daily, _DAILY_SECONDS)


ROOM: Final = Room(
    declared=(CUSTOMER_METRICS, CUSTOMER_DAILY),
    settings=CustomerMetricsSettings,
    deploy=_deploy,
    optional=True,
)
