"""What the consumer loop promises, one member at a time, against a real broker."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from prometheus_client import REGISTRY

from tests.services.clients import KafkaClient
from tests.services.loops import Recorder, running
from tests.services.servers import until
from workloads.kit import consumer, sink
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.producer import ProducerLost, TransactionalProducer
from workloads.kit.records import Output, Poison, Record, Transient


@pytest.fixture
def group() -> str:
    return f"group-{secrets.token_hex(4)}"


def _values(count: int, prefix: str = "v") -> list[bytes]:
    return [f"{prefix}{n}".encode() for n in range(count)]


def _sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_record_is_written_once_and_the_group_ends_without_lag(kafka: KafkaClient, group: str) -> None:
    topic, output = kafka.topic(), kafka.topic()
    # Transactions leave markers, which take offsets of their own after the last record.
    with TransactionalProducer(kafka.settings, group) as producer, producer.transaction() as tx:
        tx.send_all(Output(topic, f"k{n % 10}", value) for n, value in enumerate(_values(5000)))
    with running(kafka.consumer_settings(group, batch_max_records=400), topic, Recorder(output)):
        until(lambda: kafka.committed(group, topic) == kafka.ends(topic), "all is committed")
    assert sorted(record.value for record in kafka.read(output)) == sorted(_values(5000))
    assert _sample("carbon_consumer_records_total", group=group, topic=topic, outcome="processed") == 5000
    assert _sample("carbon_consumer_latency_seconds_count", group=group, topic=topic) > 0


def test_a_batch_is_bounded_and_keeps_the_order_of_a_partition(kafka: KafkaClient, group: str) -> None:
    topic, handler = kafka.topic(partitions=2), Recorder()
    kafka.produce(topic, _values(1000), keys=(f"k{n % 7}" for n in range(1000)))
    with running(kafka.consumer_settings(group, batch_max_records=64), topic, handler):
        until(lambda: len(handler.seen("process")) == 1000, "all is processed")
    assert max(len(items) for kind, items in handler.events if kind == "process") <= 64
    for partition in (0, 1):
        offsets = [offset for p, offset in handler.seen("process") if p == partition]
        assert offsets == list(range(len(offsets)))


def test_messages_of_an_aborted_transaction_are_not_read(kafka: KafkaClient, group: str) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    with TransactionalProducer(kafka.settings, group) as producer:
        with pytest.raises(ZeroDivisionError), producer.transaction() as tx:
            tx.send_all(Output(topic, None, b"%d" % (1 // n)) for n in (1, 0))
        with producer.transaction() as tx:
            tx.send(Output(topic, None, b"committed"))
    with running(kafka.consumer_settings(group), topic, Recorder(output)):
        until(lambda: len(kafka.read(output)) > 0, "the committed message is copied")
    assert [record.value for record in kafka.read(output)] == [b"committed"]


@pytest.mark.parametrize("transactional", [True, False])
def test_a_poison_record_goes_to_the_dead_letter_topic_and_the_rest_goes_on(
    kafka: KafkaClient, group: str, transactional: bool
) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    good = [b'{"schema_version":1,"n":%d}' % n for n in range(20)]
    undecodable = b'{"schema_version":7,"n":"\xff"}'
    kafka.produce(topic, [*good[:10], undecodable, *good[10:]], keys=["WTI"] * 21)

    def decode(raw: bytes) -> bytes:
        if raw == undecodable:
            raise ValueError("n is no number")
        return raw

    def refuse(batch: Sequence[Record[Any]]) -> None:
        for record in batch:
            if record.value == good[3]:
                raise Poison(record, "negative price")

    handler = Recorder(output)
    handler.before = refuse
    settings = kafka.consumer_settings(group)
    with running(settings, topic, handler, decode=decode, transactional=transactional):
        until(lambda: kafka.committed(group, topic) == {0: 21}, "all is committed")
    assert [record.value for record in kafka.read(output)] == good[:3] + good[4:]
    dead = {record.raw: record for record in kafka.read(f"{topic}.dlq")}
    assert set(dead) == {undecodable, good[3]}
    assert {record.key for record in dead.values()} == {b"WTI"}
    assert dict(dead[undecodable].headers) == {
        "topic": topic.encode(),
        "partition": b"0",
        "offset": b"10",
        "group": group.encode(),
        "error": b"ValueError",
        "reason": b"n is no number",
        "attempt": b"1",
        "schema_version": b"7",
    }
    refused = dict(dead[good[3]].headers)
    assert (refused["error"], refused["reason"]) == (b"Poison", b"negative price")
    assert (refused["offset"], refused["schema_version"]) == (b"3", b"1")
    assert _sample("carbon_consumer_dead_letters_total", group=group, topic=topic, error="Poison") == 1
    assert _sample("carbon_consumer_records_total", group=group, topic=topic, outcome="dead_letter") == 2


def test_a_message_without_a_value_is_a_dead_letter(kafka: KafkaClient, group: str) -> None:
    topic = kafka.topic(partitions=1)
    kafka.produce(topic, [None], keys=["WTI"])
    with running(kafka.consumer_settings(group), topic, Recorder()):
        until(lambda: kafka.ends(f"{topic}.dlq")[0] > 0, "the dead letter is there")
        until(lambda: kafka.committed(group, topic) == {0: 1}, "the group goes on")


def test_it_halts_before_it_moves_most_of_a_topic_aside(kafka: KafkaClient, group: str) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    kafka.produce(topic, [*_values(95), *_values(100, "bad")])

    def decode(raw: bytes) -> bytes:
        if raw.startswith(b"bad"):
            raise ValueError("bad")
        return raw

    settings = kafka.consumer_settings(
        group, batch_max_records=10, dead_letter_window=100, dead_letter_max_ratio=0.1
    )
    with running(settings, topic, Recorder(output), decode=decode) as loop:
        assert loop.wait() == consumer.TOO_MANY_DEAD_LETTERS
    dead = len(kafka.read(f"{topic}.dlq"))
    assert 0 < dead <= 10
    assert kafka.committed(group, topic) == {0: 95 + dead}
    assert len(kafka.read(output)) == 95
    # Started anew it finds the same records, and moves at most as many again.
    with running(settings, topic, Recorder(output), decode=decode) as loop:
        assert loop.wait() == consumer.TOO_MANY_DEAD_LETTERS
    assert len(kafka.read(f"{topic}.dlq")) <= dead + 10


def test_one_poison_record_in_a_quiet_topic_does_not_halt_it(kafka: KafkaClient, group: str) -> None:
    topic = kafka.topic(partitions=1)

    def decode(raw: bytes) -> bytes:
        raise ValueError("bad")

    kafka.produce(topic, [b"bad"])
    with running(kafka.consumer_settings(group), topic, Recorder(), decode=decode) as loop:
        until(lambda: kafka.committed(group, topic) == {0: 1}, "the record is moved aside")
        assert loop.loop.ready()[0]


def test_a_transient_failure_holds_the_batch_keeps_the_membership_and_grows_the_lag(
    kafka: KafkaClient, group: str
) -> None:
    topic, output = kafka.topic(partitions=2), kafka.topic(partitions=1)
    handler, away, tries = Recorder(output), [True], list[int]()

    def fail(batch: Sequence[Record[Any]]) -> None:
        if away[0]:
            tries.append(len(batch))
            raise Transient("model server away")

    handler.before = fail
    kafka.produce(topic, _values(10), partition=0)
    # A member that did not poll while it waits would be thrown out after 2 s.
    settings = kafka.consumer_settings(
        group,
        kafka_session_timeout_ms=1500,
        kafka_heartbeat_ms=300,
        kafka_max_poll_interval_ms=2000,
        retry_cap_ms=500,
    )
    labels = {"group": group, "topic": topic}
    with running(settings, topic, handler) as loop:
        until(lambda: _sample("carbon_consumer_paused", **labels) == 1, "it is paused")
        kafka.produce(topic, _values(40, "later"), partition=0)
        until(lambda: len(tries) > 12, "it keeps trying past the poll interval", 60)
        assert loop.loop.ready()[0]
        until(lambda: _sample("carbon_consumer_lag_messages", **labels, partition="0") == 50, "the lag grows")
        assert set(tries) == {10}
        assert handler.seen("forget") == []
        assert kafka.committed(group, topic) == {}
        away[0] = False
        until(lambda: kafka.committed(group, topic) == {0: 50}, "all is committed")
        until(lambda: _sample("carbon_consumer_lag_messages", **labels, partition="0") == 0, "no lag is left")
        assert _sample("carbon_consumer_paused", **labels) == 0
    assert Counter(r.value for r in kafka.read(output)) == Counter([*_values(10), *_values(40, "later")])
    assert _sample("carbon_consumer_records_total", **labels, outcome="retried") == 10 * len(tries)


def test_an_aborted_transaction_is_tried_again_with_the_same_records(kafka: KafkaClient, group: str) -> None:
    topic, output = kafka.topic(partitions=1), f"small-{secrets.token_hex(4)}"
    values = [*_values(10), secrets.token_bytes(5000), *_values(10, "later")]
    kafka.create(output, 1, {"max.message.bytes": "1000"})
    kafka.produce(topic, values)
    labels = {"group": group, "topic": topic, "outcome": "retried"}
    with running(kafka.consumer_settings(group), topic, Recorder(output)):
        # The broker refuses one message, so every transaction aborts.
        until(lambda: _sample("carbon_consumer_records_total", **labels) > 0, "it aborts")
        assert kafka.committed(group, topic) == {}
        assert kafka.read_now(output) == []
        kafka.configure(output, {"max.message.bytes": "10000"})
        until(lambda: kafka.committed(group, topic) == {0: 21}, "all is committed")
    assert [record.value for record in kafka.read(output)] == values


def test_state_is_restored_up_to_the_committed_offset_before_the_first_record(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=2)
    for partition, count in ((0, 30), (1, 20)):
        kafka.produce(topic, _values(count), partition=partition)
    with running(kafka.consumer_settings(group), topic, first := Recorder(), restore=True):
        until(lambda: kafka.committed(group, topic) == {0: 30, 1: 20}, "all is committed")
    assert first.seen("restore") == []

    for partition in (0, 1):
        kafka.produce(topic, _values(5, "new"), partition=partition)
    with running(kafka.consumer_settings(group), topic, second := Recorder(), restore=True):
        until(lambda: len(second.seen("process")) == 10, "the new records are processed")
    assert sorted(second.seen("restore")) == [(0, n) for n in range(30)] + [(1, n) for n in range(20)]
    kinds = [kind for kind, _ in second.events]
    assert kinds.index("process") > max(n for n, kind in enumerate(kinds) if kind == "restore")
    assert sorted(second.seen("process")) == [(0, n) for n in range(30, 35)] + [(1, n) for n in range(20, 25)]

    settings = kafka.consumer_settings(group, restore_max_records=3)
    with running(settings, topic, third := Recorder(), restore=True):
        pass
    assert sorted(third.seen("restore")) == [
        (p, n) for p, end in ((0, 35), (1, 25)) for n in range(end - 3, end)
    ]


def test_what_a_stop_leaves_unprocessed_is_not_committed(
    kafka: KafkaClient, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "_IDLE_COMMIT_SECONDS", 0.0)
    topic = kafka.topic(partitions=1)
    with running(kafka.consumer_settings(group), topic, handler := Recorder()) as one:
        member = one.loop._member
        fetch = member.fetch

        def stopped_amid(count: int, seconds: float) -> None:
            fetch(count, seconds)
            if member.messages:
                one.loop.stop()

        monkeypatch.setattr(member, "fetch", stopped_amid)
        kafka.produce(topic, [b"1"])
        assert one.wait() == consumer.STOPPED
    assert handler.seen("process") == []
    assert kafka.committed(group, topic) == {}


def test_a_handler_that_fails_at_everything_ends_the_loop_without_a_commit(
    kafka: KafkaClient, group: str
) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    kafka.produce(topic, _values(20))
    handler = Recorder(output)

    def fail(batch: Sequence[Record[Any]]) -> None:
        raise KeyError("a mistake in the code")

    handler.before = fail
    with running(kafka.consumer_settings(group), topic, handler) as loop:
        assert loop.wait() == consumer.FAILED
    assert kafka.committed(group, topic) == {}
    assert kafka.read(output) == kafka.read(f"{topic}.dlq") == []


def test_records_that_the_handler_fails_at_are_set_aside_and_restored_like_the_others(
    kafka: KafkaClient, group: str
) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    values, bad = _values(200), (b"v7", b"v100", b"v199")
    kafka.produce(topic, values)

    def fail(batch: Sequence[Record[Any]]) -> None:
        for record in batch:
            if record.value in bad:
                raise RecursionError("too deep")

    handler = Recorder(output)
    handler.before = fail
    with running(kafka.consumer_settings(group), topic, handler):
        until(lambda: kafka.committed(group, topic) == {0: 200}, "all is committed")
    assert sorted(r.value for r in kafka.read(output)) == sorted(v for v in values if v not in bad)
    dead = kafka.read(f"{topic}.dlq")
    assert {(r.raw, dict(r.headers)["error"]) for r in dead} == {(value, b"RecursionError") for value in bad}
    assert {offset for _, offset in handler.seen("restore")} == {7, 100, 199}

    class Choosy(Recorder):
        def restore(self, records: Sequence[Record[Any]]) -> None:
            fail(records)
            super().restore(records)

    left_out = {"topic": topic, "error": "RecursionError"}
    with running(kafka.consumer_settings(group), topic, restored := Choosy(), restore=True):
        pass
    assert sorted(restored.seen("restore")) == [(0, n) for n in range(200) if n not in (7, 100, 199)]
    assert _sample("carbon_reader_left_out_total", **left_out) == 3


def test_the_dead_letter_of_a_message_that_leaves_no_room_for_its_headers_is_cut(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=1)
    huge = b"x" * 999_000
    kafka.produce(topic, [huge, b"1"])
    with running(kafka.consumer_settings(group), topic, Recorder(), decode=int):
        until(lambda: kafka.committed(group, topic) == {0: 2}, "the group goes on")
    [dead] = kafka.read(f"{topic}.dlq")
    headers = dict(dead.headers)
    assert (headers["original_bytes"], len(dead.raw)) == (b"999000", 950_000)
    assert len(headers["reason"]) < 3_000


def test_a_lost_producer_is_made_anew_once_and_a_rival_ends_the_loop(kafka: KafkaClient, group: str) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    settings = kafka.consumer_settings(group)
    rival = f"{group}.{settings.pod_name}"
    with running(settings, topic, handler := Recorder(output)) as loop:
        with TransactionalProducer(kafka.settings, rival):
            kafka.produce(topic, _values(3))
            until(lambda: kafka.committed(group, topic) == {0: 3}, "the batch is committed by a new producer")
        with TransactionalProducer(kafka.settings, rival):
            kafka.produce(topic, _values(3, "later"))
            assert loop.wait() == consumer.FAILED
    assert (0, 3) in handler.seen("process")
    assert kafka.committed(group, topic)[0] < 6
    assert [record.value for record in kafka.read(output)] == _values(3)


@pytest.mark.parametrize("stopped", [False, True])
def test_what_a_lost_producer_had_committed_is_neither_repeated_nor_forgotten(
    kafka: KafkaClient, group: str, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    topic, output = kafka.topic(partitions=1), kafka.topic(partitions=1)
    commit = sink._InTransaction.commit
    lost: list[int] = []

    def commits_and_is_lost(itself: Any, outputs: Sequence[Output], *given: Any) -> None:
        commit(itself, outputs, *given)
        if outputs and not lost:
            lost.append(len(outputs))
            if stopped:
                one.loop.stop()
            raise ProducerLost("its answer never came")

    monkeypatch.setattr(sink._InTransaction, "commit", commits_and_is_lost)
    labels = {"group": group, "topic": topic, "outcome": "processed"}
    with running(kafka.consumer_settings(group), topic, Recorder(output)) as one:
        kafka.produce(topic, [b"1"])
        until(lambda: lost == [1], "the producer is lost")
        if not stopped:
            until(lambda: _sample("carbon_consumer_records_total", **labels) == 1, "it is counted")
            kafka.produce(topic, [b"2"])
            until(lambda: kafka.committed(group, topic) == {0: 2}, "it goes on")
    assert [record.raw for record in kafka.read(output)] == ([b"1"] if stopped else [b"1", b"2"])


def test_without_kafka_it_fails_and_is_not_ready() -> None:
    kafka = KafkaClient("127.0.0.1:1")
    loop = ConsumerLoop(
        kafka.consumer_settings("g", kafka_wait_seconds=1), "topic", bytes, Recorder(), restore=False
    )
    assert not loop.ready()[0]
    assert loop.run() == consumer.FAILED
    assert not loop.ready()[0]


def test_it_is_not_ready_or_alive_while_a_batch_is_stuck(kafka: KafkaClient, group: str) -> None:
    topic, handler = kafka.topic(partitions=1), Recorder()
    stuck = [True]
    handler.before = lambda batch: until(lambda: not stuck[0], "it is let go", 60)
    settings = kafka.consumer_settings(group, ready_max_poll_age_seconds=0.5)
    with running(settings, topic, handler) as loop:
        assert loop.loop.alive()[0]
        kafka.produce(topic, _values(1))
        until(lambda: not loop.loop.ready()[0], "it is not ready")
        assert "last poll" in loop.loop.ready()[1]
        stuck[0] = False
        until(lambda: loop.loop.ready()[0], "it is ready again")


def test_an_unused_partition_costs_nothing_and_lag_is_dropped_with_the_partition(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=2)
    kafka.produce(topic, _values(5), partition=1)
    labels = {"group": group, "topic": topic}
    with running(kafka.consumer_settings(group), topic, Recorder()):
        until(lambda: kafka.committed(group, topic) == {1: 5}, "all is committed")
        until(
            lambda: (
                REGISTRY.get_sample_value("carbon_consumer_lag_messages", {**labels, "partition": "0"}) == 0
            ),
            "lag is known of an empty partition too",
        )
    for partition in ("0", "1"):
        known = REGISTRY.get_sample_value("carbon_consumer_lag_messages", {**labels, "partition": partition})
        assert known is None


def test_a_group_whose_offset_is_out_of_range_starts_at_the_oldest_record(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=1)
    kafka.produce(topic, _values(10))
    with running(kafka.consumer_settings(group), topic, Recorder()):
        until(lambda: kafka.committed(group, topic) == {0: 10}, "all is committed")
    kafka.produce(topic, _values(10, "later"))
    at = TopicPartition(topic, 0, 15)
    kafka.admin.delete_records([at])[at].result(30)
    with running(kafka.consumer_settings(group), topic, handler := Recorder(), restore=True):
        until(lambda: kafka.committed(group, topic) == {0: 20}, "all is committed")
    assert handler.seen("process") == [(0, n) for n in range(15, 20)]


def test_a_group_that_stands_beyond_the_end_of_a_topic_made_anew_reads_it_from_its_start(
    kafka: KafkaClient, group: str
) -> None:
    topic = kafka.topic(partitions=2)
    kafka.produce(topic, _values(10), partition=0)
    kafka.produce(topic, _values(10), partition=1)
    with running(kafka.consumer_settings(group), topic, Recorder()):
        until(lambda: kafka.committed(group, topic) == {0: 10, 1: 10}, "all is committed")
    # As after a restore: of the one partition less is there than was read, of the other all.
    at = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 500)])
    kafka.admin.alter_consumer_group_offsets([at])[group].result(30)
    kafka.produce(topic, _values(1, "later"), partition=1)
    with running(kafka.consumer_settings(group), topic, handler := Recorder(), restore=True):
        until(lambda: kafka.committed(group, topic) == {0: 10, 1: 11}, "all is committed")
    assert sorted(handler.seen("process")) == [*((0, n) for n in range(10)), (1, 10)]
    assert handler.seen("restore") == [(1, n) for n in range(10)]
