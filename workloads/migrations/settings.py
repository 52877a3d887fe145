"""Settings of the migration jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from workloads.kit.contracts import env, tables
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
    partition_months_ahead: int = Field(default=3, ge=1)
    """Months after this one that have a partition of their own."""
    partition_months_back: int = Field(default=12, ge=0)
    """Likewise before it, of a table that holds nothing that is older: raise it before a long history is
    loaded."""
    keep_months: dict[NonEmpty, Annotated[int, Field(ge=1)]] = Field(default_factory=dict[NonEmpty, int])
    """table -> months before this one that are kept; JSON. Tables that are not named keep all."""

    @field_validator("keep_months")
    @classmethod
    def _by_month(cls, value: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(value) - tables.BY_MONTH - tables.RECORDS):
            there = ", ".join(sorted(tables.BY_MONTH | tables.RECORDS))
            raise ValueError(f"{', '.join(unknown)}: not dropped by month; those that can be: {there}")
        return value


class TopicSettings(KafkaSettings):
    """How topics are kept; what they are is in `contracts.topics`."""

    kafka_wait_seconds: float = Field(default=180.0, gt=0)
    topic_replication: int = Field(default=3, ge=1)
    topic_min_insync: int = Field(default=2, ge=1)
    topic_retention_ms: dict[str, int] = Field(default_factory=dict[str, int])
    """topic -> retention in milliseconds, -1 for ever; JSON. Topics not named keep the declared one."""
