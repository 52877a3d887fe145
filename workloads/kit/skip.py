"""`python -m workloads.kit.skip`: move a stopped group past a record that stops it, for what nobody foresaw.

The record goes to the dead-letter topic with who, when and why, an event to `platform-audit`, and the group's
offset past it, in one transaction. Without `--offset` it says where the group stands and changes nothing.

The group must have no member (a member would process the record again, or commit over this), and the record
must be the very next one of its partition: so a number that is out of date, or of another partition, skips
nothing. Settings are the environment's, those of the consumer.

Exit codes: 0 done, 1 Kafka is away, 2 refused, with the reason.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from workloads.kit import kafka, log
from workloads.kit.codec import encode
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.topics import PLATFORM_AUDIT
from workloads.kit.dead_letters import letter, schema_version
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaConsumerSettings, load

_log = structlog.get_logger(__name__)

_READ_SECONDS: Final = 5.0
_MEMBERS_SECONDS: Final = 15.0
"""A member that was killed is in its group until its session has ended."""


class SkipRefused(Exception):
    """The record is not one that may be skipped; nothing was changed."""


def standing(settings: KafkaConsumerSettings, topic: str) -> list[str]:
    """A line a partition: the next record of the group, and how it begins."""
    lines: list[str] = []
    with _reader(settings) as reader:
        for partition in sorted(reader.list_topics(topic, timeout=30).topics[topic].partitions):
            at = _position(reader, topic, partition)
            message = _read(reader, topic, partition, at)
            if message is None:
                lines.append(f"{topic}[{partition}]: at its end")
            else:
                start = (message.value() or b"")[:60]
                lines.append(
                    f"{topic}[{partition}]@{message.offset()}: key {message.key()!r}, begins {start!r}"
                )
    return lines


def skip(
    settings: KafkaConsumerSettings, topic: str, partition: int, offset: int, who: str, reason: str
) -> AuditEvent:
    """Set the record aside and move the group past it; returns the event that says so.

    Raises:
        SkipRefused: the group has members, or stands elsewhere.
        Aborted, ProducerLost, KafkaUnavailable, KafkaException: Kafka; nothing was changed.
    """
    group, now = settings.kafka_group, datetime.now(UTC)
    with _reader(settings) as reader:
        _wait_until_empty(settings)
        found = _read(reader, topic, partition, _position(reader, topic, partition))
        if found is None or found.offset() != offset:
            stands = "is at its end" if found is None else f"stands at offset {found.offset()}"
            raise SkipRefused(
                f"{group} {stands} of {topic}[{partition}], not at {offset}: give the record it stands at"
            )
        value = found.value()
        event = AuditEvent(
            at=now,
            actor=who,
            action="skip",
            subject=f"{group} {topic}[{partition}]@{offset}",
            reason=reason,
            detail={"bytes": len(value or b""), "sha256": hashlib.sha256(value or b"").hexdigest()},
        )
        headers: dict[str, object] = {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "group": group,
            "error": "Skipped",
            "reason": reason,
            "attempt": 0,
            "schema_version": schema_version(value),
            "skipped_by": who,
            "skipped_at": now.isoformat(),
        }
        with TransactionalProducer(settings, f"{group}.skip") as producer, producer.transaction() as tx:
            tx.send(letter(topic, found.key(), value, headers))
            tx.send(Output(PLATFORM_AUDIT, group, encode(event)))
            tx.offsets([TopicPartition(topic, partition, offset + 1)], reader.consumer_group_metadata())
    return event


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.offset is not None and (args.partition is None or not (args.reason or "").strip()):
        parser.error("--offset needs --partition and --reason")
    log.configure("skip")
    settings = load(KafkaConsumerSettings, kafka_group=args.group)
    try:
        if args.offset is None:
            print("\n".join(standing(settings, args.topic)))
        else:
            event = skip(settings, args.topic, args.partition, args.offset, args.by, args.reason)
            print(f"skipped {event.subject}: it is on the dead-letter topic, and {PLATFORM_AUDIT} says so")
    except SkipRefused as error:
        print(error, file=sys.stderr)
        return 2
    except (Aborted, ProducerLost, KafkaUnavailable, KafkaException) as error:
        _log.error("not_skipped", error=str(error))
        return 1
    return 0


@contextmanager
def _reader(settings: KafkaConsumerSettings) -> Generator[Consumer]:
    """One that never joins the group, and so is no member of it."""
    reader = Consumer(
        {**kafka.reading(settings), "group.id": settings.kafka_group, "enable.partition.eof": True}
    )
    try:
        yield reader
    finally:
        reader.close()


def _position(reader: Consumer, topic: str, partition: int) -> int:
    [at] = reader.committed([TopicPartition(topic, partition)], timeout=30)
    if at.error is not None:
        raise KafkaException(at.error)
    return at.offset if at.offset >= 0 else OFFSET_BEGINNING


def _read(reader: Consumer, topic: str, partition: int, start: int) -> Message | None:
    """The first record at or after `start`; None at the end."""
    reader.assign([TopicPartition(topic, partition, start)])
    deadline = time.monotonic() + _READ_SECONDS * 6
    while time.monotonic() < deadline:
        message = reader.poll(_READ_SECONDS)
        if message is None:
            continue
        error = message.error()
        if error is None:
            return message
        if error.code() == KafkaError._PARTITION_EOF:  # pyright: ignore[reportPrivateUsage]
            return None
        raise KafkaException(error)
    raise KafkaUnavailable(f"{topic}[{partition}] could not be read")


def _wait_until_empty(settings: KafkaConsumerSettings) -> None:
    from confluent_kafka.admin import AdminClient

    admin: Any = AdminClient(kafka.common(settings))  # its answers have no types
    deadline = time.monotonic() + _MEMBERS_SECONDS
    while True:
        described = admin.describe_consumer_groups([settings.kafka_group], request_timeout=30)
        members: list[Any] = described[settings.kafka_group].result(30).members
        if not members:
            return
        if time.monotonic() > deadline:
            names = ", ".join(sorted({str(member.client_id) for member in members}))
            raise SkipRefused(
                f"{settings.kafka_group} has members ({names}): scale its deployment to 0 first, for they"
                " would take the record again"
            )
        time.sleep(0.5)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="skip", description="Move a stopped group past one record.")
    parser.add_argument("--group", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partition", type=int)
    parser.add_argument(
        "--offset", type=int, help="of the next record; without it, says where the group stands"
    )
    parser.add_argument("--reason", help="why; it is recorded")
    parser.add_argument("--by", default=os.environ.get("USER", "unknown"), help="who; it is recorded")
    return parser


if __name__ == "__main__":
    sys.exit(main())
