"""The record of each access: a line of JSON on stdout, and a count."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

import structlog
from prometheus_client import Counter

from workloads.kit.contracts import metrics as names

REQUESTS = Counter(
    names.EGRESS_REQUESTS,
    "Accesses by client and outcome: allowed, refused, unknown (of whoever does not prove who he is), failed",
    ("client", "outcome"),
)
Outcome = Literal["allowed", "refused", "unknown", "failed"]


@dataclass(frozen=True, slots=True)
class Access:
    """One access. `client` is who it said it was; it is proved unless the outcome is `unknown`."""

    at: float
    client: str
    method: str
    host: str
    port: str
    status: int
    outcome: Outcome
    sent: int
    received: int
    ms: int


def parse(line: str) -> Access | None:
    """An access from squid's line; None where a connection ended before it asked anything.

    Raises:
        ValueError: it is no such line.
    """
    at, client, method, target, status, _, sent, received, ms = line.split()
    if int(status) == 0:
        return None
    # The target of CONNECT is host:port, of anything else, which is refused, an address.
    host, _, port = unquote(target).removeprefix("http://").partition("/")[0].rpartition(":")
    return Access(
        at=float(at),
        client="" if client == "-" else unquote(client),
        method=method,
        host=host or port,
        port=port if host else "",
        status=int(status),
        outcome=_outcome(int(status)),
        sent=int(sent),
        received=int(received),
        ms=int(ms),
    )


def _outcome(status: int) -> Outcome:
    if status == 200:
        return "allowed"
    return {403: "refused", 407: "unknown"}.get(status, "failed")  # type: ignore[return-value]


class Recorder:
    """Takes squid's lines on a port of 127.0.0.1 until it is closed."""

    def __init__(self, clients: Collection[str]) -> None:
        self._clients = clients
        self._log: Any = structlog.get_logger("egress")
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, name="record", daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection, connection.makefile("r", encoding="utf-8", errors="replace") as lines:
                self.take(lines)

    def take(self, lines: Iterable[str]) -> None:
        """Record each line."""
        for line in lines:
            try:
                access = parse(line)
            except ValueError:
                self._log.error("egress line not understood", line=line.rstrip())
                continue
            if access is not None:
                self._record(access)

    def _record(self, access: Access) -> None:
        known = access.client if access.client in self._clients and access.outcome != "unknown" else ""
        REQUESTS.labels(known, access.outcome).inc()
        said = self._log.info if access.outcome == "allowed" else self._log.warning
        said(
            "egress",
            outcome=access.outcome,
            client=access.client,
            method=access.method,
            host=access.host,
            port=access.port,
            status=access.status,
            bytes_sent=access.sent,
            bytes_received=access.received,
            ms=access.ms,
        )
