"""Event to prediction: from a price's sending to its prediction's arrival at a reader of committed messages,
at a steady rate of prices.

Through the live platform where the instance is up, else through local processes: three brokers, PostgreSQL, a
model server and three replicas of prediction-consumer.
"""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
from confluent_kafka import Consumer, TopicPartition

from tests.bench import chain as chains
from tests.bench import contenders
from tests.bench.chain import http_server
from tests.bench.consumer import raw_settings
from tests.bench.measure import Failure, in_turn, percentile, sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig, new_topic
from tests.cluster import kafka as live
from tests.services.clients import KafkaClient
from tests.services.consumers import Group, running
from tests.services.servers import Process, free_ports, until
from tools import kube, paths
from tools.console import Step, step
from tools.errors import ToolError
from workloads.kit.contracts import env, topics
from workloads.kit.contracts.declared.services import KAFKA
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.features import WINDOW

_RATE = 1_000
_REPLICAS = 3
_LATE = 1.1
"""How much longer than at its rate a load may take and still count as one of that rate."""
_PATIENCE = 60.0
"""Seconds that predictions may take to arrive after the last price, before the rest counts as lost."""


class _Event(msgspec.Struct):
    """What is read of a prediction, and of a copied price."""

    source: str
    event_time: datetime | None = None
    delivery_start: datetime | None = None


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from sending to arrival; `written` is the median until the prediction's own timestamp."""

    p50: float
    p95: float
    p99: float
    written: float


@dataclass(frozen=True)
class Way:
    """Where prices go in and predictions come out."""

    kafka: KafkaClient
    symbols: Sequence[str]
    predicting: Callable[[], ExitStack]
    """Starts the consumers of the prices; its exit stops them."""
    words: str


def run(rig: Rig, step_: Step) -> list[Figure]:
    way = _way(rig)
    count = rig.sized(20, 3) * _RATE
    results = in_turn(
        {"ours": lambda: _ours(way, count), "raw": lambda: _raw(rig, way, count)}, rig.sized(3, 1), step_
    )
    figures: list[Figure] = []
    for name in ("p50", "p95", "p99"):
        found = {who: sample(of, lambda one, name=name: getattr(one, name)) for who, of in results.items()}
        figures.append(
            Figure(
                name=f"event to prediction, {name} at {_RATE:,} messages/s",
                unit="ms",
                ours=found["ours"],
                others=[Other("raw loop that copies", "limit", found["raw"])],
                aims=[at_most(found["ours"], 250)] if name == "p99" else [],
                note=_note(way, results["ours"]) if name == "p99" else "",
            )
        )
    return figures


