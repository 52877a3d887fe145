"""What warehouse-etl reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import AnyHttpUrl, Field, FilePath

from workloads.kit.contracts import tables, topics
from workloads.kit.settings import KafkaSettings, NonEmpty, PostgresSettings


class WarehouseSettings(KafkaSettings, PostgresSettings):
    """One run."""

    warehouse_database: NonEmpty = tables.WAREHOUSE_DATABASE
    warehouse_sources_file: Path
    kafka_transaction_timeout_ms: int = Field(default=900_000, ge=1000)
    """A table is staged in one transaction, however long it takes; brokers allow no more by default.
    The next run ends what a killed one left open."""
    staging_topic: NonEmpty = topics.WAREHOUSE_STAGING
    changes_topic: NonEmpty = topics.WAREHOUSE_CHANGES
    warehouse_connect_url: AnyHttpUrl | None = None
    """Of Kafka Connect, which reads the logs of databases; without it none is read."""
    warehouse_log_wait_seconds: float = Field(default=300.0, gt=0)
    """How long a run waits for a log to be read up to the run's instant."""
    warehouse_pseudonym_key_file: FilePath | None = None
    """Key of pseudonyms: kept for as long as what was made with it is compared."""
    warehouse_compare_hours: frozenset[int] = frozenset({0})
    """Hours in UTC whose run compares keys and figures with the sources, and so sees what was deleted."""
    pod_name: str | None = None
    """Names the run in `job_runs`, so that a container started again goes on with its row."""
    transaction_messages: int = Field(default=50, ge=1)
    """Messages of the staging topic that are loaded at once."""
    object_store_url: str | None = None
    """Of the object store, where it is not AWS's."""
    aws_region: str | None = None
    uploads_location: str | None = None
    """s3://bucket/prefix/ of the files that legacy systems send."""
    lake_location: str | None = None
    """s3://bucket/prefix/ of the Iceberg tables; without it, no history is kept there."""

    @property
    def of_warehouse(self) -> PostgresSettings:
        """How the warehouse's database is reached."""
        return self.model_copy(update={"postgres_database": self.warehouse_database})


class MaintenanceSettings(PostgresSettings):
    """Maintenance of the lake's tables."""

    trino_url: AnyHttpUrl
    lake_keep_days: int = Field(default=7, ge=7)
    """How long versions of a table that are not its newest stay readable; Trino keeps a week at least."""
    pod_name: str | None = None
