"""Configurations of librdkafka clients, and what they have in common."""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from workloads.kit.contracts import env
from workloads.kit.settings import KafkaSettings

SOCKET_TIMEOUT_MS: Final = 10_000
"""A cut network drops packets silently: requests in flight are given up and sent anew after this."""

_log = logging.getLogger("librdkafka")


class KafkaUnavailable(Exception):
    """No broker did what was asked within `kafka_wait_seconds`."""


def common(settings: KafkaSettings) -> dict[str, Any]:
    """What every client has: the brokers, how it shows who it is, quick reconnects, a logger."""
    return {
        "bootstrap.servers": settings.kafka_bootstrap,
        **_security(settings),
        "logger": _log,
        "log.connection.close": False,
        # A broker that comes back is found again within a second, not ten.
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "socket.timeout.ms": SOCKET_TIMEOUT_MS,
        "socket.connection.setup.timeout.ms": 5_000,
        "topic.metadata.refresh.interval.ms": 30_000,
    }


def _security(settings: KafkaSettings) -> dict[str, Any]:
    directory = settings.kafka_tls_dir
    if directory is None:
        return {}
    return {
        "security.protocol": "SSL",
        "ssl.ca.location": str(directory / env.TLS_CA),
        "ssl.certificate.location": str(directory / env.TLS_CERTIFICATE),
        "ssl.key.location": str(directory / env.TLS_KEY),
        # The broker's certificate has to be for the host that was asked for.
        "ssl.endpoint.identification.algorithm": "https",
    }


def reading(settings: KafkaSettings) -> dict[str, Any]:
    """A consumer of committed messages that commits nothing by itself."""
    return {
        **common(settings),
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
    }


def writing(settings: KafkaSettings) -> dict[str, Any]:
    """An idempotent producer that waits for all in-sync replicas."""
    return {
        **common(settings),
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        # A transaction that begins while the broker still ends the one before is told to try again, and
        # librdkafka's 100 ms of waiting would be most of a batch's time.
        "retry.backoff.ms": 10,
    }


def error_of(exception: KafkaException) -> KafkaError:
    """The `KafkaError` that the exception carries."""
    return exception.args[0]
