"""Processes of a run, found again by what they left of themselves: their line of /proc/PID/stat.

A process is the recorded one if its number and its start are; a name proves nothing. Each leads a session,
and what it started there is ended with it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError

MARK = "CARBON_TRY"
"""Environment variable of every process of a run: the run's directory."""

_PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """What is read of a line of /proc/PID/stat; `started` is in ticks since the machine's boot."""

    pid: int
    state: str
    session: int
    started: int

    @classmethod
    def parse(cls, line: str) -> Stat:
        """ValueError or IndexError where it is not such a line."""
        # The name in parentheses may hold anything, parentheses and spaces too.
        fields = line[line.rindex(")") + 1 :].split()
        return cls(int(line[: line.index(" ")]), fields[0], int(fields[3]), int(fields[19]))

    @classmethod
    def of(cls, pid: int) -> Stat | None:
        """The process of that number now, unless it has ended."""
        try:
            stat = cls.parse((_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError, IndexError):
            return None
        return None if stat.state in "ZX" else stat


@dataclass(frozen=True)
class Recorded:
    """A process that was started as `name`."""

    name: str
    stat: Stat
    mark: str

    def alive(self) -> bool:
        now = Stat.of(self.stat.pid)
        return now is not None and now.started == self.stat.started

    def members(self) -> list[int]:
        """The living processes of its session; of one whose leader is gone only those with the run's mark."""
        leads = self.alive()
        others = [
            other.pid
            for entry in _PROC.iterdir()
            if entry.name.isdigit()
            and (other := Stat.of(int(entry.name)))
            and other.session == self.stat.pid != other.pid
            and (leads or _marked(other.pid, self.mark))
        ]
        return [self.stat.pid, *others] if leads else others


def read(file: Path, mark: str) -> Recorded | None:
    """The process that left `file`; None where there is no whole record."""
    try:
        return Recorded(file.name, Stat.parse(file.read_text(encoding="utf-8", errors="replace")), mark)
    except (OSError, ValueError, IndexError):
        return None


def read_all(directory: Path, mark: str) -> list[Recorded]:
    """Every process that left a record there."""
    if not directory.is_dir():
        return []
    return [found for file in sorted(directory.iterdir()) if (found := read(file, mark))]


def leave(file: Path) -> None:
    """Record this process."""
    file.write_text((_PROC / "self" / "stat").read_text(encoding="utf-8"), encoding="utf-8")


def end(found: Iterable[Recorded], numbers: Mapping[str, signal.Signals], seconds: float) -> None:
    """Ask processes to end, and kill whatever is left of their sessions after a while.

    Args:
        numbers: name -> how it is asked, SIGTERM by default.
        seconds: how long they have.

    Raises:
        ToolError: something could not be ended.
    """
    found = list(found)
    for one in found:
        if one.alive():
            _send(one.stat.pid, numbers.get(one.name, signal.SIGTERM))
    deadline = time.monotonic() + seconds
    while any(one.alive() for one in found) and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline = time.monotonic() + 20
    while left := [pid for one in found for pid in one.members()]:
        if time.monotonic() > deadline:
            raise ToolError(f"processes {left} cannot be ended", remedy="ps -fp shows whose they are")
        for pid in left:
            _send(pid, signal.SIGKILL)
        time.sleep(0.05)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _marked(pid: int, mark: str) -> bool:
    try:
        variables = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in variables
