"""The whole: which component gets which other's outputs, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pulumi

from infra import cluster, data_services, flows, operations, tenancy
from infra.cluster import ClusterAccess
from infra.cluster_services import ClusterServices, ClusterServicesArgs
from infra.components.admission_policies import AdmissionPolicies, AdmissionPoliciesArgs
from infra.components.alertmanager import Alertmanager, AlertmanagerArgs
from infra.components.base import Component
from infra.components.cloudnative_pg import CloudNativePG
from infra.components.consumer_deployment import ConsumerDeployment, ConsumerDeploymentArgs
from infra.components.kafka import Kafka
from infra.components.kube_state_metrics import KubeStateMetrics, KubeStateMetricsArgs
from infra.components.migration_job import MigrationJob, MigrationJobArgs
from infra.components.mlflow import MLflow
from infra.components.mlflow_chart import MLflowChart
from infra.components.model_server import ModelServer, ModelServerArgs
from infra.components.namespace import Namespace, NamespaceArgs
from infra.components.postgres import Postgres
from infra.components.postgres_exporter import PostgresExporter, PostgresExporterArgs
from infra.components.prometheus import Prometheus, PrometheusArgs
from infra.components.redis import Redis
from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.services.base import Site
from infra.components.services.public_binding import PublicBinding, PublicBindingArgs
from infra.components.singleton_deployment import SingletonDeployment, SingletonDeploymentArgs
from infra.components.strimzi_kafka import StrimziKafka
from infra.components.valkey import Valkey
from infra.data_services import DataSite
from infra.manifests import (
    alerts,
    exporters,
    kafka,
    mlflow,
    postgres,
    prometheus,
    redis,
    scaling,
    tenant,
)
from infra.manifests import platform_workloads as own
from infra.manifests.network import Paths
from infra.manifests.platform_workloads import Services, Spec
from infra.manifests.services import KafkaAccess, PostgresAccess
from infra.manifests.workload import Workload
from infra.names import Names
from infra.operations import Operations
from infra.passwords import passwords
from infra.settings import Labels, PlatformSettings, Resources
from infra.settings.monitoring import KubePrometheusStack, MonitoringDeployments
from infra.settings.workloads import Consumer, Keda
from policies.exceptions import RuleException
from policies.limits import Limits
from workloads.kit.contracts import ports, tenants, topics
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """Args:
    labels: of every object.
    cluster: where it runs.
    names: of what AWS holds; None on a cluster elsewhere.
    limits, exceptions: from the policies, for the stack.
    """

    labels: Labels
    settings: PlatformSettings
    cluster: ClusterAccess
    names: Names | None = None
    limits: Limits
    exceptions: Sequence[RuleException]


Endpoint = dict[str, str | int]
"""Where something answers: namespace, service, port."""


class Platform(Component):
    """What runs on a cluster. `endpoints` says where its user interfaces and APIs answer."""

    TYPE: ClassVar[str] = "carbon:platform:Platform"

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        mine = pulumi.ResourceOptions(providers=[cluster.provider(args.cluster)])
        super().__init__(name, pulumi.ResourceOptions.merge(opts, mine))
        self._labels = args.labels
        self._settings = args.settings
        self._cluster = args.cluster
        self._names = args.names
        self._passwords = passwords(
            args.settings.secrets,
            args.names,
            more_roles=[tenants.role(name) for name in args.settings.tenants],
        )
        self._secrets = self._passwords.roles
        self._domain = args.cluster.domain
        self._namespaces = [
            Namespace(
                name,
                NamespaceArgs(identity=self._labels, quota=quota, enforced=ours),
                pulumi.ResourceOptions(parent=self),
            )
            for name, quota, ours in (
                (PLATFORM, self._settings.namespaces.platform, True),
                # A chart's pods have its own labels, registries and tokens.
                (MONITORING, self._settings.namespaces.monitoring, not self._charted),
            )
        ]
        self._services: ClusterServices | None = None
        if self._settings.services.in_use:
            self._services = self._cluster_services(args.names)
        self._admission(args)
        self._pods = flows.pod_names(self._settings)
        self._site = self._data_site(args.names)
        self.endpoints = self._build()
        self.register_outputs({"endpoints": self.endpoints})

    def _build(self) -> dict[str, Endpoint]:
        brokers, database = self._kafka(), self._postgres()
        cache = self._redis()
        migrated = self._migrations(database)
        declared = self._topics(brokers)
        registry = self._mlflow(database.access, migrated)
        services = Services(
            kafka=brokers.access,
            postgres=database.access,
            redis=cache.access,
            mlflow=registry.url,
            model_server=f"http://{own.MODEL_SERVER}.{PLATFORM}.svc.{self._domain}:{ports.MODEL_SERVER}",
        )
        # The server and the jobs wait for the registry themselves; only what they cannot make comes first.
        self._model_server(services, after=[migrated])
        self._consumers(services, after=[migrated, declared])
        self._prices(services, after=[migrated, declared])
        self._training(services, after=[migrated])
        self._monitoring(database.access, after=[migrated])
        self._recovery()
        self._cost()
        self._tenants(services, after=[migrated, declared])
        found = endpoints(brokers.access, database.access)
        self._public(found)
        return found

    def _admission(self, args: PlatformArgs) -> None:
        enforced = AdmissionPoliciesArgs(
            identity=self._labels,
            settings=self._settings.admission,
            limits=args.limits,
            exceptions=args.exceptions,
        )
        AdmissionPolicies("admission", enforced, self._after())

    def _cluster_services(self, names: Names | None) -> ClusterServices:
        args = ClusterServicesArgs(
            labels=self._labels,
            cluster=self._cluster,
            settings=self._settings.services,
            names=names,
            after=self._namespaces,
        )
        return ClusterServices("services", args, pulumi.ResourceOptions(parent=self))

    def _public(self, endpoints: Mapping[str, Endpoint]) -> None:
        """Put pods behind the public names that AWS has."""
        controller = self._settings.services.load_balancer_controller
        if controller is None or self._names is None:
            return
        for name, workload_name in controller.bindings.items():
            endpoint = endpoints[workload_name]
            args = PublicBindingArgs(
                identity=self._labels,
                namespace=str(endpoint["namespace"]),
                service=str(endpoint["service"]),
                port=int(endpoint["port"]),
                target_group=self._names.target_group(name),
                from_cidrs=self._cluster.network_cidrs,
            )
            PublicBinding(f"public-{name}", args, self._after())

    def _data_site(self, names: Names | None) -> DataSite:
        return DataSite(
            identity=self._labels,
            images=self._settings.images,
            domain=self._domain,
            names=names,
            passwords=self._passwords,
            scraper=flows.peer(prometheus.NAME),
            api=flows.api(self._cluster.api_cidrs),
            monitored=self._settings.services.prometheus_crds is not None,
        )

    def _kafka(self) -> Kafka | StrimziKafka:
        clients = self._paths(kafka.NAME)
        if self._scales_on_lag():
            clients = replace(clients, ingress=(*clients.ingress, (flows.KEDA, ports.KAFKA)))
        return data_services.kafka(self._site, self._settings.kafka, clients, self._after())

    def _scales_on_lag(self) -> bool:
        consumers = (self._settings.analytics_consumer, self._settings.prediction_consumer)
        return any(isinstance(consumer.scaler, Keda) for consumer in consumers)

    def _postgres(self) -> Postgres | CloudNativePG:
        return data_services.postgres(
            self._site, self._settings.postgres, self._paths(postgres.NAME), self._after()
        )

    def _redis(self) -> Redis | Valkey:
        return data_services.redis(self._site, self._settings.redis, self._paths(redis.NAME), self._after())

    def _mlflow(self, database: PostgresAccess, migrated: MigrationJob) -> MLflow | MLflowChart:
        return data_services.mlflow(
            self._site, self._settings.mlflow, database, self._paths(mlflow.NAME), self._after(migrated)
        )

    def _migrations(self, database: Postgres | CloudNativePG) -> MigrationJob:
        s = self._settings
        w = own.migrations(
            self._spec(s.images.migrations, s.jobs.resources),
            database.access,
            superuser=self._passwords.superuser,
            roles=self._secrets,
            tenants=sorted(s.tenants),
        )
        return self._job(w, after=database)

    def _topics(self, brokers: Kafka | StrimziKafka) -> pulumi.Resource:
        """What has ended, or is ready, once the topics are as declared."""
        if isinstance(brokers, StrimziKafka):
            return brokers
        s = self._settings
        w = own.topics(
            self._spec(s.images.migrations, s.jobs.resources),
            brokers.access,
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
            cache_password=self._passwords.redis,
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
                lag=scaling.Lag(kafka=services.kafka, group=w.name, topic=topics.COMMODITY_PRICES),
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
            secrets=self._passwords.sources,
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

    def _monitoring(self, database: PostgresAccess, *, after: Sequence[pulumi.Resource]) -> None:
        s, labels = self._settings, self._labels
        match s.monitoring:
            case MonitoringDeployments():
                self._own_prometheus(s.monitoring)
            case KubePrometheusStack():
                self._operated_prometheus(s.monitoring)
        PostgresExporter(
            exporters.POSTGRES_EXPORTER,
            PostgresExporterArgs(
                identity=labels,
                image=s.images.of("postgres-exporter"),
                resources=s.monitoring.postgres_exporter.resources,
                postgres=database,
                password=self._secrets["postgres_exporter"],
                paths=self._paths(exporters.POSTGRES_EXPORTER),
            ),
            self._after(*after),
        )

    def _own_prometheus(self, settings: MonitoringDeployments) -> None:
        images, labels = self._settings.images, self._labels
        Prometheus(
            prometheus.NAME,
            PrometheusArgs(
                identity=labels,
                image=images.of("prometheus"),
                rule_groups=self._rule_groups(),
                targets=flows.targets(self._domain),
                settings=settings.prometheus,
                paths=self._paths(prometheus.NAME),
            ),
            self._after(),
        )
        Alertmanager(
            prometheus.ALERTMANAGER,
            AlertmanagerArgs(
                identity=labels,
                image=images.of("alertmanager"),
                settings=settings.alertmanager,
                paths=self._paths(prometheus.ALERTMANAGER),
            ),
            self._after(),
        )
        KubeStateMetrics(
            exporters.KUBE_STATE_METRICS,
            KubeStateMetricsArgs(
                identity=labels,
                image=images.of("kube-state-metrics"),
                resources=settings.kube_state_metrics.resources,
                paths=self._paths(exporters.KUBE_STATE_METRICS),
            ),
            self._after(),
        )

    def _operated_prometheus(self, settings: KubePrometheusStack) -> None:
        theirs = (prometheus.ALERTMANAGER, exporters.KUBE_STATE_METRICS)
        operations.prometheus(
            self._operations(),
            settings,
            targets=[target for target in flows.targets(self._domain) if target.job not in theirs],
            rule_groups=self._rule_groups(),
            paths=self._paths(prometheus.NAME),
            alerting=self._paths(prometheus.ALERTMANAGER),
            opts=self._after(),
        )

    def _rule_groups(self) -> list[dict[str, Any]]:
        backups = self._settings.recovery
        late = {name: times.every_hours for name, times in backups.schedules.items()} if backups else {}
        return alerts.rule_groups(late)

    def _recovery(self) -> None:
        if self._settings.recovery is not None:
            operations.velero(self._operations(), self._settings.recovery, self._after())

    def _cost(self) -> None:
        if self._settings.cost is not None:
            budgets = {
                tenant.namespace_name(self._labels, name): settings.budget
                for name, settings in self._settings.tenants.items()
                if settings.budget is not None
            }
            operations.kubecost(self._operations(), self._settings.cost, budgets, self._after())

    def _tenants(self, services: Services, *, after: Sequence[pulumi.Resource]) -> None:
        s = self._settings
        site = tenancy.Platform(
            identity=self._labels,
            kafka=services.kafka,
            postgres=services.postgres,
            peers={
                name: flows.peer(name, self._pods) for name in (kafka.NAME, postgres.NAME, own.MODEL_SERVER)
            },
            passwords=self._secrets,
            replication_factor=s.kafka.replication_factor,
            min_in_sync=s.kafka.min_in_sync,
        )
        for name, settings in s.tenants.items():
            tenancy.build(site, name, settings, self._after(*after))

    @property
    def _charted(self) -> bool:
        """Whether the pods that watch are a chart's."""
        return isinstance(self._settings.monitoring, KubePrometheusStack)

    def _operations(self) -> Operations:
        cluster = self._cluster
        return Operations(
            site=Site(
                identity=self._labels,
                api_cidrs=cluster.api_cidrs,
                network_cidrs=cluster.network_cidrs,
                domain=self._domain,
                monitored=self._settings.services.prometheus_crds is not None,
            ),
            cluster=cluster.identifier,
            names=self._names,
            secrets=self._settings.secrets,
        )

    def _spec(self, image: str, resources: Resources, environment: dict[str, str] | None = None) -> Spec:
        return Spec(identity=self._labels, image=image, resources=resources, environment=environment or {})

    def _consumer_spec(self, image: str, consumer: Consumer) -> Spec:
        return self._spec(image, consumer.resources, consumer.environment)

    def _paths(self, name: str, networks: Sequence[tuple[str, int]] = ()) -> Paths:
        return flows.paths(name, self._cluster.api_cidrs, networks, self._pods)

    def _after(self, *others: pulumi.Resource) -> pulumi.ResourceOptions:
        # Their definitions have to be there before the objects that ask something of an operator.
        services = self._services.ready if self._services is not None else []
        return pulumi.ResourceOptions(parent=self, depends_on=[*self._namespaces, *services, *others])


def endpoints(brokers: KafkaAccess, database: PostgresAccess) -> dict[str, Endpoint]:
    """Where user interfaces and APIs answer: name → namespace, service, port."""
    found: dict[str, tuple[str, int]] = {
        own.MODEL_SERVER: (own.MODEL_SERVER, ports.MODEL_SERVER),
        mlflow.NAME: (mlflow.NAME, ports.MLFLOW),
        prometheus.NAME: (prometheus.NAME, ports.PROMETHEUS),
        prometheus.ALERTMANAGER: (prometheus.ALERTMANAGER, ports.ALERTMANAGER),
        postgres.NAME: (database.service, ports.POSTGRES),
        kafka.NAME: (brokers.service, ports.KAFKA),
    }
    found |= {service: (service, ports.KAFKA_EXTERNAL) for service in brokers.external}
    return {
        name: {
            "namespace": flows.NAMESPACE_OF.get(name, PLATFORM),
            "service": service,
            "port": port,
        }
        for name, (service, port) in found.items()
    }
