"""What keeps data: Kafka, PostgreSQL, Redis, the model registry, and the jobs that prepare them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

import pulumi

from infra.components.cloudnative_pg import CloudNativePG
from infra.components.kafka import Kafka
from infra.components.migration_job import MigrationJob, MigrationJobArgs
from infra.components.postgres import Postgres
from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.strimzi_kafka import StrimziKafka
from infra.layers import data_kinds, lake_kinds
from infra.layers.base import Context, Layer, Ready
from infra.layers.data_kinds import DataSite
from infra.manifests.network import Paths
from infra.manifests.services import ObjectAccess
from infra.manifests.workload import Workload
from infra.paths import KEDA
from infra.workloads import migrations
from infra.workloads.site import Services
from workloads.kit.contracts.declared.services import (
    KAFKA,
    MLFLOW,
    OBJECT_STORE,
    POSTGRES,
    PROMETHEUS,
    REDIS,
    TRINO,
)

_JOB_SECONDS: Final = 600
_PARTITIONS_SECONDS: Final = 3600
_SECRETS: Final = ("external_secrets",)
_MONITORS: Final = ("prometheus_crds",)


class DataLayer(Layer):
    """Attributes:
    services: where each answers.
    migrated: what has ended once the database is as declared.
    declared: what is ready, or has ended, once the topics are as declared.
    """

    TYPE: ClassVar[str] = "carbon:platform:DataLayer"

    def __init__(self, context: Context, platform: pulumi.Resource, ready: Ready) -> None:
        super().__init__("data", context, platform, ready)
        self._site = DataSite(
            identity=context.labels,
            images=context.settings.images,
            domain=context.cluster.domain,
            names=context.names,
            passwords=context.passwords,
            running=context.settings.running,
            scraper=context.network.peer(PROMETHEUS.name),
            api=context.network.api,
            monitored=context.monitored,
        )
        brokers, database = self._kafka(), self._postgres()
        cache = data_kinds.redis(
            self._site,
            self._settings.redis,
            self._paths(REDIS.name),
            self.below(needs=["cert_manager", *_SECRETS]),
        )
        migrated = self._migrations(database)
        self.migrated: pulumi.Resource = migrated
        self._partitions(database, migrated)
        self.declared: pulumi.Resource = self._topics(brokers)
        registry = data_kinds.mlflow(
            self._site,
            self._settings.mlflow,
            database.access,
            self._paths(MLFLOW.name),
            self.below(migrated, needs=_SECRETS),
        )
        self.services = Services(
            kafka=brokers.access,
            postgres=database.access,
            redis=cache.access,
            mlflow=registry.url,
            objects=self._lake(database, migrated),
        )
        self.register_outputs({})

    def _kafka(self) -> Kafka | StrimziKafka:
        clients = self._paths(KAFKA.name)
        if self._settings.scaled_by_keda and KAFKA.port is not None:
            clients = replace(clients, ingress=(*clients.ingress, (KEDA, KAFKA.port)))
        return data_kinds.kafka(
            self._site, self._settings.kafka, clients, self.below(needs=["strimzi", *_MONITORS])
        )

    def _postgres(self) -> Postgres | CloudNativePG:
        return data_kinds.postgres(
            self._site,
            self._settings.postgres,
            self._paths(POSTGRES.name),
            self.below(needs=["cloudnative_pg", *_SECRETS, *_MONITORS]),
        )

    def _lake(self, database: Postgres | CloudNativePG, migrated: pulumi.Resource) -> ObjectAccess | None:
        s = self._settings
        if s.object_store is None:
            return None
        store = lake_kinds.objects(
            self._site, s.object_store, self._paths(OBJECT_STORE.name), self.below(needs=_SECRETS)
        )
        if s.trino is not None:
            lake_kinds.query_engine(
                self._site,
                s.trino,
                database.access,
                store,
                self._paths(TRINO.name),
                self.below(migrated, needs=_SECRETS),
            )
        return store

    def _migrations(self, database: Postgres | CloudNativePG) -> MigrationJob:
        s = self._settings
        w = migrations.upgrade(
            self._context.labels,
            s.images,
            s.jobs,
            database.access,
            superuser=self._context.passwords.superuser,
            roles=self._context.passwords.roles,
            tenants={name: s.tenants[name].entitlement for name in sorted(s.tenants)},
            keep_months=s.postgres.keep_months,
        )
        return self._job(w, after=database)

    def _partitions(self, database: Postgres | CloudNativePG, migrated: pulumi.Resource) -> None:
        s = self._settings
        w = migrations.partitions(
            self._context.labels,
            s.images,
            s.jobs,
            database.access,
            superuser=self._context.passwords.superuser,
            keep_months=s.postgres.keep_months,
        )
        args = ScheduledJobArgs(
            workload=w,
            schedule=s.postgres.partitions,
            deadline_seconds=_PARTITIONS_SECONDS,
            paths=self._paths(w.name),
        )
        ScheduledJob(w.name, args, self.below(migrated, needs=_SECRETS))

    def _topics(self, brokers: Kafka | StrimziKafka) -> pulumi.Resource:
        if isinstance(brokers, StrimziKafka):
            return brokers
        s = self._settings
        w = migrations.topics(
            self._context.labels,
            s.images,
            s.jobs,
            brokers.access,
            replication_factor=s.kafka.replication_factor,
            min_in_sync=s.kafka.min_in_sync,
            retention_ms=s.kafka.retention_ms,
        )
        return self._job(w, after=brokers)

    def _job(self, w: Workload, *, after: pulumi.Resource) -> MigrationJob:
        args = MigrationJobArgs(workload=w, deadline_seconds=_JOB_SECONDS, paths=self._paths(w.name))
        return MigrationJob(w.name, args, self.below(after, needs=_SECRETS))

    def _paths(self, name: str) -> Paths:
        return self._context.network.paths(name)
