"""`python -m workloads.price_pipeline letters` on what two groups refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.prices import price
from tests.services.clients import KafkaClient
from tools.paths import ROOT
from workloads.kit.codec import encode
from workloads.kit.contracts.messages import AuditEvent, Price
from workloads.kit.contracts.topics import COMMODITY_PRICES, PLATFORM_AUDIT, dead_letter
from workloads.kit.dead_letters import letter

TOPICS = (COMMODITY_PRICES, dead_letter(COMMODITY_PRICES), PLATFORM_AUDIT)


@pytest.fixture
def topics(kafka: KafkaClient) -> Iterator[None]:
    for name in TOPICS:
        kafka.create(name, 3)
    yield
    for future in kafka.admin.delete_topics(list(TOPICS)).values():
        future.result(30)


def letters(kafka: KafkaClient, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workloads.price_pipeline", "letters", *arguments],
        cwd=ROOT,
        env=os.environ | {"KAFKA_BOOTSTRAP": kafka.bootstrap},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.usefixtures("topics")
def test_a_refused_message_is_repaired_and_sent_again_once_and_it_is_recorded(kafka: KafkaClient) -> None:
    bad = msgspec.json.encode(msgspec.json.decode(encode(price(3, 50.0))) | {"price": "fifty"})
    for group in ("analytics-consumer", "prediction-consumer"):
        headers = {"topic": COMMODITY_PRICES, "partition": 1, "offset": 7, "group": group, "error": "E"}
        one = letter(COMMODITY_PRICES, "WTI", bad, {**headers, "reason": "no number"})
        kafka.produce(one.topic, [one.value or b""], keys=["WTI"], headers=one.headers)
    row = letter(COMMODITY_PRICES, "WTI", b"2026-01-02,", {"workload": "price-pipeline", "source": "s"})
    kafka.produce(row.topic, [row.value or b""], keys=["WTI"], headers=row.headers)

    [found] = answer(letters(kafka, "--symbol", "WTI"))["letters"]
    assert (found["place"], found["reason"], found["sent_again"]) == ("1@7", "no number", None)
    assert found["groups"] == ["analytics-consumer", "prediction-consumer"]

    refused = letters(kafka, "--at", "1@7", "--send", "--reason", "retry")
    assert refused.returncode == 2
    assert "1@7" in refused.stderr
    assert "nothing was sent" in refused.stderr
    assert kafka.read(COMMODITY_PRICES) == []

    send = ("--at", "1@7", "--set", "price=-4.2", "--send", "--reason", "a slip of the feed", "--by", "ops")
    assert answer(letters(kafka, *send)) == {"sent": 1, "sent_before": 0}
    assert answer(letters(kafka, *send)) == {"sent": 0, "sent_before": 1}
    [sent] = kafka.read(COMMODITY_PRICES)
    assert sent.key == b"WTI"
    assert msgspec.json.decode(sent.value, type=Price) == price(3, -4.2)
    [event] = [msgspec.json.decode(r.value, type=AuditEvent) for r in kafka.read(PLATFORM_AUDIT)]
    assert (event.actor, event.action, event.subject) == ("ops", "resend", f"{COMMODITY_PRICES} 1@7")
    assert (event.reason, event.detail) == ("a slip of the feed", {"price": -4.2})
    assert answer(letters(kafka))["letters"][0]["sent_again"] == event.at.isoformat()


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize(
    "given", [["--set", "prise=1"], ["--at", "7"], ["--at", "9@9"], ["--since", "yesterday"]]
)
def test_a_wrong_argument_is_refused_by_name(kafka: KafkaClient, given: list[str]) -> None:
    done = letters(kafka, *given)
    assert done.returncode == 2
    assert given[1] in done.stderr