def _note(way: Way, results: list[Latency] | Failure) -> str:
    if isinstance(results, Failure):
        return way.words
    written = sorted(one.written for one in results)[len(results) // 2]
    p50 = sorted(one.p50 for one in results)[len(results) // 2]
    return (
        f"{way.words}; of {p50:.0f} ms (p50) {written:.0f} ms are batching, features, model and table, until"
        f" the prediction is written, {p50 - written:.0f} ms its transaction, until it is committed and read"
    )


def _ours(way: Way, count: int) -> Latency:
    with way.predicting():
        return _measure(way, topics.ML_PREDICTIONS, count)


def _raw(rig: Rig, way: Way, count: int) -> Latency:
    """A bare loop in the place of the prediction: what the brokers and transactions take."""
    target = new_topic(way.kafka, "latency")
    settings = {
        **raw_settings(way.kafka, transactional=True),
        "input": topics.COMMODITY_PRICES,
        "output": target,
        "group": target,
        # Others may publish to the topic as well: it runs until it is killed.
        "count": sys.maxsize,
        "batch": 1_000,
        "from_end": True,
    }
    log = rig.directory / f"{target}.log"
    process = Process(contenders.command("peers/raw_loop", settings), log)
    try:
        until(lambda: _assigned(process), "the raw loop is assigned its partitions", 60)
        return _measure(way, target, count)
    finally:
        process.stop(signal.SIGKILL)
        way.kafka.admin.delete_topics([target])[target].result(30)


def _assigned(process: Process) -> bool:
    if not process.running():
        raise RuntimeError(f"the raw loop ended: {process.tail(5)}")
    return "assigned" in process.log.read_text()


def _warm_up(way: Way) -> int:
    """Prices until every symbol's window is full."""
    return len(way.symbols) * (WINDOW + 10)


def _measure(way: Way, topic: str, count: int) -> Latency:
    with reading(way.kafka.bootstrap, topic) as reader:
        warm, timed = (f"bench-{kind}-{secrets.token_hex(4)}" for kind in ("warm", "timed"))
        _collect(reader, _load(way, warm, _warm_up(way)), warm, _warm_up(way))
        met, seconds = _collect(reader, _load(way, timed, count), timed, count)
    if seconds > _LATE * count / _RATE + 1:
        raise RuntimeError(f"the load of {count} took {seconds} s: that is not {_RATE} a second")
    totals = sorted(total for total, _ in met)
    p50, p95, p99 = (percentile(totals, share) for share in (0.5, 0.95, 0.99))
    return Latency(p50, p95, p99, percentile(sorted(written for _, written in met), 0.5))


def _load(way: Way, source: str, count: int) -> subprocess.Popen[str]:
    """The platform's own paced load."""
    command = [sys.executable, "-m", "workloads.price_pipeline", "load", "--source", source]
    sizes = ["--count", str(count), "--rate", str(_RATE), "--symbols", ",".join(way.symbols)]
    sizes += ["--deadline", str(count / _RATE + _PATIENCE)]
    return subprocess.Popen(
        [*command, *sizes],
        cwd=paths.ROOT,
        env={**os.environ, env.KAFKA_BOOTSTRAP: way.kafka.bootstrap, env.PROVENANCE: "synthetic"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _collect(
    reader: Consumer, load: subprocess.Popen[str], source: str, count: int
) -> tuple[list[tuple[float, float]], float]:
    """(until arrival, until the message's timestamp) of each message of `source`, in ms; and the seconds that
    the load took until all was acknowledged."""
    decode = msgspec.json.Decoder(_Event).decode
    met: list[tuple[float, float]] = []
    deadline: float | None = None
    try:
        while len(met) < count:
            message = reader.poll(0.2)
            now = time.time()
            if message is not None and message.error() is None:
                event = decode(message.value() or b"")
                if event.source == source:
                    at = event.event_time or event.delivery_start
                    sent = at.timestamp() if at else math.nan
                    met.append(((now - sent) * 1000, message.timestamp()[1] - sent * 1000))
            if deadline is None and load.poll() is not None:
                deadline = time.monotonic() + _PATIENCE
            if deadline is not None and time.monotonic() > deadline:
                raise RuntimeError(f"{count - len(met)} of {count} did not arrive within {_PATIENCE:g} s")
        said = load.communicate(timeout=_PATIENCE)[0]
    finally:
        if load.poll() is None:
            load.kill()
            load.wait()
    return met, float(json.loads(said.splitlines()[-1])["seconds"])


@contextmanager
def reading(bootstrap: str, topic: str) -> Iterator[Consumer]:
    """A reader of what is committed to a topic from now on."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
            "logger": logging.getLogger("librdkafka"),
        }
    )
    try:
        partitions = reader.list_topics(topic, timeout=30).topics[topic].partitions
        ends = [
            TopicPartition(topic, at, reader.get_watermark_offsets(TopicPartition(topic, at), timeout=30)[1])
            for at in partitions
        ]
        reader.assign(ends)
        yield reader
    finally:
        reader.close()


def _way(rig: Rig) -> Way:
    if _is_up():
        symbols = [f"SYN-LOAD-{n}" for n in range(1, 9)]
        client = KafkaClient(live.bootstrap(), KAFKA.reach.replicas if KAFKA.reach else 1)
        return Way(client, symbols, ExitStack, f"live platform, instance {paths.instance()}")
    chains.with_models(rig)
    symbols = ["SYN-POWER-DE"] if rig.quick else [f"SYN-{name}" for name in _MODELLED]

    def predicting() -> ExitStack:
        stack = ExitStack()
        try:
            url = rig.once(_model_server)
            directory = rig.new_directory(f"predictions-{secrets.token_hex(3)}")
            with step(f"{_REPLICAS} prediction consumers"):
                group: Group = stack.enter_context(
                    running(
                        "workloads.prediction_consumer",
                        rig.kafka,
                        rig.database,
                        directory,
                        replicas=_REPLICAS,
                        MODEL_SERVER_URL=url,
                    )
                )
                group.finish(300)
                until(lambda: all(r.ready() for r in group.replicas), "every replica is ready", 60)
        except BaseException:
            stack.close()
            raise
        return stack

    words = f"local processes: 3 brokers, PostgreSQL, 1 model server, {_REPLICAS} prediction consumers"
    return Way(rig.kafka, symbols, predicting, words)


_MODELLED = ("POWER-DE", "POWER-FR", "GAS-TTF", "GAS-NBP", "COAL-API2", "CARBON-EUA", "OIL-BRENT", "OIL-WTI")


def _is_up() -> bool:
    """Whether the instance's platform predicts."""
    if not os.path.exists(kube.kubeconfig()):
        return False
    try:
        items = kube.get("deployments", "-n", PLATFORM)["items"]
    except ToolError:
        return False
    ready = {item["metadata"]["name"] for item in items if item.get("status", {}).get("readyReplicas")}
    return {"prediction-consumer", "model-server"} <= ready


def _model_server(rig: Rig) -> str:
    chain, port = rig.once(chains.start), free_ports(1)[0]
    directory = rig.new_directory("model-server")
    given = {
        **chain.environment("model_server"),
        "PORT": str(port),
        "MODELS_DIR": str(directory / "models"),
        "METRICS_DIR": str(directory / "metrics"),
    }
    command = [sys.executable, "-m", "workloads.model_server"]
    return rig.enter(http_server(command, directory / "model-server.log", given, port, "/readyz"))
