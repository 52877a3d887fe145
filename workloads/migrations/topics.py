"""Kafka topics brought to what `contracts.topics` declares; says what it changed."""

# The classes of `confluent_kafka.admin` are public by its documentation, not by its `__all__`.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from workloads.kit import kafka
from workloads.kit.contracts.topics import DECLARED, Topic
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.migrations.settings import TopicSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_CALL_SECONDS = 30.0


class CannotReconcile(Exception):
    """A topic differs from its declaration in a way that would lose data or that needs an operator."""


def reconcile(settings: TopicSettings, declared: Sequence[Topic] = DECLARED) -> list[str]:
    """Create and alter topics; returns a line a change, none if all was as declared.

    Raises:
        CannotReconcile: before anything is changed.
        KafkaUnavailable: too few brokers within `kafka_wait_seconds`.
    """
    admin = AdminClient(kafka.common(settings))
    _wait_for_brokers(admin, settings)
    wanted = [_overridden(topic, settings) for topic in declared]
    found = admin.list_topics(timeout=_CALL_SECONDS).topics
    _refuse_loss(wanted, found, settings)
    changes = [
        *_create(admin, [topic for topic in wanted if topic.name not in found], settings),
        *_grow(admin, [(topic, found[topic.name]) for topic in wanted if topic.name in found]),
        *_configure(admin, [topic for topic in wanted if topic.name in found], settings),
    ]
    _log.info("topics_ready", topics=len(wanted), changes=len(changes))
    return changes


def _wait_for_brokers(admin: AdminClient, settings: TopicSettings) -> None:
    deadline = time.monotonic() + settings.kafka_wait_seconds
    seen = "no broker answered"
    while time.monotonic() < deadline:
        try:
            brokers = len(admin.list_topics(timeout=5.0).brokers)
        except KafkaException as failure:
            seen = str(error_of(failure))
        else:
            if brokers >= settings.topic_replication:
                return
            seen = f"{brokers} brokers"
        _log.info("waiting_for_brokers", wanted=settings.topic_replication, seen=seen)
        time.sleep(0.5)
    raise KafkaUnavailable(
        f"{settings.kafka_bootstrap}: {seen} after {settings.kafka_wait_seconds:g} s,"
        f" {settings.topic_replication} wanted (TOPIC_REPLICATION)"
    )


def _overridden(topic: Topic, settings: TopicSettings) -> Topic:
    retention = settings.topic_retention_ms.get(topic.name, topic.retention_ms)
    return replace(topic, retention_ms=retention)


def _refuse_loss(wanted: Sequence[Topic], found: dict[str, TopicMetadata], settings: TopicSettings) -> None:
    names = {topic.name for topic in wanted}
    problems = [
        f"TOPIC_RETENTION_MS names {n}: no such topic" for n in settings.topic_retention_ms if n not in names
    ]
    for topic in wanted:
        if topic.name not in found:
            continue
        partitions = found[topic.name].partitions
        if len(partitions) > topic.partitions:
            problems.append(
                f"{topic.name} has {len(partitions)} partitions and {topic.partitions} are declared:"
                " partitions cannot be taken away; declare as many, or make a new topic and move to it"
            )
        replicas = {len(partition.replicas) for partition in partitions.values()}
        if replicas != {settings.topic_replication}:
            problems.append(
                f"{topic.name} has replication {sorted(replicas)} and {settings.topic_replication} is wanted:"
                " reassign its partitions with kafka-reassign-partitions, or set TOPIC_REPLICATION"
            )
    if problems:
        raise CannotReconcile("\n".join(problems))


def _create(admin: AdminClient, topics: Sequence[Topic], settings: TopicSettings) -> list[str]:
    if not topics:
        return []
    futures = admin.create_topics(
        [
            NewTopic(
                topic.name, topic.partitions, settings.topic_replication, config=_config(topic, settings)
            )
            for topic in topics
        ]
    )
    _all(futures)
    return [
        f"created {topic.name}: {topic.partitions} partitions, {_config(topic, settings)}" for topic in topics
    ]


def _grow(admin: AdminClient, topics: Sequence[tuple[Topic, TopicMetadata]]) -> list[str]:
    growing = [(topic, len(at.partitions)) for topic, at in topics if len(at.partitions) < topic.partitions]
    if not growing:
        return []
    _all(admin.create_partitions([NewPartitions(topic.name, topic.partitions) for topic, _ in growing]))
    return [f"{topic.name}: partitions {before} -> {topic.partitions}" for topic, before in growing]


def _configure(admin: AdminClient, topics: Sequence[Topic], settings: TopicSettings) -> list[str]:
    if not topics:
        return []
    described = _all(
        admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics])
    )
    now: dict[str, dict[str, ConfigEntry]] = {
        resource.name: entries for resource, entries in described.items()
    }
    changes: list[str] = []
    altered: list[ConfigResource] = []
    for topic in topics:
        different = {
            name: (now[topic.name][name].value, value)
            for name, value in _config(topic, settings).items()
            if now[topic.name][name].value != value
        }
        if different:
            changes += [f"{topic.name}: {name} {a} -> {b}" for name, (a, b) in different.items()]
            altered.append(
                ConfigResource(
                    ResourceType.TOPIC,
                    topic.name,
                    incremental_configs=[
                        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                        for name, (_, value) in different.items()
                    ],
                )
            )
    if altered:
        _all(admin.incremental_alter_configs(altered))
    return changes


def _config(topic: Topic, settings: TopicSettings) -> dict[str, str]:
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(topic.retention_ms),
        "min.insync.replicas": str(settings.topic_min_insync),
    }


def _all(futures: dict[Any, Future[T]]) -> dict[Any, T]:
    return {name: future.result(_CALL_SECONDS) for name, future in futures.items()}
