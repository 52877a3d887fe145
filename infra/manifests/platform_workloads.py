"""The platform's own workloads: which image runs with which environment, files and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.manifests import postgres, redis
from infra.manifests.meta import version
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import KafkaAccess, PostgresAccess, RedisAccess
from infra.manifests.workload import Http, Probes, SecretMount, Workload
from infra.settings import Labels, Resources
from workloads.kit.contracts import env, ports, tables
from workloads.kit.contracts.namespaces import PLATFORM

ANALYTICS_CONSUMER: Final = "analytics-consumer"
PREDICTION_CONSUMER: Final = "prediction-consumer"
MODEL_SERVER: Final = "model-server"
MODEL_TRAINING: Final = "model-training"
MODEL_MONITOR: Final = "model-monitor"
PRICE_PIPELINE: Final = "price-pipeline"
PRICE_REPLAY: Final = "price-replay"
MIGRATIONS: Final = "migrations"
TOPICS: Final = "topics"

_PASSWORD: Final = "postgres-password"  # noqa: S105 a file's name
_SOURCES: Final = "sources.yaml"
_CONFIG: Final = "/etc/carbon"
_KAFKA_TLS: Final = "/var/run/secrets/kafka"
_REDIS_CA: Final = "/etc/redis-ca"
_POSTGRES_CA: Final = "/var/run/secrets/postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a stack decides about one workload.

    Args:
        environment: variables of the workload's own settings.
    """

    identity: Labels
    image: str
    resources: Resources
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Where the platform's services answer inside the cluster.

    Args:
        mlflow, model_server: URLs.
    """

    kafka: KafkaAccess
    postgres: PostgresAccess
    redis: RedisAccess
    mlflow: str
    model_server: str


def analytics_consumer(spec: Spec, services: Services, password: SecretValue) -> Workload:
    """Prices to windows and the feature store."""
    w = _serving(_base(ANALYTICS_CONSUMER, "consumer", spec))
    return _with_role(_with_kafka(w, services.kafka), services.postgres, "analytics_consumer", password)


def prediction_consumer(
    spec: Spec, services: Services, windows: Sequence[int], password: SecretValue
) -> Workload:
    """Prices to predictions."""
    w = _serving(_base(PREDICTION_CONSUMER, "consumer", spec))
    w = _with(w, {env.MODEL_SERVER_URL: services.model_server, env.FEATURE_WINDOWS: _windows(windows)})
    return _with_role(_with_kafka(w, services.kafka), services.postgres, "prediction_consumer", password)


def model_server(
    spec: Spec,
    services: Services,
    windows: Sequence[int],
    password: SecretValue,
    *,
    cache_password: SecretValue,
    workers: int,
) -> Workload:
    """The model server.

    Args:
        cache_password: of Redis.
        workers: processes a pod.
    """
    w = replace(
        _base(MODEL_SERVER, "server", spec),
        ports={"http": ports.MODEL_SERVER},
        probes=Probes(live=Http("/healthz", ports.MODEL_SERVER), ready=Http("/readyz", ports.MODEL_SERVER)),
        metrics=ports.MODEL_SERVER,
        drain_seconds=5,
    )
    w = _with(
        w,
        {
            env.MLFLOW_TRACKING_URI: services.mlflow,
            env.FEATURE_WINDOWS: _windows(windows),
            env.WORKERS: str(workers),
        },
    )
    w = _with_cache(w, services.redis, cache_password)
    return _with_role(w, services.postgres, "model_server", password)


def model_training(spec: Spec, services: Services, windows: Sequence[int], password: SecretValue) -> Workload:
    """Trains, judges and registers the models."""
    w = replace(_base(MODEL_TRAINING, "job", spec), args=("train",))
    w = _with(w, {env.MLFLOW_TRACKING_URI: services.mlflow, env.FEATURE_WINDOWS: _windows(windows)})
    return _with_role(w, services.postgres, "model_training", password)


def model_monitor(spec: Spec, services: Services, password: SecretValue) -> Workload:
    """Rolls back champions that have lost their skill."""
    w = replace(_base(MODEL_MONITOR, "job", spec), args=("monitor",))
    w = _with(w, {env.MLFLOW_TRACKING_URI: services.mlflow})
    return _with_role(w, services.postgres, "model_training", password)


def price_pipeline(
    spec: Spec,
    services: Services,
    password: SecretValue,
    *,
    sources: Sequence[Mapping[str, Any]] | None,
    secrets: Mapping[str, SecretValue],
) -> Workload:
    """Publishes what is new at the sources.

    Args:
        sources: as the pipeline's sources file lists them; None for those within the image.
        secrets: files that the sources name.
    """
    w = replace(_base(PRICE_PIPELINE, "job", spec), args=("run",), secret_files=dict(secrets))
    w = _with_sources(_with_kafka(w, services.kafka), sources)
    return _with_role(w, services.postgres, "price_pipeline", password)


def price_replay(
    spec: Spec, services: Services, *, sources: Sequence[Mapping[str, Any]] | None, interval_seconds: int
) -> Workload:
    """Publishes withheld prices, a session each `interval_seconds`."""
    w = _serving(_base(PRICE_REPLAY, "producer", spec))
    w = replace(
        w,
        args=("replay",),
        exceptions={"scaler": "prices have one writer: a second one would only be fenced off"},
    )
    w = _with(w, {env.REPLAY_INTERVAL_SECONDS: str(interval_seconds)})
    return _with_sources(_with_kafka(w, services.kafka), sources)


def migrations(
    spec: Spec,
    database: PostgresAccess,
    *,
    superuser: SecretValue,
    roles: Mapping[str, SecretValue],
    tenants: Sequence[str] = (),
) -> Workload:
    """Brings databases, tables, roles and grants to what is declared.

    Args:
        database: it holds a lock for the length of its session, so it goes to the server itself.
        superuser: password of PostgreSQL's superuser.
        roles: password of each role.
        tenants: names of all.
    """
    w = replace(_base(MIGRATIONS, "job", spec), args=("upgrade",), secret_files=dict(roles))
    if tenants:
        w = _with(w, {env.TENANTS: json.dumps(list(tenants))})
    itself = replace(database, host=database.direct_host)
    return _with_role(w, itself, postgres.SUPERUSER, superuser)


def topics(
    spec: Spec,
    kafka: KafkaAccess,
    *,
    replication_factor: int,
    min_in_sync: int,
    retention_ms: Mapping[str, int],
) -> Workload:
    """Brings the topics to what is declared.

    Args:
        retention_ms: by topic, where it is not the declared one.
    """
    w = replace(_base(TOPICS, "job", spec), args=("topics",))
    w = _with(
        w,
        {
            env.TOPIC_REPLICATION: str(replication_factor),
            env.TOPIC_MIN_INSYNC: str(min_in_sync),
            env.TOPIC_RETENTION_MS: json.dumps(dict(retention_ms), sort_keys=True),
        },
    )
    return _with_kafka(w, kafka)


def _base(name: str, component: str, spec: Spec) -> Workload:
    return Workload(
        name=name,
        namespace=PLATFORM,
        component=component,
        identity=spec.identity,
        image=spec.image,
        resources=spec.resources,
        env={**spec.environment, env.CODE_VERSION: version(spec.image)},
        fields={env.POD_NAME: "metadata.name"},
    )


def _serving(w: Workload) -> Workload:
    w = replace(
        w,
        ports={"metrics": ports.METRICS},
        probes=Probes(live=Http("/healthz", ports.METRICS), ready=Http("/readyz", ports.METRICS)),
        metrics=ports.METRICS,
    )
    return _with(w, {env.METRICS_PORT: str(ports.METRICS)})


def _with(w: Workload, variables: Mapping[str, str]) -> Workload:
    return replace(w, env={**w.env, **variables})


def _with_kafka(w: Workload, kafka: KafkaAccess) -> Workload:
    w = _with(w, {env.KAFKA_BOOTSTRAP: kafka.bootstrap})
    if (tls := kafka.tls) is None:
        return w
    sources = {tls.ca_secret: (env.TLS_CA,), tls.user_secret(w.name): (env.TLS_CERTIFICATE, env.TLS_KEY)}
    mount = SecretMount(name="kafka-tls", path=_KAFKA_TLS, sources=sources)
    w = replace(w, mounted_secrets=(*w.mounted_secrets, mount))
    return _with(w, {env.KAFKA_TLS_DIR: mount.path})


def _with_role(w: Workload, database: PostgresAccess, role: str, password: SecretValue) -> Workload:
    variables = {
        env.POSTGRES_HOST: database.host,
        env.POSTGRES_PORT: str(ports.POSTGRES),
        env.POSTGRES_DATABASE: tables.DATABASE,
        env.POSTGRES_USER: role,
        env.POSTGRES_PASSWORD_FILE: f"{env.SECRETS_DIR}/{_PASSWORD}",
    }
    if database.ca_secret is not None:
        mount = SecretMount(
            name="postgres-ca", path=_POSTGRES_CA, sources={database.ca_secret: (env.TLS_CA,)}
        )
        w = replace(w, mounted_secrets=(*w.mounted_secrets, mount))
        variables[env.POSTGRES_CA_FILE] = f"{mount.path}/{env.TLS_CA}"
    return replace(_with(w, variables), secret_files={**w.secret_files, _PASSWORD: password})


def _with_cache(w: Workload, cache: RedisAccess, password: SecretValue) -> Workload:
    address = f"{cache.host}:{ports.REDIS}"
    url = f"redis://{address}"
    if cache.ca_secret is not None:
        mount = SecretMount(name="redis-ca", path=_REDIS_CA, sources={cache.ca_secret: (env.TLS_CA,)})
        w = replace(w, mounted_secrets=(*w.mounted_secrets, mount))
        url = f"rediss://{address}?ssl_ca_certs={mount.path}/{env.TLS_CA}"
    variables = {env.REDIS_URL: url, env.REDIS_PASSWORD_FILE: f"{env.SECRETS_DIR}/{redis.PASSWORD}"}
    return replace(_with(w, variables), secret_files={**w.secret_files, redis.PASSWORD: password})


def _with_sources(w: Workload, sources: Sequence[Mapping[str, Any]] | None) -> Workload:
    if sources is None:
        return w
    listed = {"sources": [dict(source) for source in sources]}
    w = replace(w, files={_SOURCES: json.dumps(listed, indent=1)}, files_at=_CONFIG)
    return _with(w, {env.SOURCES_FILE: f"{_CONFIG}/{_SOURCES}"})


def _windows(windows: Sequence[int]) -> str:
    return ",".join(map(str, windows))
