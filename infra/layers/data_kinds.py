"""Kafka, PostgreSQL, Redis and MLflow, each the way that a stack's settings choose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pulumi

from infra.components.cloudnative_pg import CloudNativePG, CloudNativePGArgs
from infra.components.kafka import Kafka, KafkaArgs
from infra.components.mlflow import MLflow, MLflowArgs
from infra.components.mlflow_chart import MLflowChart, MLflowChartArgs
from infra.components.postgres import Postgres, PostgresArgs
from infra.components.redis import Redis, RedisArgs
from infra.components.strimzi_kafka import StrimziKafka, StrimziKafkaArgs
from infra.components.valkey import Valkey, ValkeyArgs
from infra.manifests import kafka as kafka_names
from infra.manifests import mlflow as mlflow_names
from infra.manifests import postgres as postgres_names
from infra.manifests import redis as redis_names
from infra.manifests.network import Paths, Peer
from infra.manifests.services import PostgresAccess
from infra.names import POSTGRES_BACKUPS, Bucket, Names
from infra.passwords import Passwords
from infra.settings import Labels, data
from infra.settings.images import Images


@dataclass(frozen=True, kw_only=True)
class DataSite:
    """What all of them need.

    Args:
        domain: DNS domain of the cluster.
        names: of what AWS holds; None on a cluster elsewhere.
        running: names of what the stack runs.
        scraper: who reads their figures.
        api: (network, port) of the Kubernetes API.
        monitored: whether the definitions of PodMonitors are there.
    """

    identity: Labels
    images: Images
    domain: str
    names: Names | None
    passwords: Passwords
    running: Collection[str]
    scraper: Peer
    api: Sequence[tuple[str, int]]
    monitored: bool

    def bucket(self, purpose: Bucket, section: str) -> str:
        """Name of a bucket.

        Args:
            section: that asks for it, for the message.

        Raises:
            pulumi.RunError: the stack has nothing at AWS.
        """
        if self.names is None:
            raise pulumi.RunError(
                f"carbon:{section} keeps data in a bucket, and the stack has no carbon:aws. "
                "Remedy: add that section, or choose another kind."
            )
        return self.names.bucket(purpose)


def kafka(
    site: DataSite, settings: data.Kafka, paths: Paths, opts: pulumi.ResourceOptions
) -> Kafka | StrimziKafka:
    """Kafka.

    Args:
        paths: of clients.
    """
    name = kafka_names.NAME
    match settings:
        case data.KafkaStatefulSet():
            args = KafkaArgs(
                identity=site.identity,
                image=site.images.of("kafka"),
                domain=site.domain,
                settings=settings,
                paths=paths,
            )
            return Kafka(name, args, opts)
        case data.KafkaStrimzi():
            return StrimziKafka(
                name,
                StrimziKafkaArgs(
                    identity=site.identity,
                    domain=site.domain,
                    settings=settings,
                    running=site.running,
                    paths=paths,
                    scraper=site.scraper,
                    api=site.api,
                    monitored=site.monitored,
                ),
                opts,
            )


def postgres(
    site: DataSite, settings: data.Postgres, paths: Paths, opts: pulumi.ResourceOptions
) -> Postgres | CloudNativePG:
    """PostgreSQL.

    Args:
        paths: of clients.
    """
    name = postgres_names.NAME
    match settings:
        case data.PostgresStatefulSet():
            args = PostgresArgs(
                identity=site.identity,
                image=site.images.of("postgres"),
                domain=site.domain,
                password=site.passwords.superuser,
                settings=settings,
                paths=paths,
            )
            return Postgres(name, args, opts)
        case data.PostgresCloudNativePG():
            bucket = site.bucket("recovery", "postgres")
            assert site.names is not None, "it has a bucket"
            return CloudNativePG(
                name,
                CloudNativePGArgs(
                    identity=site.identity,
                    domain=site.domain,
                    superuser=site.passwords.superuser,
                    passwords=site.passwords.roles,
                    settings=settings,
                    backups=f"s3://{bucket}/{POSTGRES_BACKUPS}",
                    region=site.names.region,
                    paths=paths,
                    scraper=site.scraper,
                    api=site.api,
                    monitored=site.monitored,
                ),
                opts,
            )


def redis(site: DataSite, settings: data.Redis, paths: Paths, opts: pulumi.ResourceOptions) -> Redis | Valkey:
    """Redis, or what speaks its protocol."""
    name, password = redis_names.NAME, site.passwords.redis
    match settings:
        case data.RedisDeployment():
            args = RedisArgs(
                identity=site.identity,
                image=site.images.of("redis"),
                domain=site.domain,
                password=password,
                settings=settings,
                paths=paths,
            )
            return Redis(name, args, opts)
        case data.RedisValkey():
            return Valkey(
                name,
                ValkeyArgs(
                    identity=site.identity,
                    domain=site.domain,
                    password=password,
                    settings=settings,
                    paths=paths,
                ),
                opts,
            )


def mlflow(
    site: DataSite,
    settings: data.MLflow,
    database: PostgresAccess,
    paths: Paths,
    opts: pulumi.ResourceOptions,
) -> MLflow | MLflowChart:
    """MLflow."""
    name, password = mlflow_names.NAME, site.passwords.roles[mlflow_names.ROLE]
    match settings:
        case data.MLflowDeployment():
            args = MLflowArgs(
                identity=site.identity,
                image=site.images.of("mlflow"),
                domain=site.domain,
                postgres=database.host,
                password=password,
                settings=settings,
                paths=paths,
            )
            return MLflow(name, args, opts)
        case data.MLflowChartSettings():
            return MLflowChart(
                name,
                MLflowChartArgs(
                    identity=site.identity,
                    domain=site.domain,
                    postgres=database,
                    password=password,
                    bucket=site.bucket("mlflow", "mlflow"),
                    settings=settings,
                    paths=paths,
                ),
                opts,
            )
