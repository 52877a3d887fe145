"""The price pipeline as a process against real Kafka and PostgreSQL."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.servers import Kafka, Process, free_ports, until
from tools.paths import ROOT, cache_dir
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import AuditEvent, Price
from workloads.kit.records import Record
from workloads.price_pipeline.market_data.export import export
from workloads.price_pipeline.settings import DEFAULT_SOURCES

DEAD = topics.dead_letter(topics.COMMODITY_PRICES)
TOPICS = (
    topics.COMMODITY_PRICES,
    DEAD,
    topics.MARKET_INDICATORS,
    topics.dead_letter(topics.MARKET_INDICATORS),
    topics.PLATFORM_AUDIT,
)


@dataclass
class Platform:
    """The topics, the database and a sources file of one test."""

    kafka: KafkaClient
    directory: Path
    env: dict[str, str]
    started: list[Process] = field(default_factory=list)

    def sources(self, *configs: dict[str, Any]) -> None:
        """Configure these sources and no others."""
        (self.directory / "sources.yaml").write_text(yaml.safe_dump({"sources": list(configs)}))

    def csv(self, name: str, lines: Sequence[str], **changed: Any) -> dict[str, Any]:
        """A CSV source of `date,price` for WTI, its file written."""
        path = self.directory / f"{name}.csv"
        path.write_text("\n".join(["date,price", *lines]) + "\n")
        return {
            "kind": "csv",
            "name": name,
            "path": str(path),
            "market": "crude",
            "columns": {"event_time": "date", "prices": {"price": "WTI"}},
        } | changed

    def command(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the pipeline to its end."""
        return subprocess.run(
            [sys.executable, "-m", "workloads.price_pipeline", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def run(self, *arguments: str) -> None:
        """Run the pipeline's `run`, which has to succeed."""
        done = self.command("run", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *arguments: str, **env: str) -> Process:
        """Start the pipeline; it is killed at the test's end."""
        log = self.directory / f"{arguments[0]}-{len(self.started)}.log"
        environment = {**self.env, "PYTHONPATH": str(ROOT), **env}
        process = Process([sys.executable, "-m", "workloads.price_pipeline", *arguments], log, environment)
        self.started.append(process)
        return process

    def records(self) -> list[Record[bytes]]:
        """What is on commodity-prices, partition by partition in order."""
        return self.kafka.read(topics.COMMODITY_PRICES)

    def begun(self) -> bool:
        """Whether a transaction is committed already."""
        return any(self.kafka.ends(topics.COMMODITY_PRICES).values())

    def prices(self, source: str | None = None) -> list[Price]:
        """What is there as messages, of one source or of all."""
        decoded = [msgspec.json.decode(record.raw, type=Price) for record in self.records()]
        return [price for price in decoded if source in (None, price.source)]

    def ends(self) -> dict[str, dict[int, int]]:
        return {topic: self.kafka.ends(topic) for topic in (topics.COMMODITY_PRICES, DEAD)}


def identities(prices: Sequence[Price]) -> Counter[tuple[str, str, datetime]]:
    return Counter((price.source, price.symbol, price.delivery_start) for price in prices)


def create_topics(client: KafkaClient) -> None:
    for name in TOPICS:
        client.create(name, next(topic.partitions for topic in topics.DECLARED if topic.name == name))


@pytest.fixture
def platform_topics(kafka: KafkaClient) -> Iterator[KafkaClient]:
    """The pipeline's topics under their real names, empty."""
    create_topics(kafka)
    try:
        yield kafka
    finally:
        for deleted in kafka.admin.delete_topics(list(TOPICS)).values():
            deleted.result(30)
        until(
            lambda: not set(TOPICS) & set(kafka.admin.list_topics(timeout=10).topics), "the topics are gone"
        )


@pytest.fixture
def platform(platform_topics: KafkaClient, database: MigratedDatabase, tmp_path: Path) -> Iterator[Platform]:
    env = {
        "KAFKA_BOOTSTRAP": platform_topics.bootstrap,
        "SOURCES_FILE": str(tmp_path / "sources.yaml"),
        "PROVENANCE": "market,replay,synthetic",
        **database.env("price_pipeline"),
    }
    made = Platform(platform_topics, tmp_path, env)
    try:
        yield made
    finally:
        for process in made.started:
            process.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The real series, as the image has them."""
    requirements = ROOT / "workloads" / "price_pipeline" / "market_data" / "requirements.txt"
    directory = cache_dir() / "market-data" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    if not (directory / "LICENSE.md").exists():
        wheels = directory / "wheels"
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
                *("--only-binary=:all:", "--dest", str(wheels), "--requirement", str(requirements)),
            ],
            check=True,
        )
        (wheel,) = wheels.glob("arch-*.whl")
        export(wheel, directory)
    return directory


SYNTHETIC = {
    "kind": "synthetic",
    "start": "2024-01-01",
    "symbols": [
        {"symbol": f"SYN-{n}", "market": "m", "currency": "EUR", "unit": "t", "level": 50}
        | {"reversion": 0.1, "volatility": 0.02}
        for n in range(4)
    ],
}


def test_all_of_the_history_is_published_within_a_minute_and_a_second_run_adds_nothing(
    platform: Platform, market_data: Path, database: MigratedDatabase
) -> None:
    configured = yaml.safe_load(DEFAULT_SOURCES.read_text())["sources"]
    for source in configured:
        if "path" in source:
            source["path"] = str(market_data / Path(source["path"]).name)
    platform.sources(*configured)

    platform.run()
    first = platform.ends()
    prices = platform.prices()
    platform.run()

    assert platform.ends() == first
    by_source = Counter(price.source for price in prices)
    today = datetime.now(UTC)
    days = (today.date() - date(2017, 1, 1)).days + (today.hour >= 17)
    assert by_source["crude-daily"] == 7317
    assert by_source["crude-monthly"] == 2 * 345
    assert 0 <= by_source["synthetic"] - 8 * days <= 8
    assert by_source.total() == sum(by_source[name] for name in ("crude-daily", "crude-monthly", "synthetic"))
    assert max(identities(prices).values()) == 1
    assert max(p.delivery_start for p in prices if p.symbol == "WTI") == datetime(2015, 1, 2, tzinfo=UTC)
    assert max(p.delivery_start for p in prices if p.symbol == "BRENT-M") == datetime(2016, 1, 1, tzinfo=UTC)
    for price in prices:
        assert price.published_at <= today + timedelta(minutes=2)
        assert price.symbol.startswith("SYN-") == (price.provenance == "synthetic")
        assert not price.correction
    for record in platform.records():
        assert record.key == msgspec.json.decode(record.raw, type=Price).symbol.encode()

    runs = database.query("SELECT status, finished_at - started_at, detail FROM job_runs ORDER BY started_at")
    assert [(status, detail["failed"]) for status, _, detail in runs] == [("succeeded", {})] * 2
    assert runs[0][1] < timedelta(minutes=1)
    counts = [detail["sources"] for *_, detail in runs]
    assert {name: c["published"] for name, c in counts[0].items()} == dict(by_source)
    assert counts[0]["crude-daily"]["unobserved"] > 0
    assert [c["published"] + c["corrections"] for c in counts[1].values()] == [0, 0, 0]


def test_a_change_is_published_as_a_correction_and_one_behind_the_look_back_by_a_backfill(
    platform: Platform,
) -> None:
    platform.sources(platform.csv("daily", ["2015-01-02,50", "2020-01-02,60", "2020-01-03,-37.63"]))
    platform.run()

    platform.sources(platform.csv("daily", ["2015-01-02,51", "2020-01-02,61", "2020-01-03,-37.63"]))
    platform.run()
    assert [(p.price, p.correction) for p in platform.prices()] == [
        (50.0, False),
        (60.0, False),
        (-37.63, False),
        (61.0, True),
    ]

    platform.run("--backfill", "2015-01-01", "2015-01-31")
    corrected = platform.prices()[-1]
    assert (corrected.price, corrected.correction) == (51.0, True)
    assert datetime.now(UTC) - corrected.published_at < timedelta(minutes=2)
    before = platform.ends()
    platform.run("--backfill", "2015-01-01", "2026-01-31")
    assert platform.ends() == before


def test_a_price_is_withdrawn_by_its_source_and_by_hand_and_comes_again(platform: Platform) -> None:
    def withdraw(*more: str, code: int = 0) -> Any:
        given = ("--source", "daily", "--symbol", "WTI", "--since", "2020-01-02", "--until", "2020-01-03")
        done = platform.command("withdraw", *given, *more)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if code == 0 else done.stderr

    rows = ["2020-01-02,60", "2020-01-03,61", "2020-01-06,62"]
    platform.sources(platform.csv("daily", rows, withdrawn=[""]))
    platform.run()
    platform.sources(platform.csv("daily", ["2020-01-02,60", "2020-01-03,", "2020-01-06,62"], withdrawn=[""]))
    platform.run()
    assert [(p.price, p.withdrawn) for p in platform.prices()[3:]] == [(61.0, "source")]

    # What holds there is looked at first, whole days; without a reason nothing is taken back.
    assert [price["price"] for price in withdraw()["prices"]] == [60.0]
    before = platform.ends()
    assert "--reason" in withdraw("--send", code=2)
    assert "no price of symbol WTY" in withdraw("--symbol", "WTY", code=2)
    assert platform.ends() == before
    assert withdraw("--send", "--reason", "a slip of the feed", "--by", "ops") == {"withdrawn": 1}
    assert withdraw("--send", "--reason", "again") == {"withdrawn": 0}
    taken = platform.prices()[-1]
    assert (taken.price, taken.withdrawn, taken.correction) == (60.0, "platform", True)
    [event] = [
        msgspec.json.decode(record.raw, type=AuditEvent)
        for record in platform.kafka.read(topics.PLATFORM_AUDIT)
    ]
    assert (event.actor, event.action, event.detail) == ("ops", "withdraw", {"prices": 1})

    # The source still says what was taken back; what it withdrew itself comes again as it gives it.
    platform.sources(platform.csv("daily", rows, withdrawn=[""]))
    platform.run()
    assert [(p.price, p.withdrawn) for p in platform.prices()[5:]] == [(61.0, None)]
    assert withdraw("--undo", "--send", "--reason", "it was right") == {"published_again": 1}
    assert (platform.prices()[-1].price, platform.prices()[-1].withdrawn) == (60.0, None)
    ends = platform.ends()
    platform.run()
    assert platform.ends() == ends

    # What the source withdraws while it is recalled is not for us to publish again.
    assert withdraw("--send", "--reason", "wrong after all") == {"withdrawn": 2}
    platform.sources(platform.csv("daily", ["2020-01-02,", *rows[1:]], withdrawn=[""]))
    platform.run()
    assert withdraw("--undo", "--send", "--reason", "the rest was right") == {"published_again": 1}
    assert [price["price"] for price in withdraw()["prices"]] == [61.0]


def test_a_refused_row_is_on_the_dead_letter_topic_once_with_its_bytes_and_reason(
    platform: Platform, database: MigratedDatabase
) -> None:
    platform.sources(
        platform.csv("daily", ["2020-01-02,60", "2020-01-03,sixty", "2020-01-06,.", "2020-01-07,61"])
    )
    platform.run()
    platform.run()

    (letter,) = platform.kafka.read(DEAD)
    headers = dict(letter.headers)
    assert letter.raw == b"2020-01-03,sixty"
    assert (headers["source"], headers["error"]) == (b"daily", b"price")
    assert b"'sixty' is not a number" in headers["reason"]
    assert [price.price for price in platform.prices()] == [60.0, 61.0]
    ((first,), (second,)) = database.query("SELECT detail->'sources'->'daily' FROM job_runs ORDER BY id")
    expected = {"refused": 1, "unobserved": 1}
    assert {key: first[key] for key in expected} == {key: second[key] for key in expected} == expected
    assert (first["dead_lettered"], second.get("dead_lettered", 0)) == (1, 0)


def test_a_source_that_fails_is_named_and_the_others_are_published(
    platform: Platform, database: MigratedDatabase
) -> None:
    broken = platform.csv("broken", []) | {"path": str(platform.directory / "absent.csv")}
    platform.sources(broken, platform.csv("daily", ["2020-01-02,60"]))

    done = platform.command("run")

    assert done.returncode == 1
    assert "absent.csv cannot be read" in done.stdout
    assert [price.source for price in platform.prices()] == ["daily"]
    ((status, detail),) = database.query("SELECT status, detail FROM job_runs")
    assert status == "failed"
    assert "absent.csv" in detail["failed"]["broken"]
    assert "source broken" in detail["error"]
    assert detail["sources"]["daily"]["published"] == 1
    platform.run("--source", "daily")


def test_a_refused_row_too_large_for_a_message_is_cut_once_and_holds_no_source_back(
    platform: Platform,
) -> None:
    huge = "2020-01-03," + "9" * 1_500_000
    platform.sources(
        platform.csv("first", ["2020-01-02,60", huge, "2020-01-06,61"]),
        platform.csv("second", ["2020-01-02,70"]),
    )
    platform.run()
    platform.run()

    assert [(price.source, price.price) for price in platform.prices()] == [
        ("first", 60.0),
        ("first", 61.0),
        ("second", 70.0),
    ]
    (letter,) = platform.kafka.read(DEAD)
    headers = dict(letter.headers)
    assert huge.encode().startswith(letter.raw)
    assert headers["original_bytes"] == b"%d" % len(huge)
    assert headers["error"] == b"price"


def test_what_no_consumer_takes_for_a_price_stops_neither_a_run_nor_a_price_by_hand(
    platform: Platform,
) -> None:
    good = msgspec.json.encode(
        Price(
            source="daily",
            market="crude",
            symbol="WTI",
            product="spot",
            delivery_start=datetime(2020, 1, 2, tzinfo=UTC),
            delivery_end=datetime(2020, 1, 3, tzinfo=UTC),
            resolution="P1D",
            published_at=datetime(2020, 1, 2, tzinfo=UTC),
            price=60.0,
            currency="USD",
            unit="bbl",
            provenance="market",
        )
    )
    bad = [
        b'{"x": ' + b"[" * 5_000,
        good[:-1] + b',"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        good.replace(b"2020", b"0001").replace(b"60.0", b"61.0"),
        good.replace(b"60.0", b"1e308"),
        None,
        b"",
        b"\x00\x00\x00\x00\x01avro",
    ]
    platform.kafka.produce(topics.COMMODITY_PRICES, [*bad, good], keys=["WTI"] * (len(bad) + 1))
    platform.sources(platform.csv("daily", ["2020-01-02,60", "2020-01-03,61"]))

    done = platform.command("run")
    injected = platform.command("inject", "--symbol", "WTI", "--price", "80")

    assert (done.returncode, injected.returncode) == (0, 0), done.stdout + injected.stderr
    [left_out] = [json.loads(line) for line in done.stdout.splitlines() if '"left_out"' in line]
    assert (left_out["messages"], left_out["errors"]["NoValue"]) == (len(bad), 1)
    [daily] = [json.loads(line) for line in done.stdout.splitlines() if '"source_done"' in line]
    # What was there already is known, though it stands behind all of these.
    assert (daily["published"], daily["skipped"]) == (1, 1)
    assert json.loads(injected.stdout.splitlines()[-1])["outcome"] == "published"


def test_an_error_that_no_one_foresaw_fails_its_source_alone(platform: Platform) -> None:
    (platform.directory / "password").write_bytes(b"\xff")
    odd = platform.csv("odd", []) | {
        "kind": "sql",
        "host": "127.0.0.1",
        "database": "d",
        "user": "u",
        "query": "q",
    }
    odd |= {"password_file": odd.pop("path").replace("odd.csv", "password")}
    platform.sources(odd, platform.csv("daily", ["2020-01-02,60"]))

    done = platform.command("run")

    assert done.returncode == 1
    assert "UnicodeDecodeError" in done.stdout
    assert [price.source for price in platform.prices()] == ["daily"]


def test_a_run_killed_on_its_way_is_completed_by_the_next(platform: Platform) -> None:
    platform.sources(SYNTHETIC)
    killed = platform.start("run", TRANSACTION_ROWS="5")
    until(platform.begun, "the first transactions are committed", every=0.01)
    killed.kill()
    part = len(platform.records())
    whole = ((datetime.now(UTC) - timedelta(hours=17)).date() - date(2024, 1, 1)).days * 4

    platform.run()

    prices = platform.prices()
    assert 0 < part < whole, "the kill met nothing on its way"
    assert part % 5 == 0
    assert whole <= len(prices) <= whole + 8
    assert max(identities(prices).values()) == 1
    for symbol in ("SYN-0", "SYN-1", "SYN-2", "SYN-3"):
        times = [price.delivery_start for price in prices if price.symbol == symbol]
        assert times == [times[0] + timedelta(days=n) for n in range(len(times))]


def test_of_two_runs_at_once_the_newer_holds_and_each_price_is_there_once(platform: Platform) -> None:
    platform.sources(SYNTHETIC)
    older = platform.start("run", TRANSACTION_ROWS="1")
    until(platform.begun, "the first transactions are committed", every=0.01)
    # Held up, so that it is not through before the newer one has begun.
    older.send(signal.SIGSTOP)
    assert older.running(), "the older run was through too soon"

    platform.run()

    older.send(signal.SIGCONT)
    assert older.wait(60) == 1
    assert "ProducerLost" in older.tail()
    assert max(identities(platform.prices()).values()) == 1
    before = platform.ends()
    platform.run()
    assert platform.ends() == before


@dataclass
class Replayed:
    """A replay of twelve withheld daily prices and four monthly ones."""

    platform: Platform
    port: int = field(default_factory=lambda: free_ports(1)[0])

    def __post_init__(self) -> None:
        old = [f"{year}-01-05,{year - 1950}" for year in range(2000, 2016)]
        daily = [f"2016-01-{day:02},{day}" for day in range(6, 18)]
        monthly = [f"2016-{month:02}-10,{month}" for month in (1, 2, 3, 4)]
        columns = {"event_time": "date", "prices": {"price": "WTI-M"}}
        self.platform.sources(
            self.platform.csv("daily", [*old, *daily], withhold_years=1),
            self.platform.csv("monthly", ["2010-01-05,1", *monthly], withhold_years=1, columns=columns),
            {"kind": "replay", "of": ["daily", "monthly"]},
        )

    def start(self, interval: float, **env: str) -> Process:
        values = {"METRICS_PORT": str(self.port), "REPLAY_INTERVAL_SECONDS": str(interval), **env}
        return self.platform.start("replay", **values)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def prices(self) -> list[Price]:
        return [price for price in self.platform.prices() if price.provenance == "replay"]


@pytest.mark.thorough
def test_the_withheld_prices_are_replayed_each_once_across_stops_and_kills(platform: Platform) -> None:
    replayed = Replayed(platform)
    platform.run()
    history = platform.prices()

    # So slow that it cannot come to its end before it is stopped, however slow the machine is.
    first = replayed.start(5)
    until(lambda: len(replayed.prices()) >= 3, "three steps are published")
    assert replayed.get("/readyz")[0] == 200
    first.send(signal.SIGTERM)
    assert first.wait() == 0
    reached = len(replayed.prices())
    second = replayed.start(5)
    until(lambda: len(replayed.prices()) > reached, "the replay goes on")
    second.kill()
    last = replayed.start(0.2)
    until(lambda: "ended: all 15 steps" in replayed.get("/readyz")[1], "the last step is published")
    assert "carbon_replay_steps_published 15.0" in replayed.get("/metrics")[1]
    assert "carbon_replay_steps 15.0" in replayed.get("/metrics")[1]
    assert last.running()
    assert "replay_ended" in last.log.read_text()

    prices = replayed.prices()
    daily = sorted((p for p in prices if p.symbol == "WTI"), key=lambda p: p.delivery_start)
    monthly = sorted((p for p in prices if p.symbol == "WTI-M"), key=lambda p: p.delivery_start)
    assert [p.price for p in daily] == list(range(6, 18))
    assert [p.replayed_from for p in daily] == [datetime(2016, 1, day, tzinfo=UTC) for day in range(6, 18)]
    # One grid for both: a step is as far from the one before it as the interval of the process that made it.
    steps = sorted({p.delivery_start for p in prices})
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(steps)]
    assert len(steps) == 15
    assert set(gaps) == {5, 0.2}
    assert gaps == sorted(gaps, reverse=True), "the slow ones came first"
    assert [steps.index(p.delivery_start) for p in daily] == list(range(12))
    assert [steps.index(p.delivery_start) for p in monthly] == [4, 12, 13, 14]
    assert {p.source for p in prices} == {"daily-replay", "monthly-replay"}
    assert [p for p in platform.prices() if p.provenance == "market"] == history
    assert not {p.replayed_from for p in prices} & {p.delivery_start for p in history}

    before = platform.ends()
    platform.run()
    assert platform.ends() == before


def test_a_replay_can_exit_at_its_end(platform: Platform) -> None:
    replay = Replayed(platform).start(0.01, REPLAY_AT_END="exit")

    assert replay.wait(60) == 0
    assert "replay_ended" in replay.tail()


def test_a_run_publishes_the_steps_that_are_due_where_the_replay_is_its_own(platform: Platform) -> None:
    held = platform.csv("daily", ["2010-01-05,1", "2015-01-06,2", "2015-01-07,3"], withhold_years=1)
    platform.sources(held, {"kind": "replay", "of": ["daily"], "published_by": "run", "interval": "P1D"})

    platform.run()
    platform.run()

    assert [(p.source, p.price) for p in platform.prices("daily-replay")] == [("daily-replay", 2.0)]
    assert platform.command("replay").returncode == 2


def test_a_price_can_be_published_by_hand_and_is_checked_like_every_other(platform: Platform) -> None:
    platform.sources(platform.csv("daily", ["2020-01-02,60"]))
    platform.run()

    def inject(price: str, *more: str) -> dict[str, Any]:
        done = platform.command("inject", "--symbol", "WTI", "--price", price, *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    at = "2026-01-02T10:00:00Z"
    assert inject("80")["outcome"] == "published"
    assert inject("81", "--event-time", at)["outcome"] == "published"
    assert inject("82", "--event-time", at)["outcome"] == "corrected"
    assert inject("82", "--event-time", at)["outcome"] == "known"
    manual = platform.prices("manual")
    assert [(p.price, p.correction) for p in manual] == [(80.0, False), (81.0, False), (82.0, True)]
    assert {(p.market, p.currency, p.unit, p.provenance) for p in manual} == {
        ("crude", "USD", "bbl", "market")
    }

    for arguments in (
        ["--symbol", "WTI", "--price", "inf"],
        ["--symbol", "WTI", "--price", "."],
        ["--symbol", "WTI", "--price", "80", "--event-time", "2126-01-02"],
        ["--symbol", "WTI", "--price", "80", "--event-time", "tomorrow"],
        ["--symbol", "NEW", "--price", "80"],
    ):
        refused = platform.command("inject", *arguments)
        assert refused.returncode == 2, arguments
        assert len(refused.stderr.splitlines()) == 1
    assert platform.prices("manual") == manual


@pytest.mark.thorough
def test_a_load_is_delivered_once_though_a_broker_is_killed(tmp_path: Path) -> None:
    cluster = Kafka(tmp_path / "kafka", brokers=3)
    client = KafkaClient(cluster.bootstrap, replication=3)
    client.create(topics.COMMODITY_PRICES, 6, {"min.insync.replicas": "2"})
    platform = Platform(client, tmp_path, {"KAFKA_BOOTSTRAP": cluster.bootstrap, "PROVENANCE": "synthetic"})
    try:
        load = platform.start("load", "--count", "20000", "--rate", "2000")
        reached = 0

        def on_its_way() -> bool:
            nonlocal reached
            reached = sum(client.ends(topics.COMMODITY_PRICES).values())
            return reached > 2000

        until(on_its_way, "the load is on its way")
        cluster.brokers[1].kill()
        assert reached < 18_000, "the kill met no load"
        assert load.running()
        assert load.wait(120) == 0, load.tail()

        summary = json.loads(load.tail(1))
        prices = platform.prices()
        assert summary["acknowledged"] == summary["requested"] == len(prices) == 20_000
        assert max(identities(prices).values()) == 1
        for symbol, series in summary["symbols"].items():
            times = [p.delivery_start for p in prices if p.symbol == symbol]
            assert times == sorted(times)
            assert (series["count"], series["first"], series["last"]) == (
                len(times),
                times[0].isoformat(),
                times[-1].isoformat(),
            )
        assert {p.provenance for p in prices} == {"synthetic"}
        assert {p.source for p in prices} == {"load"}
    finally:
        for process in platform.started:
            process.stop(signal.SIGKILL)
        cluster.stop()


def test_a_load_that_cannot_be_delivered_fails_and_says_so(platform: Platform) -> None:
    (port,) = free_ports(1)

    done = platform.command(
        "load", "--count", "5", "--rate", "0", "--deadline", "2", KAFKA_BOOTSTRAP=f"127.0.0.1:{port}"
    )

    assert done.returncode == 1
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["sent"], summary["acknowledged"]) == (5, 0)
    assert "5 messages were not acknowledged" in summary["failed"]


def test_a_file_is_looked_at_first_and_published_only_as_it_was_seen(
    platform: Platform, tmp_path: Path
) -> None:
    platform.sources(platform.csv("daily", ["2020-01-02,60", "2020-01-03,61"]))
    platform.run()
    file = tmp_path / "late.csv"
    file.write_text("date,price\n2020-01-02,60\n2020-01-03,62\n2020-01-06,x\n2020-01-07,-3\n")

    def ingest(*more: str) -> tuple[int, Any]:
        done = platform.command("ingest", str(file), "--as", "daily", *more)
        answer = [line for line in done.stdout.splitlines() if line.startswith('{"source"')]
        return done.returncode, json.loads(answer[-1]) if answer else done.stderr

    before = platform.ends()
    code, seen = ingest()
    assert code == 0, seen
    assert seen["columns"] == {"date": "delivery period", "price": "price of WTI"}
    assert seen["counts"] == {"skipped": 1, "corrections": 1, "refused": 1, "published": 1}
    assert [(one["price"], one["was"]) for one in seen["revised"]] == [(62.0, 61.0)]
    assert seen["refused"] == [{"line": 4, "row": "2020-01-06,x", "reason": "'x' is not a number"}]
    assert seen["last"]["price"] == -3.0
    assert platform.ends() == before, "looking publishes nothing"

    # Another file, or another topic, than the one that was looked at.
    file.write_text(file.read_text() + "2020-01-08,64\n")
    code, why = ingest("--confirm", seen["confirm"])
    assert (code, "changed since" in why) == (2, True)
    assert platform.ends() == before

    _, seen = ingest()
    code, done = ingest("--confirm", seen["confirm"])
    assert code == 0, done
    assert {**done["counts"], "dead_lettered": 1} == {**seen["counts"], "dead_lettered": 1}
    prices = [(p.delivery_start.day, p.price, p.correction) for p in platform.prices("daily")]
    assert prices[2:] == [(3, 62.0, True), (7, -3.0, False), (8, 64.0, False)]
    code, again = ingest("--confirm", seen["confirm"])
    assert (code, "changed since" in again) == (2, True)
    code, wrong = ingest("--as", "nobody")
    assert (code, "there are: daily" in wrong) == (2, True)
