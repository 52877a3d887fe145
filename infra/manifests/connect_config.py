"""Kafka Connect's configuration: one worker, whose state is in topics."""

from __future__ import annotations

from dataclasses import dataclass

from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectPlace:
    """What differs between installations.

    Args:
        address: that it listens at.
        plugins: directory of the connectors.
        secrets: the only directory whose files a connector may name as secrets.
        keystore, ca: PEM files with which it shows who it is, and knows the brokers; None in clear.
    """

    bootstrap: str
    address: str
    port: int
    plugins: str
    secrets: str
    keystore: str | None = None
    ca: str | None = None


def worker(place: ConnectPlace) -> str:
    """The properties of the worker.

    It is a worker of the distributed kind though it is alone: the other keeps its place in a file, which it
    writes over, so that a kill at that moment leaves nothing of it.
    """
    clients = client(place.keystore, place.ca)
    values = {
        "bootstrap.servers": place.bootstrap,
        "group.id": WAREHOUSE_CONNECT.group,
        "listeners": f"http://{place.address}:{place.port}",
        "rest.advertised.host.name": "127.0.0.1",
        "plugin.path": place.plugins,
        "plugin.discovery": "service_load",
        "config.storage.topic": topics.CONNECT_CONFIGS,
        "offset.storage.topic": topics.CONNECT_OFFSETS,
        "status.storage.topic": topics.CONNECT_STATUS,
        **{f"{kind}.storage.replication.factor": "-1" for kind in ("config", "offset", "status")},
        **{f"{kind}.storage.partitions": "1" for kind in ("offset", "status")},
        "offset.flush.interval.ms": "1000",
        **{f"{side}.converter": "org.apache.kafka.connect.json.JsonConverter" for side in ("key", "value")},
        **{f"{side}.converter.schemas.enable": "false" for side in ("key", "value")},
        # A password is a file of the pod, which no topic and no answer of this server has.
        "config.providers": "directory",
        "config.providers.directory.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        "config.providers.directory.param.allowed.paths": place.secrets,
        "connector.client.config.override.policy": "None",
        "producer.compression.type": "lz4",
        **{
            f"{who}{name}": v
            for who in ("", "producer.", "consumer.", "admin.")
            for name, v in clients.items()
        },
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def client(keystore: str | None, ca: str | None) -> dict[str, str]:
    """How a client of Java shows who it is."""
    if keystore is None or ca is None:
        return {}
    return {
        "security.protocol": "SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": ca,
    }
