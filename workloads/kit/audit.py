"""What a person did, onto platform-audit: recorded before it counts."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from workloads.kit.codec import encode
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.topics import PLATFORM_AUDIT
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaSettings

Send = Callable[[AuditEvent], None]
"""Records an event: it is durable on return.

Raises:
    Aborted, ProducerLost, KafkaUnavailable, KafkaException: it may not be; the same may be sent again.
"""


def to_topic(settings: KafkaSettings, transactional_id: str) -> Send:
    """Sends with a producer of its own each: what people do is rare, and nothing of it stays open.

    Args:
        transactional_id: of no other process; threads of this one take turns.
    """
    turn = Lock()

    def send(event: AuditEvent) -> None:
        with (
            turn,
            TransactionalProducer(settings, transactional_id) as producer,
            producer.transaction() as tx,
        ):
            tx.send(Output(PLATFORM_AUDIT, event.subject, encode(event)))

    return send
