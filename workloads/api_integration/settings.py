"""Settings of api-integration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, FilePath, StringConstraints, model_validator

from workloads.kit.contracts import env, ports
from workloads.kit.contracts.providers import PROVIDERS
from workloads.kit.settings import KafkaSettings, NonEmpty, PostgresSettings

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+$")]


class Allowed(BaseModel, extra="forbid"):
    """At most `calls` units within any `seconds`."""

    calls: int = Field(ge=1)
    seconds: int = Field(ge=1)


class ApiIntegrationSettings(KafkaSettings, PostgresSettings):
    """How providers are asked, for how long, and what is kept of their answers."""

    code_version: NonEmpty = "unversioned"

    port: int = Field(default=ports.API_INTEGRATION, ge=1, le=65535)
    workers: int = Field(default=2, ge=1)
    threads: int = Field(default=48, ge=2)
    max_waiting: int = Field(default=40, ge=1)
    """Requests of a worker that wait for a provider at once; one more is answered 503, or with what is
    stale. Keep it below `threads`, so that hits and health checks still find one."""
    graceful_seconds: int = Field(default=12, ge=0)
    metrics_dir: Path = Path("/tmp/metrics")  # noqa: S108 - the pod's own scratch volume
    """Where the workers leave their figures for each other; emptied at start."""

    redis_url: NonEmpty
    redis_password_file: FilePath | None = None
    redis_timeout_seconds: float = Field(default=1.0, gt=0)
    """A starved Redis is slow before it is away; to do without it costs what the others have fetched."""
    redis_rest_seconds: float = Field(default=2.0, gt=0)
    """How long Redis is left alone once it did not answer: one request waits for it, not each one."""

    max_processes: int = Field(default=1, ge=1)
    """Workers of all pods at most: among them is divided what may be called while Redis is away."""
    provider_urls: dict[str, Url] = Field(default={})
    """provider -> where it is asked in place of its own address, a stand-in's for example."""
    quota_limits: dict[str, tuple[Allowed, ...]] = Field(default={})
    """quota -> limits in place of the table's, as a contract with a provider may have them:
    `{"open-meteo": [{"calls": 5000, "seconds": 60}]}`."""
    keys_dir: Path = Path(env.SECRETS_DIR)
    """Directory with a file of each provider's key, named after its secret."""
    operator_token_file: FilePath | None = None
    """Token that lets its bearer withdraw answers by tag; without it nobody may over HTTP."""

    call_timeout_seconds: float = Field(default=2.0, gt=0)
    """How long a provider may be silent."""
    budget_seconds: float = Field(default=5.0, gt=0)
    """How long a question may take altogether, with its retries."""
    attempts: int = Field(default=3, ge=1)
    retry_share: float = Field(default=0.2, ge=0, le=1)
    """Retries to a provider, as a share of the calls to it: more would be a storm on one that is failing."""
    failed_seconds: float = Field(default=1.0, gt=0)
    """How long after a failed call the same question gets what is stale, or a refusal, without another."""
    ttl_seconds: float | None = Field(default=None, gt=0)
    """How long answers are fresh, in place of what the table says."""
    max_answer_bytes: int = Field(default=2_097_152, ge=1024)

    breaker_failures: int = Field(default=5, ge=1)
    """Failures of a provider in a row after which it is not called."""
    breaker_seconds: float = Field(default=15.0, gt=0)
    """For how long; then one call is tried."""

    memory_answers: int = Field(default=2_000, ge=0)
    """Answers that each worker keeps besides, for when Redis is away."""
    effects_waiting: int = Field(default=10_000, ge=1)
    """Calls that wait to be recorded, in the database and on Kafka each; one more is dropped, and counted."""
    effects_close_seconds: float = Field(default=8.0, ge=0)
    """How long the last of them may take at the end."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if unknown := self.provider_urls.keys() - PROVIDERS.keys():
            raise ValueError(
                f"provider_urls names {', '.join(sorted(unknown))}, and there are {', '.join(PROVIDERS)}"
            )
        quotas = {one.quota for one in PROVIDERS.values()}
        if unknown := self.quota_limits.keys() - quotas:
            raise ValueError(
                f"quota_limits names {', '.join(sorted(unknown))}, and there are {', '.join(sorted(quotas))}"
            )
        if self.threads <= self.max_waiting:
            raise ValueError(
                f"threads {self.threads} has to be above max_waiting {self.max_waiting}, or hits and health"
                " checks wait behind providers"
            )
        return self
