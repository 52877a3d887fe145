"""Backups of the cluster's objects and volumes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Cron, Quota, Resources, Section


class Schedule(Section):
    """Backups at set times."""

    cron: Cron = Field(description="When, in UTC.")
    every_hours: int = Field(
        ge=1, description="Hours between two runs: an alert fires when none succeeded for two hours more."
    )
    keep_days: int = Field(ge=1, description="Days that a backup is kept.")
    only_platform: bool = Field(default=False, description="Just the platform's namespace, not all of them.")


class VeleroSettings(Section):
    """Velero: objects to the recovery bucket, and volumes there too, by snapshots that are moved."""

    kind: Literal["velero"] = Field(description="How backups are made.")
    schedules: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")], Schedule] = Field(
        default={"daily": Schedule(cron="30 3 * * *", every_hours=24, keep_days=30)},
        min_length=1,
        description="Schedules by name.",
    )
    resources: Resources = Field(description="Resources of the server.")
    node_agent: Resources = Field(description="Resources of the agent that moves volumes, one a node.")
    mover: Resources = Field(
        default=Resources(cpu="100m", memory="256Mi", cpu_limit="1", memory_limit="1Gi"),
        description="Resources of a pod that moves a volume: it says nothing itself.",
    )
    quota: Quota = Field(
        default=Quota(cpu="8", memory="16Gi", memory_limit="48Gi", pods=200, claims=50),
        description="Quota of its namespace: an agent a node, and a pod and a claim for each volume that is "
        "being moved.",
    )
