"""price-pipeline, a job on a schedule, and price-replay, which always runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pulumi
from pydantic import Field, JsonValue

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.singleton_deployment import SingletonDeployment, SingletonDeploymentArgs
from infra.manifests.workload import Workload
from infra.settings.base import Cron
from infra.settings.workloads import Destination, WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite, with_variables
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE, PRICE_REPLAY

_DEADLINE_SECONDS: Final = 3600
_SOURCES: Final = "sources.yaml"
_CONFIG: Final = "/etc/carbon"


class PriceReplaySettings(WorkloadSettings):
    """price-replay, which publishes the withheld prices as if they happened now."""

    interval_seconds: int = Field(30, ge=1, description="Seconds between two replayed sessions.")


class PricePipelineSettings(WorkloadSettings):
    """price-pipeline."""

    schedule: Cron = Field("0 2 * * *", description="When it runs, in UTC.")
    sources: list[dict[str, JsonValue]] | None = Field(
        None,
        description="Its sources, as workloads/price_pipeline/config.py describes them; by default those "
        f"within its image. A secret of `secrets.sources` is the file {env.SECRETS_DIR}/<name>.",
    )
    destinations: list[Destination] = Field(
        default=[], description="Where its sources are, besides those within its image."
    )
    replay: PriceReplaySettings = Field(description="The replay of withheld prices.")


def _deploy(site: WorkloadSite, s: PricePipelineSettings, opts: pulumi.ResourceOptions) -> None:
    pipeline = _with_sources(site.pod(PRICE_PIPELINE, s, args=["run"]), s.sources)
    pipeline = replace(pipeline, secret_files={**site.passwords.sources, **pipeline.secret_files})
    job = ScheduledJobArgs(
        workload=pipeline,
        schedule=s.schedule,
        deadline_seconds=_DEADLINE_SECONDS,
        paths=site.paths(PRICE_PIPELINE, s.destinations),
    )
    ScheduledJob(pipeline.name, job, opts)

    every = {env.REPLAY_INTERVAL_SECONDS: str(s.replay.interval_seconds)}
    replay = _with_sources(site.pod(PRICE_REPLAY, s.replay, args=["replay"], variables=every), s.sources)
    replay = replace(
        replay, exceptions={"scaler": "prices have one writer: a second one would only be fenced off"}
    )
    single = SingletonDeploymentArgs(workload=replay, paths=site.paths(PRICE_REPLAY))
    SingletonDeployment(replay.name, single, opts)


def _with_sources(w: Workload, sources: Sequence[Mapping[str, Any]] | None) -> Workload:
    if sources is None:
        return w
    listed = {"sources": [dict(source) for source in sources]}
    w = replace(w, files={_SOURCES: json.dumps(listed, indent=1)}, files_at=_CONFIG)
    return with_variables(w, {env.SOURCES_FILE: f"{_CONFIG}/{_SOURCES}"})


ROOM: Final = Room(declared=(PRICE_PIPELINE, PRICE_REPLAY), settings=PricePipelineSettings, deploy=_deploy)
