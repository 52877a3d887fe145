"""price-pipeline, a job on a schedule, and price-replay, which always runs where a stack has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Self
from urllib.parse import urlsplit

import pulumi
from pydantic import Field, ValidationError, model_validator

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.singleton_deployment import SingletonDeployment, SingletonDeploymentArgs
from infra.manifests.workload import Workload
from infra.settings.base import Cron
from infra.settings.workloads import Destination, WorkloadSettings
from infra.workloads.room import Published, Room
from infra.workloads.site import WorkloadSite, with_variables
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE, PRICE_REPLAY
from workloads.kit.contracts.egress import host_of
from workloads.kit.contracts.sources.kinds import HttpSource, SourceConfig, Sources
from workloads.kit.contracts.sources.store_config import S3Source

_DEADLINE_SECONDS: Final = 3600
_SOURCES: Final = "sources.yaml"
_CONFIG: Final = "/etc/carbon"


class PriceReplaySettings(WorkloadSettings):
    """price-replay, which publishes the withheld prices as if they happened now."""

    interval_seconds: int = Field(30, ge=1, description="Seconds between two replayed sessions.")


class PricePipelineSettings(WorkloadSettings):
    """price-pipeline."""

    schedule: Cron = Field("0 2 * * *", description="When it runs, in UTC.")
    sources: list[SourceConfig] | None = Field(
        None,
        description="Its sources (docs/sources.md); by default those within its image, which are in part "
        f"synthetic. A secret of `secrets.sources` is the file {env.SECRETS_DIR}/<name>.",
    )
    destinations: list[Destination] = Field(
        default=[],
        description="Networks that its databases and SFTP servers are in; APIs and S3 are reached by name.",
    )
    replay: PriceReplaySettings | None = Field(
        None, description="The replay of withheld prices; without it there is none."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sources is not None:
            try:
                Sources(sources=tuple(self.sources))
            except ValidationError as error:
                said = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise ValueError(f"sources: {said}") from None
        for number, source in enumerate(self.sources or ()):
            for key, url in _outside(source):
                try:
                    host_of(url)
                except ValueError as error:
                    raise ValueError(f"sources.{number}.{key} of {source.name}: {error}") from None
        return self

    @property
    def of_api_integration(self) -> list[str]:
        """Names of the sources that api-integration answers, within the cluster."""
        return [one.name for one in self.sources or () if isinstance(one, HttpSource) and _within(one)]


def _within(source: HttpSource) -> bool:
    at = urlsplit(source.url)
    return (at.scheme, at.netloc) == ("http", f"{API_INTEGRATION.name}:{API_INTEGRATION.port}")


def _outside(source: SourceConfig) -> Iterator[tuple[str, str]]:
    """The addresses that a source reaches by way of the egress proxy, each with its setting."""
    if isinstance(source, HttpSource):
        if not _within(source):
            yield "url", source.url
        if source.oauth2 is not None:
            yield "oauth2.token_url", source.oauth2.token_url
    if isinstance(source, S3Source):
        yield "endpoint", source.address


def _published(s: PricePipelineSettings) -> Iterator[Published]:
    if s.sources is None:
        within = "sources is missing: one within the image"
        for provenance in ("synthetic", "replay"):
            yield Published(within, provenance, "name the stack's own sources, as docs/sources.md says")
    for number, source in enumerate(s.sources or ()):
        yield Published(f"sources.{number} ({source.kind} {source.name})", source.provenance, "remove it")
    if s.replay is not None:
        yield Published("replay", "replay", "remove it")


def _hosts(s: PricePipelineSettings) -> Iterator[str]:
    return (host_of(url) for source in s.sources or () for _, url in _outside(source))


def _deploy(site: WorkloadSite, s: PricePipelineSettings, opts: pulumi.ResourceOptions) -> None:
    allowed = {env.PROVENANCE: ",".join(site.provenance)}
    pipeline = _with_sources(site.pod(PRICE_PIPELINE, s, args=["run"], variables=allowed), s.sources)
    pipeline = replace(pipeline, secret_files={**site.passwords.sources, **pipeline.secret_files})
    job = ScheduledJobArgs(
        workload=pipeline,
        schedule=s.schedule,
        deadline_seconds=_DEADLINE_SECONDS,
        paths=site.paths(PRICE_PIPELINE, s.destinations),
    )
    ScheduledJob(pipeline.name, job, opts)
    if s.replay is None:
        return
    told = {**allowed, env.REPLAY_INTERVAL_SECONDS: str(s.replay.interval_seconds)}
    replay = _with_sources(site.pod(PRICE_REPLAY, s.replay, args=["replay"], variables=told), s.sources)
    replay = replace(
        replay, exceptions={"scaler": "prices have one writer: a second one would only be fenced off"}
    )
    single = SingletonDeploymentArgs(workload=replay, paths=site.paths(PRICE_REPLAY))
    SingletonDeployment(replay.name, single, opts)


def _with_sources(w: Workload, sources: Sequence[SourceConfig] | None) -> Workload:
    if sources is None:
        return w
    listed = {"sources": [source.model_dump(mode="json", exclude_unset=True) for source in sources]}
    w = replace(w, files={_SOURCES: json.dumps(listed, indent=1)}, files_at=_CONFIG)
    return with_variables(w, {env.SOURCES_FILE: f"{_CONFIG}/{_SOURCES}"})


ROOM: Final = Room(
    declared=(PRICE_PIPELINE, PRICE_REPLAY),
    settings=PricePipelineSettings,
    deploy=_deploy,
    published=_published,
    hosts=_hosts,
)
