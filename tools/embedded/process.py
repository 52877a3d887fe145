"""A child process whose output is a log, which is waited for by what it does and says why when it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tools.console import duration, log_tail
from tools.errors import ToolError

START_SECONDS = 300.0
"""The longest that a server may take to answer: a busy machine takes minutes to start what takes seconds."""

UNPRIVILEGED = 65534
"""User and group that run in root's place what refuses to run as root."""

# The record is written by the process itself before it becomes the program: no kill can come between.
_RECORDING = 'read -r line </proc/$$/stat && echo "$line" >"$0" && exec "$@"'

Argument = str | os.PathLike[str]


class Process:
    """A running program.

    Args:
        env: added to this process's environment.
        record: where it leaves its line of /proc, by which it is found again; it then leads a session of its
            own, which no Ctrl-C of the terminal reaches.
    """

    def __init__(
        self,
        command: Sequence[Argument],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        record: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        arguments = [os.fspath(part) for part in command]
        if record is not None:
            arguments = ["/bin/sh", "-c", _RECORDING, os.fspath(record), *arguments]
        with log.open("ab") as sink:
            self._child = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=record is not None,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._child.poll()

    def send(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """The exit code, once it ends; subprocess.TimeoutExpired after the limit."""
        return self._child.wait(seconds)

    def kill(self) -> None:
        """SIGKILL, as a lost machine does it."""
        self._child.kill()
        self._child.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20.0) -> None:
        """Ask it to end, and kill it if it has not after `seconds`."""
        if self.running():
            self.send(number)
            try:
                self.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self, lines: int = 30) -> str:
        return "\n".join(log_tail(self.log, lines))

    def done(self, what: str, seconds: float = START_SECONDS) -> None:
        """Wait for its good end.

        Raises:
            ToolError: it failed or took longer; carries its log.
        """
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._failure(f"{what} took longer than {duration(seconds)}") from None
        if code:
            raise self._failure(f"{what} ended with exit code {code}")

    def until(
        self, condition: Callable[[], bool], what: str, seconds: float = START_SECONDS, every: float = 0.1
    ) -> None:
        """Wait for a condition that it brings about.

        Raises:
            ToolError: it ended before, or the limit passed; carries its log.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.running():
                raise self._failure(f"{what}: it ended with exit code {self.code}")
            if time.monotonic() > deadline:
                raise self._failure(f"{what}: not within {duration(seconds)}")
            time.sleep(every)

    def _failure(self, message: str) -> ToolError:
        error = ToolError(message, remedy="The end of its log says why.", log=self.log)
        # Where the error is not shown by the console, as under pytest, the log's end is seen too.
        error.add_note(self.tail())
        return error


def unprivileged(program: Argument, *arguments: Argument) -> list[Argument]:
    """A command that does not run as root: as root, another user runs it."""
    if os.geteuid() != 0:
        return [program, *arguments]
    # The capability lets it read binaries, password and data where they are below root's home.
    return [
        "setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups",
        "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", program, *arguments,
    ]  # fmt: skip


class Launch(Protocol):
    """How a server's process is started: `Process` itself, or what records it as well."""

    def __call__(
        self, command: Sequence[Argument], log: Path, env: Mapping[str, str] | None = None
    ) -> Process: ...


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def http_ok(url: str) -> bool:
    """Whether a server on this machine answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return answer.status == 200
    except OSError:
        return False


def answers(port: int) -> bool:
    """Whether something takes connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
