"""A connection to the gate's API server that breaks is made anew, and one that stays broken is named."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import Any

import pytest

from tools.errors import ToolError
from tools.gate.apiclient import ApiServer

OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}


class Connection:
    """Breaks as often as it is told, then answers."""

    def __init__(self, faults: list[Exception]) -> None:
        self.faults = faults
        self.asked = 0
        self.closed = 0

    def request(self, *_: Any) -> None:
        self.asked += 1

    def getresponse(self) -> Any:
        if self.faults:
            raise self.faults.pop()
        return self

    def close(self) -> None:
        self.closed += 1

    status = 200
    headers = http.client.HTTPMessage()

    def read(self) -> bytes:
        return b"{}"


def server(faults: list[Exception]) -> tuple[ApiServer, Connection]:
    connection = Connection(faults)
    made = ApiServer(
        port=1, token="t", kubeconfig=Path("none"), _tls=ssl.create_default_context(), _kubectl=Path("none")
    )
    made._resources["v1", ("", "ConfigMap")] = "configmaps", True
    made._local.connection = connection
    return made, connection


@pytest.mark.parametrize(
    "fault", [http.client.RemoteDisconnected("gone"), TimeoutError("late"), http.client.IncompleteRead(b"")]
)
def test_a_broken_connection_is_made_anew(fault: Exception) -> None:
    asked, connection = server([fault])
    assert asked.apply(OBJECT, dry_run=True).ok
    assert (connection.asked, connection.closed) == (2, 1)


def test_one_that_stays_broken_is_named() -> None:
    asked, connection = server([http.client.RemoteDisconnected("gone") for _ in range(9)])
    with pytest.raises(ToolError) as refused:
        asked.apply(OBJECT)
    assert (
        "did not answer PATCH /api/v1/namespaces/b/configmaps/a: RemoteDisconnected" in refused.value.message
    )
    assert refused.value.remedy
    assert connection.asked == 3


def test_whether_it_is_ready_is_asked_once() -> None:
    asked, connection = server([http.client.RemoteDisconnected("gone")])
    assert not asked.ready()
    assert asked.ready()
    assert connection.asked == 2
