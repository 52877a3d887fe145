"""What the pipeline reads from its environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from workloads.kit.settings import KafkaSettings, PostgresSettings, ServiceSettings

DEFAULT_SOURCES = Path(__file__).with_name("sources.yaml")


class SourcesSettings(KafkaSettings):
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
