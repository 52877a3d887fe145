"""warehouse-connect: the logs of legacy databases to a topic, by Kafka Connect and Debezium."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, topics
from workloads.kit.contracts.declaration import Declaration, KafkaUse

_NAME: Final = "warehouse-connect"

HISTORY_GROUPS: Final = f"{_NAME}-history-"
"""What a connector's group starts with, as which it reads what tables were like."""

KEYSTORE: Final = "/tmp/kafka-client.pem"  # noqa: S108 - within its pod, whose /tmp is its own
"""Key and certificate of the pod in one file, as Java reads them; its entrypoint makes it."""

_OWN: Final = (
    topics.CONNECT_CONFIGS,
    topics.CONNECT_OFFSETS,
    topics.CONNECT_STATUS,
    topics.CONNECT_HISTORY,
    topics.CONNECT_HEARTBEATS,
)

WAREHOUSE_CONNECT: Final = Declaration(
    name=_NAME,
    about="the logs of legacy databases to a topic (Kafka Connect with Debezium)",
    kind="server",
    third_party=True,
    part_of="warehouse_etl.change_log",
    kafka=KafkaUse(
        reads=_OWN,
        writes=(*_OWN, topics.WAREHOUSE_CHANGES),
        group=_NAME,
        more_groups=(HISTORY_GROUPS,),
    ),
    port=ports.WAREHOUSE_CONNECT,
)
