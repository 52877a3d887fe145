"""The whole: which component gets which other's outputs, in which order, and who may talk to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra import cluster
from infra.cluster import ClusterAccess
from infra.components.alertmanager import Alertmanager, AlertmanagerArgs
from infra.components.base import Component
from infra.components.consumer_deployment import ConsumerDeployment, ConsumerDeploymentArgs
from infra.components.kafka import Kafka, KafkaArgs
from infra.components.kube_state_metrics import KubeStateMetrics, KubeStateMetricsArgs
from infra.components.migration_job import MigrationJob, MigrationJobArgs
from infra.components.mlflow import MLflow, MLflowArgs
from infra.components.model_server import ModelServer, ModelServerArgs
from infra.components.namespace import Namespace, NamespaceArgs
from infra.components.postgres import Postgres, PostgresArgs
from infra.components.postgres_exporter import PostgresExporter, PostgresExporterArgs
from infra.components.prometheus import Prometheus, PrometheusArgs
from infra.components.redis import Redis, RedisArgs
from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.singleton_deployment import SingletonDeployment, SingletonDeploymentArgs
from infra.manifests import alerts, exporters, kafka, mlflow, postgres, prometheus, redis, scaling, workload
from infra.manifests import platform_workloads as own
from infra.manifests.network import Paths, Peer
from infra.manifests.platform_workloads import Services, Spec
from infra.manifests.prometheus import Target
from infra.manifests.workload import Workload
from infra.settings import Labels, PlatformSettings, Resources
from infra.settings.workloads import Consumer
from workloads.kit.contracts import ports, topics
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM

NAMESPACE_OF: Final = {
    **dict.fromkeys(
        (
            kafka.NAME,
            postgres.NAME,
            redis.NAME,
            mlflow.NAME,
            own.MIGRATIONS,
            own.TOPICS,
            own.PRICE_PIPELINE,
            own.PRICE_REPLAY,
            own.ANALYTICS_CONSUMER,
            own.PREDICTION_CONSUMER,
            own.MODEL_TRAINING,
            own.MODEL_MONITOR,
            own.MODEL_SERVER,
        ),
        PLATFORM,
    ),
    **dict.fromkeys(
        (
            prometheus.NAME,
            prometheus.ALERTMANAGER,
            exporters.POSTGRES_EXPORTER,
            exporters.KUBE_STATE_METRICS,
        ),
        MONITORING,
    ),
}
"""Every workload and the namespace it runs in."""

FLOWS: Final = (
    (own.TOPICS, kafka.NAME, ports.KAFKA),
    (own.PRICE_PIPELINE, kafka.NAME, ports.KAFKA),
    (own.PRICE_REPLAY, kafka.NAME, ports.KAFKA),
    (own.ANALYTICS_CONSUMER, kafka.NAME, ports.KAFKA),
    (own.PREDICTION_CONSUMER, kafka.NAME, ports.KAFKA),
    (own.MIGRATIONS, postgres.NAME, ports.POSTGRES),
    (mlflow.NAME, postgres.NAME, ports.POSTGRES),
    (own.PRICE_PIPELINE, postgres.NAME, ports.POSTGRES),
    (own.ANALYTICS_CONSUMER, postgres.NAME, ports.POSTGRES),
    (own.PREDICTION_CONSUMER, postgres.NAME, ports.POSTGRES),
    (own.MODEL_TRAINING, postgres.NAME, ports.POSTGRES),
    (own.MODEL_MONITOR, postgres.NAME, ports.POSTGRES),
    (own.MODEL_SERVER, postgres.NAME, ports.POSTGRES),
    (exporters.POSTGRES_EXPORTER, postgres.NAME, ports.POSTGRES),
    (own.MODEL_TRAINING, mlflow.NAME, ports.MLFLOW),
    (own.MODEL_MONITOR, mlflow.NAME, ports.MLFLOW),
    (own.MODEL_SERVER, mlflow.NAME, ports.MLFLOW),
    (own.PREDICTION_CONSUMER, own.MODEL_SERVER, ports.MODEL_SERVER),
    (prometheus.NAME, own.ANALYTICS_CONSUMER, ports.METRICS),
    (prometheus.NAME, own.PREDICTION_CONSUMER, ports.METRICS),
    (prometheus.NAME, own.PRICE_REPLAY, ports.METRICS),
    (prometheus.NAME, own.MODEL_SERVER, ports.MODEL_SERVER),
    (prometheus.NAME, exporters.POSTGRES_EXPORTER, ports.POSTGRES_EXPORTER),
    (prometheus.NAME, exporters.KUBE_STATE_METRICS, ports.KUBE_STATE_METRICS),
    (prometheus.NAME, prometheus.ALERTMANAGER, ports.ALERTMANAGER),
)
"""Who may talk to whom: (from, to, port). NetworkPolicies close everything else."""

API_CLIENTS: Final = frozenset({exporters.KUBE_STATE_METRICS})
"""Who may talk to the Kubernetes API."""

API_PORTS: Final = (443, 6443)
"""Of its service, and of an API server where the policy sees the address behind the service."""


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """Args:
    labels: of every object.
    cluster: where it runs.
    """

    labels: Labels
    settings: PlatformSettings
    cluster: ClusterAccess


class Platform(Component):
    """What runs on a cluster. `endpoints` says where its user interfaces and APIs answer."""

    TYPE: ClassVar[str] = "carbon:platform:Platform"

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mine = pulumi.ResourceOptions(providers=[cluster.provider(args.cluster)])
        super().__init__(name, pulumi.ResourceOptions.merge(opts, mine))
        self._labels = args.labels
        self._settings = args.settings
        self._cluster = args.cluster
        self._secrets = {r: secret.get_secret_value() for r, secret in args.settings.secrets.roles.items()}
        self._domain = args.cluster.domain
        self._namespaces = [
            Namespace(
                name,
                NamespaceArgs(identity=self._labels, quota=quota),
                pulumi.ResourceOptions(parent=self),
            )
            for name, quota in (
                (PLATFORM, self._settings.namespaces.platform),
                (MONITORING, self._settings.namespaces.monitoring),
            )
        ]
        self._build()
        self.endpoints = endpoints(self._settings)
        self.register_outputs({"endpoints": self.endpoints})

    def _build(self) -> None:
        brokers, database = self._kafka(), self._postgres()
        self._redis()
        migrated = self._migrations(database)
        declared = self._topics(brokers)
        registry = self._mlflow(database, migrated)
        services = Services(
            kafka=brokers.bootstrap,
            postgres=database.host,
            mlflow=registry.url,
            model_server=f"http://{own.MODEL_SERVER}.{PLATFORM}.svc.{self._domain}:{ports.MODEL_SERVER}",
        )
        # The server and the jobs wait for the registry themselves; only what they cannot make comes first.
        self._model_server(services, after=[migrated])
        self._consumers(services, after=[migrated, declared])
        self._prices(services, after=[migrated, declared])
        self._training(services, after=[migrated])
        self._monitoring(database, after=[migrated])

    def _kafka(self) -> Kafka:
        s = self._settings
        return Kafka(
            kafka.NAME,
            KafkaArgs(
                identity=self._labels,
                image=s.images.kafka,
                domain=self._domain,
                settings=s.kafka,
                paths=self._paths(kafka.NAME),
            ),
            self._after(),
        )

    def _postgres(self) -> Postgres:
        s = self._settings
        return Postgres(
            postgres.NAME,
            PostgresArgs(
                identity=self._labels,
                image=s.images.postgres,
                domain=self._domain,
                password=s.secrets.postgres_password.get_secret_value(),
                settings=s.postgres,
                paths=self._paths(postgres.NAME),
            ),
            self._after(),
        )

    def _redis(self) -> Redis:
        s = self._settings
        return Redis(
            redis.NAME,
            RedisArgs(
                identity=self._labels,
                image=s.images.redis,
                password=s.secrets.redis_password.get_secret_value(),
                settings=s.redis,
                paths=self._paths(redis.NAME),
            ),
            self._after(),
        )

    def _mlflow(self, database: Postgres, migrated: MigrationJob) -> MLflow:
        s = self._settings
        return MLflow(
            mlflow.NAME,
            MLflowArgs(
                identity=self._labels,
                image=s.images.mlflow,
                domain=self._domain,
                postgres=database.host,
                password=self._secrets["mlflow"],
                settings=s.mlflow,
                paths=self._paths(mlflow.NAME),
            ),
            self._after(migrated),
        )

    def _migrations(self, database: Postgres) -> MigrationJob:
        s = self._settings
        w = own.migrations(
            self._spec(s.images.migrations, s.jobs.resources),
            database.host,
            superuser=s.secrets.postgres_password.get_secret_value(),
            roles=self._secrets,
        )
        return self._job(w, after=database)

    def _topics(self, brokers: Kafka) -> MigrationJob:
        s = self._settings
        w = own.topics(
            self._spec(s.images.migrations, s.jobs.resources),
            brokers.bootstrap,
            replication_factor=s.kafka.replication_factor,
            min_in_sync=s.kafka.min_in_sync,
            retention_ms=s.kafka.retention_ms,
        )
        return self._job(w, after=brokers)

    def _job(self, w: Workload, *, after: pulumi.Resource) -> MigrationJob:
        args = MigrationJobArgs(workload=w, deadline_seconds=600, paths=self._paths(w.name))
        return MigrationJob(w.name, args, self._after(after))

    def _model_server(self, services: Services, *, after: Sequence[pulumi.Resource]) -> None:
        s = self._settings.model_server
        w = own.model_server(
            self._spec(self._settings.images.model_server, s.resources, s.environment),
            services,
            self._settings.features.windows,
            self._secrets["model_server"],
            workers=s.workers,
        )
        args = ModelServerArgs(workload=w, scaler=s.scaler, paths=self._paths(w.name))
        ModelServer(w.name, args, self._after(*after))

    def _consumers(self, services: Services, *, after: Sequence[pulumi.Resource]) -> None:
        s, images = self._settings, self._settings.images
        analytics = own.analytics_consumer(
            self._consumer_spec(images.analytics_consumer, s.analytics_consumer),
            services,
            self._secrets["analytics_consumer"],
        )
        prediction = own.prediction_consumer(
            self._consumer_spec(images.prediction_consumer, s.prediction_consumer),
            services,
            s.features.windows,
            self._secrets["prediction_consumer"],
        )
        for w, consumer in ((analytics, s.analytics_consumer), (prediction, s.prediction_consumer)):
            args = ConsumerDeploymentArgs(
                workload=w,
                scaler=consumer.scaler,
                lag=scaling.Lag(bootstrap=services.kafka, group=w.name, topic=topics.COMMODITY_PRICES),
                paths=self._paths(w.name),
            )
            ConsumerDeployment(w.name, args, self._after(*after))

    def _prices(self, services: Services, *, after: Sequence[pulumi.Resource]) -> None:
        s = self._settings.price_pipeline
        image = self._settings.images.price_pipeline
        pipeline = own.price_pipeline(
            self._spec(image, s.resources, s.environment),
            services,
            self._secrets["price_pipeline"],
            sources=s.sources,
            secrets={n: secret.get_secret_value() for n, secret in self._settings.secrets.sources.items()},
        )
        ScheduledJob(
            pipeline.name,
            ScheduledJobArgs(
                workload=pipeline,
                schedule=s.schedule,
                deadline_seconds=3600,
                paths=self._paths(pipeline.name, [(str(d.cidr), d.port) for d in s.destinations]),
            ),
            self._after(*after),
        )
        replay = own.price_replay(
            self._spec(image, s.replay.resources, s.replay.environment),
            services,
            sources=s.sources,
            interval_seconds=s.replay.interval_seconds,
        )
        SingletonDeployment(
            replay.name,
            SingletonDeploymentArgs(workload=replay, paths=self._paths(replay.name)),
            self._after(*after),
        )

    def _training(self, services: Services, *, after: Sequence[pulumi.Resource]) -> None:
        s, password = self._settings.model_training, self._secrets["model_training"]
        image = self._settings.images.model_training
        training = own.model_training(
            self._spec(image, s.resources, s.environment), services, self._settings.features.windows, password
        )
        watch = self._spec(image, s.monitor.resources, s.monitor.environment)
        monitor = own.model_monitor(watch, services, password)
        for w, schedule, seconds in ((training, s.schedule, 3600), (monitor, s.monitor.schedule, 240)):
            args = ScheduledJobArgs(
                workload=w, schedule=schedule, deadline_seconds=seconds, paths=self._paths(w.name)
            )
            ScheduledJob(w.name, args, self._after(*after))

    def _monitoring(self, database: Postgres, *, after: Sequence[pulumi.Resource]) -> None:
        s, labels = self._settings, self._labels
        Prometheus(
            prometheus.NAME,
            PrometheusArgs(
                identity=labels,
                image=s.images.prometheus,
                rule_groups=alerts.rule_groups(),
                targets=targets(self._domain),
                settings=s.monitoring.prometheus,
                paths=self._paths(prometheus.NAME),
            ),
            self._after(),
        )
        Alertmanager(
            prometheus.ALERTMANAGER,
            AlertmanagerArgs(
                identity=labels,
                image=s.images.alertmanager,
                settings=s.monitoring.alertmanager,
                paths=self._paths(prometheus.ALERTMANAGER),
            ),
            self._after(),
        )
        PostgresExporter(
            exporters.POSTGRES_EXPORTER,
            PostgresExporterArgs(
                identity=labels,
                image=s.images.postgres_exporter,
                resources=s.monitoring.postgres_exporter.resources,
                postgres=database.host,
                password=self._secrets["postgres_exporter"],
                paths=self._paths(exporters.POSTGRES_EXPORTER),
            ),
            self._after(*after),
        )
        KubeStateMetrics(
            exporters.KUBE_STATE_METRICS,
            KubeStateMetricsArgs(
                identity=labels,
                image=s.images.kube_state_metrics,
                resources=s.monitoring.kube_state_metrics.resources,
                paths=self._paths(exporters.KUBE_STATE_METRICS),
            ),
            self._after(),
        )

    def _spec(self, image: str, resources: Resources, environment: dict[str, str] | None = None) -> Spec:
        return Spec(identity=self._labels, image=image, resources=resources, environment=environment or {})

    def _consumer_spec(self, image: str, consumer: Consumer) -> Spec:
        return self._spec(image, consumer.resources, consumer.environment)

    def _paths(self, name: str, networks: Sequence[tuple[str, int]] = ()) -> Paths:
        return paths(name, self._cluster.api_cidrs, networks)

    def _after(self, *others: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*self._namespaces, *others])


def paths(name: str, api_cidrs: Sequence[str], networks: Sequence[tuple[str, int]] = ()) -> Paths:
    """All paths of a workload.

    Args:
        api_cidrs: networks of the Kubernetes API.
        networks: (CIDR, port) outside the cluster that it may reach, besides the Kubernetes API.
    """
    api = [(cidr, port) for cidr in api_cidrs for port in API_PORTS]
    return Paths(
        ingress=tuple((_peer(source), port) for source, target, port in FLOWS if target == name),
        egress=tuple((_peer(target), port) for source, target, port in FLOWS if source == name),
        networks=(*networks, *(api if name in API_CLIENTS else ())),
    )


def targets(domain: str) -> list[Target]:
    """What Prometheus scrapes: whatever it has a path to.

    Args:
        domain: DNS domain of the cluster.
    """
    found: list[Target] = []
    for source, job, port in FLOWS:
        if source == prometheus.NAME:
            namespace = NAMESPACE_OF[job]
            each_pod = namespace == PLATFORM
            service = workload.metrics_name(job) if each_pod else job
            host = f"{service}.{namespace}.svc.{domain}"
            found.append(Target(job=job, namespace=namespace, host=host, port=port, each_pod=each_pod))
    return found


def endpoints(settings: PlatformSettings) -> dict[str, dict[str, str | int]]:
    """Where user interfaces and APIs answer: name → namespace, service, port."""
    found: dict[str, tuple[str, int]] = {
        own.MODEL_SERVER: (own.MODEL_SERVER, ports.MODEL_SERVER),
        mlflow.NAME: (mlflow.NAME, ports.MLFLOW),
        prometheus.NAME: (prometheus.NAME, ports.PROMETHEUS),
        prometheus.ALERTMANAGER: (prometheus.ALERTMANAGER, ports.ALERTMANAGER),
        postgres.NAME: (postgres.NAME, ports.POSTGRES),
        kafka.NAME: (kafka.BOOTSTRAP, ports.KAFKA),
    }
    if settings.kafka.external_port_base is not None:
        for ordinal in range(settings.kafka.brokers):
            found[f"{kafka.NAME}-{ordinal}"] = (f"{kafka.NAME}-{ordinal}", ports.KAFKA_EXTERNAL)
    return {
        name: {
            "namespace": NAMESPACE_OF.get(name, PLATFORM),
            "service": service,
            "port": port,
        }
        for name, (service, port) in found.items()
    }


def _peer(name: str) -> Peer:
    return Peer(NAMESPACE_OF[name], name)
