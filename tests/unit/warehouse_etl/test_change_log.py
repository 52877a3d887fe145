"""What is read of a log: places, values, and what Kafka Connect is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.manifests import connect_config
from workloads.kit.contracts.declared.warehouse_connect import KEYSTORE, WAREHOUSE_CONNECT
from workloads.kit.contracts.sources.legacy import MySqlLegacy
from workloads.warehouse_etl.settings import WarehouseSettings
from workloads.warehouse_etl.sources import SourceError, change_log, connect
from workloads.warehouse_etl.sources.change_log import Mark, Place, shown


def _source(**more: Any) -> MySqlLegacy:
    given: dict[str, Any] = {
        "kind": "mysql", "name": "crm", "host": "db", "database": "crm", "user": "reader",
        "password_file": "/run/secrets/crm-password",
        "tables": {
            "people": {"key": ["id"], "changes": "log"},
            "deals": {"key": ["id"], "changes": "log", "name": "old.deal$"},
            "rest": {"key": ["id"]},
        },
    }  # fmt: skip
    return MySqlLegacy.model_validate({**given, **more})


def _settings(tmp_path: Path, **more: Any) -> WarehouseSettings:
    password = tmp_path / "password"
    password.write_text("x")
    given: dict[str, Any] = {
        "kafka_bootstrap": "kafka:9092",
        "postgres_host": "postgres",
        "postgres_user": "warehouse_etl",
        "postgres_password_file": password,
        "warehouse_sources_file": tmp_path / "sources.yaml",
    }
    return WarehouseSettings(**{**given, **more})


def test_a_mark_is_read_as_it_was_written_and_places_are_in_the_order_of_the_log() -> None:
    mark = Mark(Place.of("bin.000012", 342), 77)
    assert Mark.read(str(mark)) == mark
    # A watermark of before is none.
    assert [Mark.read(text) for text in ("2026-01-01 00:00:00", "12", "", "a:b@c")] == [None] * 4
    assert Place.of("bin.000009", 900) < Place.of("bin.000010", 4) < Place.of("bin.000010", 40)
    assert Place.of("bin.999999", 4) < Place.of("bin.1000000", 4)


@pytest.mark.parametrize(
    ("of", "value", "wanted"),
    [
        (("date", None, None), "2026-02-01Z", "2026-02-01"),
        (("datetime", None, 6), "2026-02-01T01:02:03.12Z", "2026-02-01 01:02:03.120000"),
        (("datetime", None, 0), "2026-02-01T01:02:03Z", "2026-02-01 01:02:03"),
        (("timestamp", None, 3), "2026-02-01T01:02:03Z", "2026-02-01 01:02:03.000+00:00"),
        (("time", None, 2), "01:02:03.5Z", "01:02:03.50"),
        (("float", None, None), 0.1, 0.10000000149011612),
        (("double", None, None), 0.1, 0.1),
        (("bit", None, None), True, "AQ=="),
        (("bit", None, None), "AQI=", "AgE="),
        (("varchar", None, None), "2026-02-01Z", "2026-02-01Z"),
        (("bigint", None, None), -9007199254740993, -9007199254740993),
        (("decimal", 4, None), "3.5000", "3.5000"),
        (("date", None, None), None, None),
        # A column that is no longer there comes as it was.
        (("",), "x", "x"),
    ],
)
def test_a_value_of_the_log_is_as_a_query_shows_it(of: tuple[Any, ...], value: Any, wanted: Any) -> None:
    assert shown(value, of) == wanted


def test_a_connector_reads_the_tables_that_say_so_and_no_secret_is_in_what_it_is_told(tmp_path: Path) -> None:
    told = connect.configuration(_source(), _settings(tmp_path))
    assert told["table.include.list"] == r"crm\.people,old\.deal\$"
    assert told["database.include.list"] == "crm,old"
    assert told["database.password"] == "${directory:/run/secrets:crm-password}"
    assert not [name for name in told if "ssl.keystore" in name]
    # Two sources are two clients of their servers, and two groups.
    other = connect.configuration(_source(name="etrm"), _settings(tmp_path))
    for name in ("database.server.id", "topic.prefix", "schema.history.internal.consumer.group.id"):
        assert told[name] != other[name]


def test_over_tls_the_history_is_read_with_the_pods_own_certificate(tmp_path: Path) -> None:
    told = connect.configuration(_source(), _settings(tmp_path, kafka_tls_dir=tmp_path))
    for who in ("producer", "consumer"):
        assert told[f"schema.history.internal.{who}.security.protocol"] == "SSL"
        assert told[f"schema.history.internal.{who}.ssl.keystore.location"] == KEYSTORE


def test_without_kafka_connect_a_table_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"add the section carbon:warehouse_etl\.change_log"):
        connect.Connector(_source(), _settings(tmp_path))


def test_the_worker_keeps_its_state_in_declared_topics_and_names_secrets_of_one_directory_alone() -> None:
    place = connect_config.ConnectPlace(
        bootstrap="kafka:9092",
        address="0.0.0.0",
        port=8083,
        plugins="/p",
        secrets="/s",
        keystore="/k",
        ca="/c",
    )
    told = dict(line.split("=", 1) for line in connect_config.worker(place).splitlines())
    kafka = WAREHOUSE_CONNECT.kafka
    assert kafka is not None
    stored = {told[f"{kind}.storage.topic"] for kind in ("config", "offset", "status")}
    assert stored <= {*kafka.reads} & {*kafka.writes}
    assert told["group.id"] == kafka.group
    assert told["config.providers.directory.param.allowed.paths"] == "/s"
    for who in ("", "producer.", "consumer.", "admin."):
        assert (told[f"{who}security.protocol"], told[f"{who}ssl.keystore.location"]) == ("SSL", "/k")
    in_clear = connect_config.worker(
        connect_config.ConnectPlace(bootstrap="k:1", address="127.0.0.1", port=1, plugins="/p", secrets="/s")
    )
    assert "ssl" not in in_clear
    assert json.dumps(in_clear).count("password") == 0


class Whole:
    """A table in its snapshot, whose server is at a place of its log."""

    columns: Mapping[str, str] = {}
    types: Mapping[str, Any] = {}
    lacking: Sequence[str] = ()

    def asked(self, statement: str, _: Any) -> Iterator[tuple[Any, ...]]:
        if "STATUS" in statement:
            return iter([("Binlog_snapshot_file", "bin.000012"), ("Binlog_snapshot_position", "900")])
        return iter([("0-7-12",)])


class Reached:
    def wait(self, reached: Any) -> None:
        """It is there."""


@pytest.mark.parametrize(
    ("since", "there", "goes_on"),
    [
        ("12:400@30", (10, 50), True),
        ("12:400@50", (10, 50), True),
        ("12:400@9", (10, 50), False),  # what came since is not kept any more
        ("12:400@51", (10, 50), False),  # of a topic that was there before this one
        ("13:4@30", (10, 50), False),  # of another server's log
        ("2026-01-01 00:00:00", (10, 50), False),
    ],
)
def test_a_log_is_read_on_only_where_nothing_of_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: str, there: tuple[int, int], goes_on: bool
) -> None:
    monkeypatch.setattr(change_log, "_bounds", lambda _: there)
    given: Any = (Reached(), Whole(), there[1])
    reading = change_log.LogReading(_source(), "people", _settings(tmp_path), *given)
    assert reading.goes_on(since) is goes_on
    assert reading.is_whole is not goes_on


def test_kafka_connect_is_asked_again_while_it_deals_with_a_change(tmp_path: Path) -> None:
    codes = [409, 409, 200]

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(codes.pop(0))
            self.end_headers()
            self.wfile.write(b'{"offsets": [{"offset": {"pos": 4}}]}')

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        connector = connect.Connector(_source(), _settings(tmp_path, warehouse_connect_url=url))
        assert connector.place() == {"pos": 4}
        server.shutdown()
    assert codes == []
