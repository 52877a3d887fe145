"""`make lint` and `make test`: each check a step, the first failure ends the run with its output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal

from tools import budget, paths, sets
from tools import up as bring_up
from tools.console import step
from tools.errors import ToolError, UsageError

FAST = ("tests/unit", "tests/stacks")
SERVICES = ("tests/services",)
GATE = ("tests/gate",)
LIVE = ("tests/cluster",)

Extent = Literal["fast", "services", "all"]

_AT_ONCE: Final = ("-n", "2", "--dist", "loadfile")
"""Two files of tests at a time, each with servers of its own."""

_TYPES_MEMORY: Final = "--max-old-space-size=8192"
"""Of pyright, in MiB: with Node's usual 4 GiB it forgets what it found and finds it again."""


def static() -> None:
    """ruff (rules and format) and pyright.

    Raises:
        ToolError: one of them found something.
    """
    with _types():
        _style()


def _style() -> None:
    python = sys.executable
    for title, command in (
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "-q", "."]),
    ):
        _shown(title, command, remedy="make format rewrites what can be rewritten")


@contextmanager
def _types() -> Iterator[None]:
    """pyright, which takes one core for minutes, beside the block, with what that leaves; told after it."""
    command = ["nice", sys.executable, "-m", "pyright", "--warnings"]
    environment = {**os.environ, "NODE_OPTIONS": _TYPES_MEMORY}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command,
            cwd=paths.ROOT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            process_group=0,  # it is a script that starts Node: they end together
        ) as pyright,
    ):
        try:
            yield
        except BaseException:
            os.killpg(pyright.pid, signal.SIGTERM)
            raise
        with step("pyright, since the beginning"):
            if pyright.wait():
                said.seek(0)
                sys.stderr.buffer.write(said.read())
                raise ToolError(f"pyright: exit code {pyright.returncode}", remedy="mend the types it names")


def run(extent: Extent) -> None:
    """Checks in the order in which they fail soonest.

    Args:
        extent: `fast` starts nothing; `services` needs no root and no cluster, and tests the core alone;
            `all` is everything.

    Raises:
        ToolError: the first check that failed, or a limit that is no number.
    """
    try:
        budget.begin()
    except ValueError:
        said = f"{budget.MINUTES}={os.environ[budget.MINUTES]}"
        raise UsageError(
            f"{said} is no number of minutes.", remedy=f"{budget.MINUTES}=75, or leave it out."
        ) from None
    _style()
    with _types():
        _pytest("unit and component tests", FAST, *_AT_ONCE)
        title = "tests against Kafka and PostgreSQL"
        if extent == "services":
            _pytest(title, SERVICES, *_AT_ONCE, "-m", "not thorough")
        elif extent == "all":
            _pytest(title, SERVICES, *_AT_ONCE)
    if extent != "all":
        return
    _shown(
        "the gate over every stack",
        [sys.executable, "-m", "tools", "preview"],
        remedy="make preview STACK=<stack> looks at one; make snapshot accepts a difference that is meant",
    )
    _pytest("tests of the gate", GATE, *_AT_ONCE)
    if budget.is_over():
        with step("live tests") as one:
            one.note(f"NOT RUN: {budget.MINUTES}={os.environ[budget.MINUTES]} were used up")
        return
    bring_up.up(sets.ALL)
    _pytest("live tests", LIVE)


def _pytest(title: str, where: Sequence[str], *flags: str) -> None:
    _shown(
        title,
        [sys.executable, "-m", "pytest", "-q", *flags, *where],
        remedy="run one test with .venv/bin/pytest -k",
    )


def _shown(title: str, command: Sequence[str], *, remedy: str) -> None:
    with step(title):
        done = subprocess.run(command, cwd=paths.ROOT, check=False)
        if done.returncode:
            raise ToolError(f"{title}: exit code {done.returncode}", remedy=remedy)
