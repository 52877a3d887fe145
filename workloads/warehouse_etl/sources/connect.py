"""Kafka Connect as a run sees it: one connector of Debezium a source, kept as the source says."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from workloads.kit.contracts import env, topics
from workloads.kit.contracts.declared.warehouse_connect import HISTORY_GROUPS, KEYSTORE
from workloads.kit.contracts.sources.legacy import MySqlLegacy
from workloads.warehouse_etl.settings import WarehouseSettings
from workloads.warehouse_etl.sources import SourceError

_EVERY_SECONDS = 0.3
_CALL_SECONDS = 30.0
_MESSAGE_CHARACTERS = 600
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Connector:
    """The connector of a source.

    Args:
        source: with at least one table whose changes are read of the log.

    Raises:
        SourceError: this stack has no Kafka Connect.
    """

    def __init__(self, source: MySqlLegacy, settings: WarehouseSettings) -> None:
        if settings.warehouse_connect_url is None:
            raise SourceError(
                "changes: log is read by Kafka Connect, and there is none: add the section "
                "carbon:warehouse_etl.change_log, or give the table a watermark"
            )
        self._wanted = configuration(source, settings)
        self._url = f"{str(settings.warehouse_connect_url).rstrip('/')}/connectors/{source.name}"
        self._limit = settings.warehouse_log_wait_seconds
        self._healed = False

    def ensure(self) -> None:
        """Have it run as its source says, and on its way through the log: what is committed there from now on
        is seen.

        Raises:
            SourceError: it does not come to run; carries what it says.
        """
        found = self._call("GET", "/config")
        if found is None:
            self._call("PUT", "/config", self._wanted)
        elif {name: found.get(name) for name in self._wanted} != self._wanted:
            # A task of before may not go on one row: it would pass over tables that are new.
            self._call("PUT", "/stop")
            self._until(lambda: self._state() == "STOPPED" and not self._tasks(), "stops")
            self._call("PUT", "/config", self._wanted)
        if self._state() in ("STOPPED", "PAUSED"):
            self._call("PUT", "/resume")
        self._until(lambda: self._is_running() and bool(self.place()), "starts to read the log")

    def place(self) -> Mapping[str, Any]:
        """How far it is, as Debezium says it; empty before its start."""
        found = self._call("GET", "/offsets") or {}
        return next((one["offset"] for one in found.get("offsets", [])), None) or {}

    def wait(self, reached: Callable[[Mapping[str, Any]], bool]) -> None:
        """Wait until it is somewhere. Raises SourceError: as `ensure`."""
        self._until(lambda: reached(self.place()), "has read the log up to now")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._limit
        while not condition():
            if failure := self._failure():
                self._heal(failure)
            if time.monotonic() > deadline:
                raise SourceError(f"Kafka Connect: not within {self._limit:g} s that the connector {what}")
            time.sleep(_EVERY_SECONDS)

    def _heal(self, failure: str) -> None:
        """Start what failed once more; what fails again is for somebody to look at."""
        if self._healed:
            raise SourceError(f"Kafka Connect: the connector failed: {failure}")
        self._healed = True
        self._call("POST", "/restart?includeTasks=true&onlyFailed=true")

    def _failure(self) -> str | None:
        status = self._call("GET", "/status") or {}
        parts = [status.get("connector", {}), *status.get("tasks", [])]
        trace = next((str(one.get("trace", "")) for one in parts if one.get("state") == "FAILED"), None)
        if trace is None:
            return None
        # The causes say what is wrong, the frames of Java nothing.
        lines = [line.strip() for line in trace.splitlines() if not line.lstrip().startswith(("at ", "..."))]
        return "; ".join(lines)[:_MESSAGE_CHARACTERS] or "and did not say why"

    def _state(self) -> str:
        status = self._call("GET", "/status") or {}
        return str(status.get("connector", {}).get("state", ""))

    def _tasks(self) -> list[str]:
        status = self._call("GET", "/status") or {}
        return [str(one.get("state")) for one in status.get("tasks", [])]

    def _is_running(self) -> bool:
        return self._state() == "RUNNING" and self._tasks() == ["RUNNING"]

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """What it answers, None where there is no such thing; asked again while it deals with a change."""
        deadline = time.monotonic() + self._limit
        request = urllib.request.Request(  # noqa: S310 - an address of the platform
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        while True:
            try:
                with _DIRECT.open(request, timeout=_CALL_SECONDS) as answer:
                    told = answer.read()
                    return json.loads(told) if told else None
            except urllib.error.HTTPError as error:
                if error.code == HTTPStatus.NOT_FOUND:
                    return None
                if error.code == HTTPStatus.CONFLICT and time.monotonic() < deadline:
                    time.sleep(_EVERY_SECONDS)
                    continue
                said = error.read().decode(errors="replace")[:_MESSAGE_CHARACTERS]
                raise SourceError(f"Kafka Connect answers {error.code} to {method} {path}: {said}") from error
            except (OSError, ValueError) as error:
                raise SourceError(f"Kafka Connect at {self._url} cannot be asked: {error}") from error


def configuration(source: MySqlLegacy, settings: WarehouseSettings) -> dict[str, str]:
    """The connector of a source. No row comes by it that was there before: a run reads those itself, as of a
    place in the log. Its password is named, not told."""
    file = source.password_file
    tables = [source.tables[name].name or name for name in source.logged]
    names = [name if "." in name else f"{source.database}.{name}" for name in tables]
    clients = {
        f"schema.history.internal.{who}.{name}": value
        for who in ("producer", "consumer")
        for name, value in _client(settings).items()
    }
    router = "org.apache.kafka.connect.transforms.RegexRouter"
    return {
        "name": source.name,
        "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
        "tasks.max": "1",
        "topic.prefix": source.name,
        "database.hostname": source.host,
        "database.port": str(source.port),
        "database.user": source.user,
        "database.password": f"${{directory:{file.parent}:{file.name}}}",
        "database.server.id": str(1_000_000 + zlib.crc32(source.name.encode()) % 1_000_000_000),
        "database.ssl.mode": "disable",
        "database.include.list": ",".join(dict.fromkeys(_exactly(n.split(".")[0]) for n in names)),
        "table.include.list": ",".join(map(_exactly, names)),
        "snapshot.mode": "no_data",
        # Needs no right to lock tables.
        "snapshot.locking.mode": "none",
        "include.schema.changes": "false",
        # A table that is emptied is told of, too.
        "skipped.operations": "none",
        "tombstones.on.delete": "false",
        # What loses nothing in JSON.
        "decimal.handling.mode": "string",
        "time.precision.mode": "isostring",
        # How often its place moves on while nothing is written to the log: at the server, and here.
        "connect.keep.alive.interval.ms": "3000",
        "heartbeat.interval.ms": "1000",
        "schema.history.internal.kafka.topic": topics.CONNECT_HISTORY,
        "schema.history.internal.kafka.bootstrap.servers": settings.kafka_bootstrap,
        "schema.history.internal.consumer.group.id": f"{HISTORY_GROUPS}{source.name}",
        **clients,
        "transforms": "heartbeats,changes",
        "transforms.heartbeats.type": router,
        "transforms.heartbeats.regex": r"__debezium-heartbeat\..*",
        "transforms.heartbeats.replacement": topics.CONNECT_HEARTBEATS,
        "transforms.changes.type": router,
        "transforms.changes.regex": rf"{source.name}\..*",
        "transforms.changes.replacement": settings.changes_topic,
    }


def _client(settings: WarehouseSettings) -> dict[str, str]:
    """How the worker's pod shows the brokers who it is: its files lie where those of a run lie."""
    directory = settings.kafka_tls_dir
    if directory is None:
        return {}
    return {
        "security.protocol": "SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": KEYSTORE,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(directory / env.TLS_CA),
    }


def _exactly(name: str) -> str:
    """A name as an expression that fits it alone."""
    return name.replace(".", r"\.").replace("$", r"\$")
