"""An operator's withdrawal of answers by tag, recorded on `platform-audit`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, Message, Producer

from workloads.api_integration.cache import Cache
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.api_integration.shared import Away, Shared
from workloads.kit import kafka
from workloads.kit.codec import encode
from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.messages import AuditEvent

_SECONDS: Final = 10

_log: Any = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Whether there was an answer with the tag, and why it is not recorded, if it is not."""

    there: bool
    error: str | None


def withdraw(settings: ApiIntegrationSettings, cache: Cache, tag: str, *, by: str, reason: str) -> Withdrawn:
    """Withdraw, and record it. What could not be recorded is withdrawn all the same: a wrong answer is not
    given out because Kafka is away.

    Raises:
        Away: Redis does not answer; nothing is withdrawn.
    """
    there = cache.withdraw(tag)
    _log.info("tag.withdrawn", tag=tag, there=there, by=by, reason=reason)
    event = AuditEvent(
        at=datetime.now(UTC),
        actor=by,
        action=f"{API_INTEGRATION.name}.withdraw",
        subject=tag,
        reason=reason,
        detail={"there": there},
    )
    return Withdrawn(there, _recorded(settings, event))


def run(settings: ApiIntegrationSettings, tag: str, *, by: str, reason: str) -> int:
    """`withdraw` from the command line; returns the exit code."""
    try:
        done = withdraw(settings, Cache(Shared.of(settings), memory=0), tag, by=by, reason=reason)
    except Away as error:
        print(f"{tag}: Redis does not answer, nothing is withdrawn: {error.__cause__}", file=sys.stderr)
        return 1
    print(f"{tag}: {'withdrawn' if done.there else 'there was no answer with this tag'}")
    if done.error is not None:
        print(f"{tag}: it is not recorded on {topics.PLATFORM_AUDIT}: {done.error}", file=sys.stderr)
        return 1
    return 0


def _recorded(settings: ApiIntegrationSettings, event: AuditEvent) -> str | None:
    errors: list[str] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            errors.append(str(error))

    producer = Producer({**kafka.writing(settings), "on_delivery": delivered})
    producer.produce(topics.PLATFORM_AUDIT, encode(event), event.subject)
    if producer.flush(_SECONDS):
        return f"no broker took it within {_SECONDS} s"
    return errors[0] if errors else None
