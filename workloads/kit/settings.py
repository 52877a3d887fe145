"""Settings from the environment, in groups that a workload's own settings class inherits from.

Field `kafka_bootstrap` is read from `KAFKA_BOOTSTRAP`; the names infra sets are in `contracts.env`.
"""

from __future__ import annotations

import socket
import sys
from typing import Annotated, Any, TypeVar, get_args

from annotated_types import Len
from pydantic import DirectoryPath, Field, FilePath, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from workloads.kit import scrub
from workloads.kit.contracts import ports, tables

S = TypeVar("S", bound=BaseSettings)

Address = Annotated[str, Field(pattern=r"^[^:,\s]+:\d+(,[^:,\s]+:\d+)*$")]
NonEmpty = Annotated[str, Len(min_length=1)]


class Settings(BaseSettings):
    """Base of every group: empty variables count as unset, secrets come from files."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, extra="ignore")


class ServiceSettings(Settings):
    """What a long-running workload needs besides its work."""

    metrics_port: int = Field(default=ports.METRICS, ge=0, le=65535)
    pod_name: NonEmpty = Field(default_factory=socket.gethostname)


class KafkaSettings(Settings):
    """How to reach the brokers and how long to wait for them."""

    kafka_bootstrap: Address
    kafka_tls_dir: DirectoryPath | None = None
    """Files `contracts.env.TLS_…`: connections are encrypted, and each side shows its certificate. A client
    reads them when it is made: a renewed certificate serves from the workload's next start."""
    kafka_wait_seconds: float = Field(default=60.0, gt=0)
    """How long a call is retried while no broker answers, before it counts as failed."""
    kafka_transaction_timeout_ms: int = Field(default=10_000, ge=1_000)
    """The brokers abort a transaction of a producer that died after this; until then its readers wait."""


class KafkaConsumerSettings(KafkaSettings, ServiceSettings):
    """The consumer loop. Defaults keep the take-over of a killed consumer's partitions below 15 s."""

    kafka_group: NonEmpty
    kafka_session_timeout_ms: int = Field(default=6_000, ge=1_000)
    kafka_heartbeat_ms: int = Field(default=1_500, ge=100)
    kafka_max_poll_interval_ms: int = Field(default=300_000, ge=1_000)
    kafka_prefetch_kbytes: int = Field(default=32_768, ge=64)
    """Most memory for records that were fetched and not processed yet."""

    batch_max_records: int = Field(default=2_000, ge=1)
    batch_max_wait_ms: int = Field(default=20, ge=0)
    """How long a batch that is not full waits for more after its first record."""

    retry_first_ms: int = Field(default=200, ge=1)
    retry_cap_ms: int = Field(default=5_000, ge=1)
    """Back-off after a transient failure: doubled from the first to the cap, with full jitter."""

    dead_letter_window: int = Field(default=1_000, ge=1)
    dead_letter_max_ratio: float = Field(default=0.1, ge=0, le=1)
    """The loop halts when more than this share of `dead_letter_window` successive records is refused."""

    handler_failures_max: int = Field(default=3, ge=0)
    """The loop ends when the handler fails, without saying that a record is at fault, at more records than
    this in a row and takes none between them: then the fault is its own."""

    restore_max_records: int | None = Field(default=None, ge=0)
    """How far before the committed offset a partition is replayed on assignment; None replays it whole."""

    ready_max_poll_age_seconds: float = Field(default=30.0, gt=0)


class StateSettings(Settings):
    """When a consumer's state of a partition is kept, so that a restart reads what came since: after this
    many records, or with fewer after this many seconds."""

    state_records: int = Field(default=50_000, ge=1)
    state_seconds: float = Field(default=3_600.0, gt=0)

    @field_validator("restore_max_records", check_fields=False)
    @classmethod
    def _whole(cls, value: int | None) -> int | None:
        if value is not None:
            raise ValueError(
                "a part of the topic makes other windows than all of it: leave it out; a restart takes the"
                " kept state"
            )
        return value


class PostgresSettings(Settings):
    """How to reach the database. Its files are read at each connect, so they may change."""

    postgres_host: NonEmpty
    postgres_port: int = Field(default=ports.POSTGRES, ge=1, le=65535)
    postgres_database: NonEmpty = tables.DATABASE
    postgres_user: NonEmpty
    postgres_password_file: FilePath | None = None
    postgres_ca_file: FilePath | None = None
    """Who signed the server's certificate: connections are encrypted, the certificate has to be for
    `postgres_host`."""
    postgres_connect_timeout_seconds: int = Field(default=5, ge=1)


class MetricsDatabaseSettings(PostgresSettings):
    """And the database of customers' figures, on the same server and by the same role."""

    metrics_database: NonEmpty = tables.METRICS_DATABASE

    @property
    def of_metrics(self) -> PostgresSettings:
        """How that database is reached."""
        return self.model_copy(update={"postgres_database": self.metrics_database})


class RedisSettings(Settings):
    """How to reach the cache; none where `redis_url` is not set."""

    redis_url: NonEmpty | None = None
    redis_password_file: FilePath | None = None
    """Read at each connect, so it may change."""
    redis_timeout_seconds: float = Field(default=0.2, gt=0)


def load(settings: type[S], **overrides: Any) -> S:
    """The settings from the environment; on a bad one prints a line a problem to stderr and exits 2. Their
    secrets are hidden from every log line from now on."""
    try:
        loaded = settings(**overrides)
        scrub.hide_settings(loaded)
        return loaded
    except ValidationError as error:
        for line in problems(settings, error):
            print(line, file=sys.stderr)
        sys.exit(2)


def problems(settings: type[BaseSettings], error: ValidationError) -> list[str]:
    """One line a problem: the variable, its value unless it is a secret, and what is wanted."""
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        name = ".".join([field.upper(), *map(str, problem["loc"][1:])]) or "settings"
        if problem["type"] == "missing":
            lines.append(f"{name} is not set: set it in the workload's environment")
            continue
        shown = "its value" if _is_secret(settings, field) else repr(problem["input"])
        lines.append(f"{name}: {shown} cannot be used: {problem['msg']}; correct it in the environment")
    return lines


def _is_secret(settings: type[BaseSettings], field: str) -> bool:
    info = settings.model_fields.get(field)
    annotation: Any = info.annotation if info else None
    return annotation is SecretStr or SecretStr in get_args(annotation)
