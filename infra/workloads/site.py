"""What a workload's pods are made from: its declaration, and where the services that it calls answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from infra.manifests import redis
from infra.manifests.meta import version
from infra.manifests.network import Paths
from infra.manifests.object_store import lake_locations, with_objects
from infra.manifests.probes import Http, Probes
from infra.manifests.resources.external_secrets import SecretValue, rotating
from infra.manifests.services import KafkaAccess, ObjectAccess, PostgresAccess, RedisAccess
from infra.manifests.workload import SecretMount, Workload
from infra.passwords import Passwords
from infra.paths import NetworkPaths
from infra.settings.base import Labels
from infra.settings.images import Images
from infra.settings.issuer import OwnIssuer
from infra.settings.workloads import Destination, WorkloadSettings
from workloads.kit.contracts import env, ports, public, tables
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.services import KAFKA, MLFLOW, OBJECT_STORE, POSTGRES, REDIS
from workloads.kit.contracts.messages import Provenance
from workloads.kit.contracts.platform import DECLARED

_KAFKA_TLS: Final = "/var/run/secrets/kafka"
_REDIS_CA: Final = "/etc/redis-ca"
_POSTGRES_CA: Final = "/var/run/secrets/postgres"


@dataclass(frozen=True, kw_only=True)
class Services:
    """Where the platform's services answer inside the cluster.

    Args:
        mlflow: URL.
        objects: None where the stack keeps none.
    """

    kafka: KafkaAccess
    postgres: PostgresAccess
    redis: RedisAccess
    mlflow: str
    objects: ObjectAccess | None = None


@dataclass(frozen=True, kw_only=True)
class WorkloadSite:
    """Args:
    windows: session counts of the feature set.
    provenance: what prices may be.
    hosts: workload → host names that it may reach outside the cluster.
    tenants: their names.
    addresses: workload → URL at which people reach it.
    issuer: the platform's own, where it has one.
    """

    identity: Labels
    images: Images
    passwords: Passwords
    network: NetworkPaths
    services: Services
    windows: Sequence[int]
    provenance: Sequence[Provenance]
    hosts: Mapping[str, Sequence[str]]
    tenants: Sequence[str] = ()
    addresses: Mapping[str, str] = field(default_factory=dict[str, str])
    issuer: OwnIssuer | None = None

    def pod(
        self,
        declared: Declaration,
        settings: WorkloadSettings,
        *,
        args: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> Workload:
        """A workload's pod with all that its declaration asks for.

        Args:
            args: of the container.
            variables: environment variables besides those of its settings and of what it calls.
        """
        w = base(self.identity, self.images, declared, settings, args=args, variables=variables)
        return self._connected(self._serving(w, declared), declared)

    def paths(self, declared: Declaration, destinations: Sequence[Destination] = ()) -> Paths:
        """Its paths, those to addresses outside the cluster included."""
        return self.network.paths(declared.name, [(str(d.cidr), d.port) for d in destinations])

    @property
    def feature_windows(self) -> dict[str, str]:
        """The feature set, which training, serving and prediction have alike."""
        return {env.FEATURE_WINDOWS: ",".join(map(str, self.windows))}

    @property
    def lake(self) -> dict[str, str]:
        """Where the lake and what legacy systems send are kept; nothing where the stack keeps no objects."""
        return {} if self.services.objects is None else lake_locations(self.services.objects)

    @property
    def downloads(self) -> dict[str, str]:
        """Where files that tenants asked for are kept; nothing where the stack keeps no objects."""
        objects = self.services.objects
        return {} if objects is None else {env.DOWNLOADS_LOCATION: objects.downloads}

    def _serving(self, w: Workload, declared: Declaration) -> Workload:
        if declared.kind == "job":
            return w
        # One server for health and metrics where the workload has no other.
        port = declared.port or ports.METRICS
        w = replace(
            w,
            ports={"http" if declared.port else "metrics": port},
            probes=Probes(live=Http(public.LIVE, port), ready=Http(public.READY, port)),
            metrics=declared.metrics,
        )
        return w if declared.port else with_variables(w, {env.METRICS_PORT: str(port)})

    def _connected(self, w: Workload, declared: Declaration) -> Workload:
        for name in declared.calls:
            if name == OBJECT_STORE.name:
                # S3 is one without running here.
                w = with_objects(w, self.services.objects) if self.services.objects else w
            elif name in self.network.running:
                w = self._told_of(w, DECLARED[name])
        if declared.kafka is not None:
            w = with_kafka(w, self.services.kafka)
        if declared.role is not None:
            w = with_role(w, self.services.postgres, declared.role, self.passwords.roles[declared.role])
        return w

    def _told_of(self, w: Workload, called: Declaration) -> Workload:
        match called.name:
            case KAFKA.name:
                return with_kafka(w, self.services.kafka)
            case REDIS.name:
                return _with_cache(w, self.services.redis, self.passwords.redis)
            case MLFLOW.name:
                return with_variables(w, {env.MLFLOW_TRACKING_URI: self.services.mlflow})
            case EGRESS_PROXY.name:
                w = self._told_where(w, called)
                password = {env.EGRESS_PASSWORD: self.passwords.egress[w.name]}
                w = replace(w, secret_files={**w.secret_files, **password})
                file = f"{env.SECRETS_DIR}/{env.EGRESS_PASSWORD}"
                return with_variables(w, {env.EGRESS_PASSWORD_FILE: file})
            case _:
                return self._told_where(w, called)

    def _told_where(self, w: Workload, called: Declaration) -> Workload:
        host = f"{called.name}.{called.namespace}.svc.{self.network.domain}"
        return with_variables(w, {called.url_variable: f"http://{host}:{called.port}"})


def base(
    identity: Labels,
    images: Images,
    declared: Declaration,
    settings: WorkloadSettings,
    *,
    args: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Workload:
    """A workload's pod before it is told of any service."""
    image = images.of(declared.of_image)
    return Workload(
        name=declared.name,
        namespace=declared.namespace,
        component=declared.kind,
        identity=identity,
        image=image,
        resources=settings.resources,
        args=tuple(args),
        env={**settings.environment, env.CODE_VERSION: version(image), **(variables or {})},
        fields={env.POD_NAME: "metadata.name"},
    )


