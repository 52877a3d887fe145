"""The forwarder as a process of its own, with this process's network as the far side."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tools.cluster import forwarder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="entering a network namespace needs root")


OFTEN_COLLECTED = """
import gc, runpy, sys
gc.set_threshold(20)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a file with so little patience for garbage that what nobody holds is lost at once."""


class Running:
    """A forwarder that runs, and its table."""

    def __init__(self, directory: Path) -> None:
        self.table = directory / "table.json"
        self.control = directory / "control"

    def set(self, rows: dict[str, str]) -> dict[str, object]:
        """Change the table and have it read."""
        self.table.write_text(json.dumps(rows))
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.control))
            return json.loads(control.makefile().readline())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    found.table.write_text("{}")
    arguments = [forwarder.__file__, found.table, found.control, "/proc/self/ns/net"]
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", OFTEN_COLLECTED, *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        # The line is written before the socket is made, so wait for the one that says that it is.
        for line in process.stdout:
            if line.startswith("ready"):
                break
        yield found
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


@pytest.fixture
def server() -> Iterator[str]:
    """Answers with the length of what it got once the client has ended its side."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                length = 0
                while data := connection.recv(1 << 16):
                    length += len(data)
                connection.sendall(str(length).encode() * (1 << 10))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield "{}:{}".format(*listener.getsockname())
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def ask(address: str, request: bytes) -> bytes:
    with closing(socket.create_connection(forwarder.parse(address), timeout=10)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(1 << 16):
            answer += data
        return answer


def test_answer_comes_after_the_clients_end(running: Running, server: str) -> None:
    here = free()
    assert running.set({here: server}) == {"listening": [here], "failed": {}}
    assert ask(here, b"x" * 5_000_000) == b"5000000" * (1 << 10)


def test_many_connections_at_once(running: Running, server: str) -> None:
    here = free()
    running.set({here: server})
    connections = [socket.create_connection(forwarder.parse(here), timeout=20) for _ in range(200)]
    for connection in reversed(connections):
        connection.sendall(b"12345")
        connection.shutdown(socket.SHUT_WR)
    for connection in connections:
        with connection:
            assert connection.makefile("rb").read() == b"5" * (1 << 10)


def test_rows_come_and_go(running: Running, server: str) -> None:
    one, two = free(), free()
    running.set({one: server})
    assert running.set({two: server})["listening"] == [two]
    assert ask(two, b"x") == b"1" * (1 << 10)
    with pytest.raises(ConnectionRefusedError):
        ask(one, b"x")


def test_target_of_a_row_can_change(running: Running, server: str) -> None:
    here = free()
    running.set({here: free()})
    running.set({here: server})
    assert ask(here, b"x") == b"1" * (1 << 10)


def test_target_that_refuses_is_not_taken_for_an_empty_answer(running: Running) -> None:
    here = free()
    running.set({here: free()})
    with pytest.raises(ConnectionResetError):
        ask(here, b"")


def test_what_cannot_be_listened_on_is_named_and_the_rest_works(running: Running, server: str) -> None:
    here = free()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        answer = running.set({taken: server, here: server, "0.0.0.0:1": server, "127.0.0.1:2": "nowhere"})
    assert answer["listening"] == [here]
    assert answer["failed"] == {
        taken: "Address already in use",
        "0.0.0.0:1": "only 127.0.0.1 is listened on",
        "127.0.0.1:2": "'nowhere' is not ADDRESS:PORT",
    }
    assert ask(here, b"x") == b"1" * (1 << 10)


def test_table_that_is_no_json_leaves_the_ports_open(running: Running, server: str) -> None:
    here = free()
    running.set({here: server})
    running.table.write_text("{")
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(running.control))
        answer = json.loads(control.makefile().readline())
    assert str(running.table) in answer["failed"]
    assert ask(here, b"x") == b"1" * (1 << 10)
