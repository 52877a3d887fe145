"""How the platform's services are reached from within the cluster, whichever way each is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.manifests.resources.external_secrets import SecretValue


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaTls:
    """What a client needs to be let in.

    Args:
        ca_secret: secret with the authority of the brokers' certificates, key `ca.crt`.
        user_secrets: start of the name of the secret with a client's certificate, keys `user.crt` and
            `user.key`; the client's name follows.
    """

    ca_secret: str
    user_secrets: str

    def user_secret(self, client: str) -> str:
        """Secret with a client's certificate."""
        return self.user_secrets + client


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAccess:
    """Args:
    bootstrap: host:port to start from.
    service: its service.
    tls: None where connections are in clear.
    external: services that clients outside the cluster reach the brokers by, in their order.
    """

    bootstrap: str
    service: str
    tls: KafkaTls | None = None
    external: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAccess:
    """Args:
    host: for workloads; a pooler may stand there, which lends connections for a transaction.
    direct_host: the server, for sessions with a state of their own.
    service: of the server.
    ca_secret: secret with the authority of the certificates, key `ca.crt`; None where connections are in
        clear.
    """

    host: str
    direct_host: str
    service: str
    ca_secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAccess:
    """Args:
    host: of the server.
    ca_secret: secret with the authority of its certificate, key `ca.crt`; None where connections are in
        clear.
    """

    host: str
    ca_secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAccess:
    """Args:
    lake, uploads, downloads: s3://bucket/[prefix/] of the Iceberg tables, of the files that legacy systems
        send, and of those that tenants asked for.
    region: what a client signs for.
    url: where the store answers; None is S3 itself.
    secret: the store's secret key; None where Pod Identity gives a pod its own.
    """

    lake: str
    uploads: str
    downloads: str
    region: str
    url: str | None = None
    secret: SecretValue | None = field(default=None, repr=False)
