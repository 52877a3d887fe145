"""Consumers of a topic as processes of their own, to kill and to ask, and what they read."""

from __future__ import annotations

import itertools
import os
import random
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.servers import Process, free_ports, until
from workloads.kit.codec import encode
from workloads.kit.contracts import topics
from workloads.kit.contracts.customers import CustomerEvent
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.platform import CLIENTS

TOPICS = (
    topics.COMMODITY_PRICES,
    topics.dead_letter(topics.COMMODITY_PRICES),
    topics.MARKET_INDICATORS,
    topics.dead_letter(topics.MARKET_INDICATORS),
    topics.COMMODITY_ANALYTICS,
    topics.ML_PREDICTIONS,
    topics.QUALITY_ALERTS,
    topics.CUSTOMER_EVENTS,
    topics.dead_letter(topics.CUSTOMER_EVENTS),
)

A = TypeVar("A")

_count = itertools.count()


@contextmanager
def declared_topics(kafka: KafkaClient) -> Iterator[None]:
    """The topics of the consumers under their real names, empty; gone at the end."""
    for topic in topics.DECLARED:
        if topic.name in TOPICS:
            kafka.create(topic.name, topic.partitions)
    try:
        yield
    finally:
        for deleted in kafka.admin.delete_topics(list(TOPICS)).values():
            deleted.result(30)
        until(
            lambda: not set(TOPICS) & set(kafka.admin.list_topics(timeout=10).topics), "the topics are gone"
        )


def publish(
    kafka: KafkaClient, messages: Iterable[Price] | Iterable[Indicator] | Iterable[CustomerEvent]
) -> None:
    """Messages of one class, on their topic."""
    chosen = list(messages)
    kafka.produce(chosen[0].topic, map(encode, chosen), keys=[one.message_key.encode() for one in chosen])


class Replica:
    """One consumer process; `start` it again after a kill and it comes back under the same name."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self._command = ["-m", *command]
        self._log = log
        self._port = free_ports(1)[0]
        self._env = {**env, "POD_NAME": log.stem, "METRICS_PORT": str(self._port)}
        self.process = self._start()

    def _start(self) -> Process:
        return Process([sys.executable, *self._command], self._log, self._env)

    def kill(self) -> None:
        """SIGKILL, then start anew."""
        self.process.kill()
        self.process = self._start()

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def begun(self) -> bool:
        """Whether it answers, or has ended."""
        return not self.process.running() or self.get("/readyz")[0] != 0

    def ready(self) -> bool:
        assert self.process.running(), self.process.tail()
        return self.get("/readyz")[0] == 200

    def metric(self, name: str) -> float:
        """Sum over the labels; 0 while there is none."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
            if sample.name == name
        )


class Group:
    """A consumer group's replicas."""

    def __init__(self, kafka: KafkaClient, name: str, topic: str, replicas: list[Replica]) -> None:
        self._kafka = kafka
        self._topic = topic
        self._name = name
        self.replicas = replicas

    def lag(self) -> int:
        """Offsets of the topic that are there and not committed as processed."""
        for replica in self.replicas:
            assert replica.process.running(), replica.process.tail()
        # As a member that never joins: an AdminClient's question crashes while the coordinator comes up.
        reader = Consumer({"bootstrap.servers": self._kafka.bootstrap, "group.id": self._name})
        try:
            found = reader.list_topics(self._topic, timeout=30).topics[self._topic]
            partitions = [TopicPartition(self._topic, at) for at in found.partitions]
            ends = [_asked(partial(reader.get_watermark_offsets, at, timeout=30)) for at in partitions]
            done = [at.offset for at in _asked(partial(reader.committed, partitions, timeout=30))]
        finally:
            reader.close()
        return sum(last - max(first, at) for (first, last), at in zip(ends, done, strict=True))

    def finish(self, seconds: float = 120.0) -> None:
        """Wait until everything in the topic is processed and committed."""
        until(lambda: self.lag() == 0, f"{self._name} is caught up", seconds, every=0.2)

    def kill_often(self, kills: int, seed: int) -> None:
        """Kill one after the other at random, each time after some more records were committed."""
        choose = random.Random(seed)
        for _ in range(kills):
            before = self.lag()
            assert before > 0, "nothing was in flight: the kill met nothing"
            until(lambda before=before: self.lag() < before, "the group goes on", 60)
            choose.choice(self.replicas).kill()


def _asked(question: Callable[[], A]) -> A:
    deadline = time.monotonic() + 30
    while True:
        try:
            return question()
        except KafkaException as error:
            # A coordinator or a leader that is only just coming up says so for a moment.
            if time.monotonic() > deadline or error.args[0].fatal():
                raise


@contextmanager
def running(
    package: str,
    kafka: KafkaClient,
    database: MigratedDatabase,
    directory: Path,
    *,
    member: str = "",
    replicas: int = 1,
    **env: str,
) -> Iterator[Group]:
    """A new group of consumers of `package`, or of a `member` of it, stopped at the end: each has to exit
    with 0."""
    role = package.rpartition(".")[2]
    command = [package, member] if member else [package]
    (topic,) = CLIENTS["-".join([role.replace("_", "-"), *command[1:]])].reads
    group = f"{role}-{next(_count)}-{secrets.token_hex(3)}"
    shared = {
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_GROUP": group,
        "RETRY_FIRST_MS": "20",
        "RETRY_CAP_MS": "200",
        **database.env(role),
        **env,
    }
    started = [
        Replica(command, directory / f"{group}-{number}.log", os.environ | shared)
        for number in range(replicas)
    ]
    try:
        yield Group(kafka, group, topic, started)
        for replica in started:
            # One that a kill has just started anew does not listen to signals before it has begun.
            until(replica.begun, "it has begun", 60)
            replica.process.send(signal.SIGTERM)
        codes = [replica.process.wait(60) for replica in started]
        said = "\n".join(replica.process.tail() for replica in started)
        assert codes == [0] * replicas, f"exit codes {codes}\n{said}"
    finally:
        for replica in started:
            replica.process.stop()