def with_variables(w: Workload, variables: Mapping[str, str]) -> Workload:
    """The workload with more environment variables."""
    return replace(w, env={**w.env, **variables})


def with_kafka(w: Workload, kafka: KafkaAccess) -> Workload:
    """The workload as a client of the brokers, with its own certificate where they ask for one."""
    w = with_variables(w, {env.KAFKA_BOOTSTRAP: kafka.bootstrap})
    if (tls := kafka.tls) is None:
        return w
    sources = {tls.ca_secret: (env.TLS_CA,), tls.user_secret(w.name): (env.TLS_CERTIFICATE, env.TLS_KEY)}
    mount = SecretMount(name="kafka-tls", path=_KAFKA_TLS, sources=sources)
    w = replace(w, mounted_secrets=(*w.mounted_secrets, mount))
    return with_variables(w, {env.KAFKA_TLS_DIR: mount.path})


def with_role(w: Workload, database: PostgresAccess, role: str, password: SecretValue) -> Workload:
    """The workload as a client of the database."""
    variables = {
        env.POSTGRES_HOST: database.host,
        env.POSTGRES_PORT: str(POSTGRES.port),
        env.POSTGRES_DATABASE: tables.DATABASE,
        env.POSTGRES_USER: role,
        env.POSTGRES_PASSWORD_FILE: f"{env.SECRETS_DIR}/{env.POSTGRES_PASSWORD}",
    }
    if database.ca_secret is not None:
        mount = SecretMount(
            name="postgres-ca", path=_POSTGRES_CA, sources={database.ca_secret: (env.TLS_CA,)}
        )
        # Who is another role besides has it already.
        if mount not in w.mounted_secrets:
            w = replace(w, mounted_secrets=(*w.mounted_secrets, mount))
        variables[env.POSTGRES_CA_FILE] = f"{mount.path}/{env.TLS_CA}"
    return replace(
        with_variables(w, variables),
        secret_files={**w.secret_files, **rotating(env.POSTGRES_PASSWORD, password)},
    )


def _with_cache(w: Workload, cache: RedisAccess, password: SecretValue) -> Workload:
    address = f"{cache.host}:{REDIS.port}"
    url = f"redis://{address}"
    if cache.ca_secret is not None:
        mount = SecretMount(name="redis-ca", path=_REDIS_CA, sources={cache.ca_secret: (env.TLS_CA,)})
        w = replace(w, mounted_secrets=(*w.mounted_secrets, mount))
        url = f"rediss://{address}?ssl_ca_certs={mount.path}/{env.TLS_CA}"
    variables = {env.REDIS_URL: url, env.REDIS_PASSWORD_FILE: f"{env.SECRETS_DIR}/{redis.PASSWORD}"}
    return replace(with_variables(w, variables), secret_files={**w.secret_files, redis.PASSWORD: password})
