"""What the pipeline reads from its environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from workloads.kit.contracts.messages import Provenance
from workloads.kit.settings import KafkaSettings, PostgresSettings, ServiceSettings

DEFAULT_SOURCES = Path(__file__).with_name("sources.yaml")


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class PublishSettings(KafkaSettings):
    """What every command that may publish a price needs."""

    provenance: Annotated[frozenset[Provenance], NoDecode, BeforeValidator(_listed)] = frozenset({"market"})
    """What prices may be. One that is something else is not published, whoever asks."""


class SourcesSettings(PublishSettings):
    """What every command that looks at the sources needs."""

    sources_file: Path = DEFAULT_SOURCES


class RunSettings(SourcesSettings, PostgresSettings):
    """The scheduled run."""

    pod_name: str | None = None
    """Names the run in `job_runs`, so that a container started again goes on with its row."""
    transaction_rows: int = Field(default=5000, ge=1)


class ReplaySettings(SourcesSettings, ServiceSettings):
    """The continuous replay."""

    replay_interval_seconds: float | None = Field(default=None, ge=0.01)
    """Overrides the source's `interval`."""
    replay_at_end: Literal["idle", "exit"] = "idle"
    transaction_rows: int = Field(default=5000, ge=1)

    @property
    def interval(self) -> timedelta | None:
        seconds = self.replay_interval_seconds
        return None if seconds is None else timedelta(seconds=seconds)
