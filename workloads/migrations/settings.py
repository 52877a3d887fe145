"""Settings of the migration jobs."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from workloads.kit.contracts import env
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.platform import ROLES
from workloads.kit.settings import KafkaSettings, NonEmpty, PostgresSettings


class DatabaseSettings(PostgresSettings):
    """The connection is the database administrator's; the workloads' passwords are files named by role."""

    postgres_maintenance_database: NonEmpty = "postgres"
    secrets_dir: Path = Path(env.SECRETS_DIR)
    database_wait_seconds: float = Field(default=120.0, gt=0)
    roles: frozenset[NonEmpty] = frozenset(ROLES)
    """Login roles that the stack has, beside its tenants'; JSON. Others are not made, and get nothing."""
    tenants: list[NonEmpty] = Field(default_factory=list[NonEmpty])
    """Names of all tenants; JSON."""
    entitlements: dict[NonEmpty, Entitlement] = Field(default_factory=dict[NonEmpty, Entitlement])
    """tenant -> what it gets of the data; JSON. One that is not named gets nothing."""


class TopicSettings(KafkaSettings):
    """How topics are kept; what they are is in `contracts.topics`."""

    kafka_wait_seconds: float = Field(default=180.0, gt=0)
    topic_replication: int = Field(default=3, ge=1)
    topic_min_insync: int = Field(default=2, ge=1)
    topic_retention_ms: dict[str, int] = Field(default_factory=dict[str, int])
    """topic -> retention in milliseconds, -1 for ever; JSON. Topics not named keep the declared one."""
