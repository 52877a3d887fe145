"""Settings of the model server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from workloads.kit.contracts import ports
from workloads.kit.features import FeatureSpec
from workloads.kit.settings import NonEmpty, PostgresSettings, RedisSettings


def _spec(text: str) -> str:
    FeatureSpec.parse(text)
    return text


class ModelServerSettings(PostgresSettings, RedisSettings):
    """What is served, from where, and how much at once."""

    mlflow_tracking_uri: NonEmpty
    code_version: NonEmpty = "unversioned"
    feature_windows: Annotated[str, AfterValidator(_spec)] = "7,30,90"
    """Windows of the features; a model trained on others is not served."""

    port: int = Field(default=ports.MODEL_SERVER, ge=1, le=65535)
    workers: int = Field(default=2, ge=1)
    threads: int = Field(default=24, ge=2)
    max_in_flight: int = Field(default=16, ge=1)
    """Predictions a worker computes at once; one more is answered 503. Keep it below `threads`, so that
    health checks and refusals still find a thread."""
    max_store_reads: int = Field(default=4, ge=1)
    """Of those, how many may wait for the feature store."""
    max_body_bytes: int = Field(default=1_048_576, ge=1024)
    graceful_seconds: int = Field(default=10, ge=0)

    registry_poll_seconds: float = Field(default=5.0, gt=0)
    registry_timeout_seconds: int = Field(default=10, ge=1)
    models_dir: Path = Path("/tmp/models")  # noqa: S108 - the pod's own scratch volume
    """Copy of what is served, from which a restarted worker comes up while the registry is away."""
    max_resident_models: int = Field(default=500, ge=1)
    """Models that a worker keeps in memory, some 0.7 MiB each; the others are read from `models_dir` when
    they are asked for."""
    metrics_dir: Path = Path("/tmp/metrics")  # noqa: S108
    """Where the workers leave their figures for each other; emptied at start."""

    store_timeout_seconds: float = Field(default=2.0, gt=0)
    stale_seconds: int = Field(default=86_400, ge=1)
    """How long after its last reading a symbol is still answered while the feature store is away."""
    coverage_refresh_seconds: float = Field(default=30.0, gt=0)
    coverage_outcomes: int = Field(default=250, ge=1)
    """Newest outcomes that the realised coverage is taken over."""

    unknown_spread: float = Field(default=0.5, gt=0)
    """Half-width, in log return, of the naive interval of which nothing is known: no volatility, no model."""
