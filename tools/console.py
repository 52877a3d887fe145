"""What the person sees: a line a step with the time it took, and an error with its log's end and a remedy."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from tools.errors import CommandFailed, ToolError

LOG_TAIL = 30
"""Lines of a failed step's log that are shown."""

console = Console(stderr=True, highlight=False)
"""Progress and errors go to stderr, so that a command's stdout can be piped."""

_local = threading.local()


@dataclass
class Step:
    """A running step; `detail` changes the words after its title, `note` adds words to its last line."""

    title: str
    _status: Status | None = None
    _outer: Callable[[str], None] | None = None
    _notes: list[str] = field(default_factory=list[str])

    def detail(self, text: str) -> None:
        if self._status:
            self._status.update(f"{escape(self.title)} [dim]{escape(text)}")
        elif self._outer:
            self._outer(f"({self.title}: {text})")

    def note(self, text: str) -> None:
        self._notes.append(text)

    @property
    def summary(self) -> str:
        return "".join(f" · {text}" for text in self._notes)


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show a step from its start to its end, with the time taken; steps may nest.

    On a terminal the running step has a spinner; elsewhere its start is a line of its own, unless it is
    a part of one of several that run side by side.
    """
    depth: int = getattr(_local, "depth", 0)
    indent = "  " * depth
    spin = console.is_terminal and depth == 0 and threading.current_thread() is threading.main_thread()
    status = console.status(escape(title)) if spin else None
    outer: Callable[[str], None] | None = getattr(_local, "outer", None)
    current = Step(title, status, outer)
    if status:
        status.start()
    elif not outer:
        console.print(f"{indent}[dim]…[/] {escape(title)}", soft_wrap=True)
    _local.depth = depth + 1
    started = time.monotonic()
    outcome = "[red]✗[/]"
    try:
        yield current
        outcome = "[green]✓[/]"
    finally:
        _local.depth = depth
        if status:
            status.stop()
        taken = duration(time.monotonic() - started)
        console.print(
            f"{indent}{outcome} {escape(title)}[dim]{escape(current.summary)} · {taken}", soft_wrap=True
        )


def within(detail: Callable[[str], None]) -> None:
    """Make the steps of this thread parts of another: indented, and with their details given to `detail`."""
    _local.depth = 1
    _local.outer = detail


def say(text: str) -> None:
    """Print a line, with rich's markup."""
    console.print(text, soft_wrap=True)


def duration(seconds: float) -> str:
    """Seconds in the form a person reads: `0.3 s`, `42 s`, `3 min 04 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def show_error(error: ToolError) -> None:
    """Print what went wrong, the last lines of the log or output, and what to do."""
    if lines := _tail(error):
        console.print()
        for line in lines:
            console.print(f"  [dim]│[/] {escape(line)}", soft_wrap=True)
    console.print(f"\n[bold red]error:[/] {escape(error.message)}", soft_wrap=True)
    if error.remedy:
        console.print(f"[bold]what to do:[/] {escape(error.remedy)}", soft_wrap=True)
    if error.log:
        console.print(f"[dim]whole log: {escape(str(error.log))}", soft_wrap=True)


def main(command: Callable[[], object]) -> NoReturn:
    """Run a command line; a `ToolError` is shown and becomes its exit code, an interrupt 130."""
    try:
        command()
    except ToolError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.print("[red]interrupted")
        sys.exit(130)
    sys.exit(0)


def _tail(error: ToolError) -> list[str]:
    if error.log and error.log.is_file():
        return log_tail(error.log)
    if isinstance(error, CommandFailed):
        return error.output.splitlines()[-LOG_TAIL:]
    return []


def log_tail(log: Path, lines: int = LOG_TAIL) -> list[str]:
    """The last lines of a log file."""
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
