"""What the consumer loop promises when members of a group come, go, die and come back."""

from __future__ import annotations

import itertools
import json
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.clients import KafkaClient
from tests.services.loops import Recorder, running
from tests.services.servers import Kafka, Process, until
from workloads.kit.records import Output, Record, Transient

ROOT = Path(__file__).parents[2]


@pytest.fixture
def group() -> str:
    return f"group-{secrets.token_hex(4)}"


class Load:
    """A steady flow of numbered messages, in the background, until stopped."""

    def __init__(self, kafka: KafkaClient, topic: str, per_second: int = 500) -> None:
        self.sent = 0
        self._stop = threading.Event()

        def send() -> None:
            chunk = max(1, per_second // 50)
            while not self._stop.wait(0.02):
                numbers = range(self.sent, self.sent + chunk)
                kafka.produce(topic, (b"%d" % n for n in numbers), keys=(f"k{n % 50}" for n in numbers))
                self.sent += chunk

        self._thread = threading.Thread(target=send, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """How many messages were sent."""
        self._stop.set()
        self._thread.join(60)
        return self.sent

    def wait(self, more: int) -> None:
        wanted = self.sent + more
        until(lambda: self.sent >= wanted, f"{more} more messages are sent", 60)


class Member(Process):
    """An `echo` process."""

    def assigned(self) -> list[int] | None:
        """Its partitions, by its log; None before the group gave it any or none."""
        found: list[int] | None = None
        for line in self.log.read_text().splitlines():
            try:
                event: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            if event.get("event") in ("assigned", "revoked"):
                found = event["all"]
            elif event.get("event") == "lost":
                found = None
        return found


Start = Callable[..., Member]


@pytest.fixture
def start(tmp_path: Path, group: str) -> Iterator[Start]:
    """Starts members of the group that copy one topic to another."""
    members: list[Member] = []
    count = itertools.count()

    def begin(kafka: KafkaClient, topic: str, output: str, **env: str) -> Member:
        name = f"{group}-{next(count)}"
        member = Member(
            [sys.executable, "-m", "tests.services.echo", topic, output],
            tmp_path / f"{name}.log",
            {
                "PYTHONPATH": str(ROOT),
                "KAFKA_BOOTSTRAP": kafka.bootstrap,
                "KAFKA_GROUP": group,
                "POD_NAME": name,
                **env,
            },
        )
        members.append(member)
        return member

    yield begin
    for member in members:
        member.stop(signal.SIGKILL)


def _together(*members: Member) -> Callable[[], bool]:
    """Whether each has its share and all partitions have one owner."""

    def settled() -> bool:
        shares = [member.assigned() for member in members]
        assert all(member.running() for member in members), [m.tail() for m in members]
        return all(shares) and sorted(p for share in shares if share for p in share) == [0, 1, 2, 3, 4, 5]

    return settled


@contextmanager
def _loaded(kafka: KafkaClient, topic: str) -> Iterator[Load]:
    load = Load(kafka, topic)
    try:
        yield load
    finally:
        load.stop()


def _assert_each_once(kafka: KafkaClient, output: str, sent: int, seconds: float = 60) -> None:
    # Transactions that died have to time out before what follows them can be read.
    until(lambda: sum(kafka.ends(output).values()) >= sent, "as many outputs as inputs", seconds)
    until(lambda: len(kafka.read_now(output)) >= sent, "all outputs can be read", seconds, every=0.5)
    copies = Counter(record.value for record in kafka.read(output))
    lost = sent - len(copies)
    doubled = {value: n for value, n in copies.items() if n > 1}
    assert (lost, doubled) == (0, {})


@pytest.mark.parametrize("transactional", ["1", "0"])
@pytest.mark.thorough
def test_a_member_told_to_stop_finishes_its_batch_and_exits_0(
    kafka: KafkaClient, group: str, start: Start, transactional: str
) -> None:
    topic, output = kafka.topic(partitions=6), kafka.topic(partitions=6)
    first, second = (
        start(kafka, topic, output, ECHO_SECONDS="0.2", ECHO_TRANSACTIONAL=transactional) for _ in range(2)
    )
    with _loaded(kafka, topic) as load:
        until(_together(first, second), "both have partitions", 60)
        load.wait(500)
        first.send(signal.SIGTERM)
        assert first.wait() == 0, first.tail()
        load.wait(500)
        third = start(kafka, topic, output, ECHO_TRANSACTIONAL=transactional)
        until(_together(second, third), "the new member has partitions", 60)
        second.send(signal.SIGTERM)
        assert second.wait() == 0, second.tail()
        sent = load.stop()
    _assert_each_once(kafka, output, sent)
    until(lambda: sum(kafka.committed(group, topic).values()) == sent, "all is committed")


@pytest.mark.thorough
def test_killed_members_lose_and_double_nothing(kafka: KafkaClient, start: Start) -> None:
    topic, output = kafka.topic(partitions=6), kafka.topic(partitions=6)
    members = [start(kafka, topic, output) for _ in range(2)]
    taken: list[float] = []
    with _loaded(kafka, topic) as load:
        for _ in range(3):
            until(_together(*members), "both have partitions", 60)
            load.wait(200)
            victim, survivor = members
            victim.kill()
            killed = time.monotonic()
            until(_together(survivor), "the survivor has all partitions", 60)
            taken.append(time.monotonic() - killed)
            members = [survivor, start(kafka, topic, output)]
        sent = load.stop()
        _assert_each_once(kafka, output, sent)
    print(f"partitions of a killed member taken over after {[f'{t:.1f} s' for t in taken]}")


@pytest.mark.thorough
def test_a_member_that_was_frozen_and_comes_back_doubles_nothing(kafka: KafkaClient, start: Start) -> None:
    topic, output = kafka.topic(partitions=6), kafka.topic(partitions=6)
    frozen, other = start(kafka, topic, output), start(kafka, topic, output)
    with _loaded(kafka, topic) as load:
        until(_together(frozen, other), "both have partitions", 60)
        load.wait(200)
        frozen.send(signal.SIGSTOP)
        until(_together(other), "the other has all partitions", 60)
        load.wait(500)
        frozen.send(signal.SIGCONT)
        until(lambda: "lost" in frozen.log.read_text(), "the frozen member learns that it was given up", 60)
        until(_together(frozen, other), "both have partitions again", 60)
        sent = load.stop()
    _assert_each_once(kafka, output, sent)


def test_partitions_that_stay_are_left_alone_and_those_that_move_are_restored(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=4)
    for partition in range(4):
        kafka.produce(topic, (b"%d" % n for n in range(10)), partition=partition)
    first, second = Recorder(), Recorder()
    with running(kafka.consumer_settings(group), topic, first, restore=True):
        until(lambda: len(first.seen("process")) == 40, "the first has processed all")
        with running(kafka.consumer_settings(group), topic, second, restore=True) as two:
            until(lambda: len(second.seen("restore")) == 20, "the second restores its share")
            moved = {partition for partition, _ in second.seen("restore")}
            assert set(first.seen("forget")) == moved
            assert len(moved) == 2
            for partition in range(4):
                kafka.produce(topic, [b"new"], partition=partition)
            until(lambda: set(second.seen("process")) == {(p, 10) for p in moved}, "the second goes on")
            stayed = {(p, 10) for p in range(4) if p not in moved}
            until(lambda: stayed <= set(first.seen("process")), "the first goes on")
            assert first.seen("restore") == []
            assert two.stop() == 0
        until(lambda: len(first.seen("restore")) == 22, "the first restores what comes back")
        assert {partition for partition, _ in first.seen("restore")} == moved
    assert Counter(first.seen("process") + second.seen("process")) == Counter(
        (p, n) for p in range(4) for n in range(11)
    )


def test_a_partition_that_went_away_while_it_was_held_goes_on_when_it_comes_back(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=2)
    first, away = Recorder(), [True]

    def fail(_batch: Any) -> None:
        if away[0]:
            raise Transient("away")

    first.before = fail
    kafka.produce(topic, [b"0"], partition=0)
    kafka.produce(topic, [b"1"], partition=1)
    with running(kafka.consumer_settings(group), topic, first) as one:
        until(lambda: one.loop.ready()[1] == "assigned [0, 1]", "the first has both partitions")
        with running(kafka.consumer_settings(group), topic, second := Recorder()):
            until(lambda: len(second.seen("process")) == 1, "the second processes what was held")
            away[0] = False
            until(lambda: len(first.seen("process")) == 1, "the first goes on with the other")
        until(lambda: one.loop.ready()[1] == "assigned [0, 1]", "the first has both partitions again")
        for partition in (0, 1):
            kafka.produce(topic, [b"later"], partition=partition)
        until(lambda: len(first.seen("process")) == 3, "the first processes both")
    assert Counter(first.seen("process") + second.seen("process")) == Counter(
        (p, n) for p in (0, 1) for n in (0, 1)
    )


class Once(Recorder):
    """Has state: of what was committed nothing is made again."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.after: Callable[[], None] = lambda: None
        """Called once a batch is taken; may raise."""
        self._taken: set[tuple[int, int]] = set()
        self._settled: set[tuple[int, int]] = set()

    def restore(self, records: Sequence[Record[Any]]) -> None:
        super().restore(records)
        self._taken |= {(r.partition, r.offset) for r in records}

    def committed(self, partitions: Collection[int]) -> None:
        self._settled |= {at for at in self._taken if at[0] in partitions}
        self._taken -= self._settled

    def process(self, batch: Sequence[Record[Any]]) -> Sequence[Output]:
        fresh = [r for r in batch if (r.partition, r.offset) not in self._settled]
        self._taken |= {(r.partition, r.offset) for r in fresh}
        outputs = super().process(fresh)
        self.after()
        return outputs


def test_a_batch_that_waits_is_made_whole_though_another_partition_is_restored_meanwhile(
    kafka: KafkaClient, group: str
) -> None:
    topic, output = kafka.topic(partitions=2), kafka.topic(partitions=1)
    first, away = Once(output), [False]

    def fail() -> None:
        if away[0]:
            raise Transient("its transaction was aborted")

    first.after = fail
    with running(kafka.consumer_settings(group), topic, first, restore=True) as one:
        with running(kafka.consumer_settings(group), topic, second := Once(output), restore=True) as two:
            parts = ("assigned [0]", "assigned [1]")
            until(lambda: {one.loop.ready()[1], two.loop.ready()[1]} == {*parts}, "each has a partition")
            moving = parts.index(two.loop.ready()[1])
            kafka.produce(topic, [b"moving"], partition=moving)
            until(lambda: kafka.committed(group, topic).get(moving, 0) > 0, "the second commits")
            away[0] = True
            kafka.produce(topic, [b"waiting"], partition=1 - moving)
            until(lambda: first.seen("process") != [], "the first has taken it, and waits")
        until(lambda: first.seen("restore") == [(moving, 0)], "the first restores what was the second's")
        tries = len(first.seen("process"))
        until(lambda: len(first.seen("process")) > tries, "it tries again")
        away[0] = False
        until(lambda: kafka.committed(group, topic).get(1 - moving, 0) > 0, "the first commits")
    assert second.seen("process") == [(moving, 0)]
    assert Counter(r.raw for r in kafka.read(output)) == Counter([b"moving", b"waiting"])


def test_a_member_without_partitions_is_ready(kafka: KafkaClient, group: str) -> None:
    topic = kafka.topic(partitions=1)
    settings = [kafka.consumer_settings(group) for _ in range(2)]
    with running(settings[0], topic, Recorder()) as first, running(settings[1], topic, Recorder()) as second:
        until(lambda: first.loop.ready()[0] and second.loop.ready()[0], "both are ready")
        reasons = {first.loop.ready()[1], second.loop.ready()[1]}
    assert reasons == {"assigned [0]", "assigned []"}


@pytest.mark.thorough
def test_a_killed_broker_loses_and_doubles_nothing(cluster: Kafka, start: Start) -> None:
    kafka = KafkaClient(cluster.bootstrap, replication=3)
    topic, output = f"in-{secrets.token_hex(4)}", f"out-{secrets.token_hex(4)}"
    for name in (topic, output):
        kafka.create(name, 6, {"min.insync.replicas": "2"})
    members = [start(kafka, topic, output) for _ in range(2)]
    with _loaded(kafka, topic) as load:
        until(_together(*members), "both have partitions", 60)
        load.wait(500)
        cluster.brokers[0].kill()
        load.wait(1000)
        cluster.restart(0)
        load.wait(500)
        sent = load.stop()
    _assert_each_once(kafka, output, sent)
    assert all(member.running() for member in members), [member.tail() for member in members]
