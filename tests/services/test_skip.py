"""`python -m workloads.kit.skip` on a group that one record stops."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from tests.services.clients import KafkaClient
from tests.services.loops import Recorder, running
from tests.services.servers import until
from tools.paths import ROOT
from workloads.kit import consumer
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.topics import PLATFORM_AUDIT
from workloads.kit.records import Record, Transient

GROUP = "stopped"


@pytest.fixture
def audit(kafka: KafkaClient) -> Iterator[None]:
    kafka.create(PLATFORM_AUDIT, 3)
    yield
    kafka.admin.delete_topics([PLATFORM_AUDIT])[PLATFORM_AUDIT].result(30)


def skip(kafka: KafkaClient, topic: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workloads.kit.skip", "--group", GROUP, "--topic", topic, *arguments],
        cwd=ROOT,
        env=os.environ | {"KAFKA_BOOTSTRAP": kafka.bootstrap},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("audit")
@pytest.mark.thorough
def test_a_stopped_group_goes_on_past_the_record_that_stops_it_and_past_no_other(kafka: KafkaClient) -> None:
    topic, output = kafka.topic(partitions=2), kafka.topic()
    kafka.produce(topic, [b"0", b"1", b"stops", b"3"], keys=["k"] * 4, partition=1)

    def fail(batch: Sequence[Record[Any]]) -> None:
        if any(record.value == b"stops" for record in batch):
            raise Transient("as if something were away, for ever")

    # A session that outlasts a busy machine: a member that was thrown out of its group would not be seen.
    settings = kafka.consumer_settings(GROUP, batch_max_records=1, kafka_session_timeout_ms=45_000)
    handler = Recorder(output)
    handler.before = fail
    with running(settings, topic, handler) as loop:
        until(lambda: kafka.committed(GROUP, topic) == {1: 2}, "the group stands at the record")
        loop.stop()

    stands = skip(kafka, topic)
    assert (stands.returncode, stands.stdout.count("\n")) == (0, 2), stands.stderr
    assert f"{topic}[0]: at its end" in stands.stdout
    assert f"{topic}[1]@2: key b'k', begins b'stops'" in stands.stdout

    for arguments, why in (
        (["--partition", "1", "--offset", "3", "--reason", "r"], "stands at offset 2"),
        (["--partition", "0", "--offset", "0", "--reason", "r"], "at its end"),
        (["--partition", "1", "--offset", "2"], "--reason"),
        (["--partition", "1", "--offset", "2", "--reason", " "], "--reason"),
    ):
        refused = skip(kafka, topic, *arguments)
        assert (refused.returncode, why in refused.stderr) == (2, True), refused.stderr
    assert kafka.committed(GROUP, topic) == {1: 2}

    given = ["--partition", "1", "--offset", "2", "--reason", "it ends the process", "--by", "on call"]
    done = skip(kafka, topic, *given)
    assert done.returncode == 0, done.stderr
    assert f"skipped {GROUP} {topic}[1]@2" in done.stdout
    assert kafka.committed(GROUP, topic) == {1: 3}
    [dead] = kafka.read(f"{topic}.dlq")
    headers = dict(dead.headers)
    assert (dead.raw, dead.key, headers["error"]) == (b"stops", b"k", b"Skipped")
    assert (headers["reason"], headers["skipped_by"]) == (b"it ends the process", b"on call")
    [audited] = kafka.read(PLATFORM_AUDIT)
    event = msgspec.json.decode(audited.raw, type=AuditEvent)
    assert (event.actor, event.action, event.reason) == ("on call", "skip", "it ends the process")
    assert event.subject == f"{GROUP} {topic}[1]@2"
    # Twice is once: the group does not stand there any more.
    assert skip(kafka, topic, *given).returncode == 2

    with running(settings, topic, Recorder(output)) as member:
        until(lambda: kafka.committed(GROUP, topic) == {1: 4}, "the group goes on")
        busy = skip(kafka, topic, "--partition", "1", "--offset", "4", "--reason", "r")
        assert (busy.returncode, "has members" in busy.stderr) == (2, True), busy.stderr
        assert member.stop() == consumer.STOPPED
    assert sorted(record.value for record in kafka.read(output)) == [b"0", b"1", b"3"]
