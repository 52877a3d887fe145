"""Subprocesses: run to an end, output captured or logged line by line, errors typed."""

import os
import signal
import subprocess
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer

from tools.errors import CommandFailed, MissingPrerequisite

Arg = str | os.PathLike[str]

_running: set[int] = set()
"""Leaders of the sessions that were started and have not ended."""


def output(
    command: Sequence[Arg],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    accept: Container[int] = (0,),
) -> str:
    """Run and return stdout.

    Args:
        env: added to this process's environment.
        timeout: seconds, none by default.
        accept: exit codes that are no failure: a linter's, when it found something.

    Raises:
        CommandFailed: another exit code, with stdout and stderr in `output`, or time ran out.
        MissingPrerequisite: there is no such program.
    """
    args = [os.fspath(arg) for arg in command]
    try:
        process = subprocess.Popen(
            args,
            env=_environment(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise _not_runnable(args, error) from error
    _running.add(process.pid)
    try:
        stdout, stderr = process.communicate(stdin, timeout)
    except BaseException as error:
        kill_session(process.pid)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise CommandFailed(args, None) from error
        raise
    finally:
        _running.discard(process.pid)
    if process.returncode not in accept:
        raise CommandFailed(args, process.returncode, output=stdout + stderr)
    return stdout


def run(
    command: Sequence[Arg],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run with stdout and stderr appended to `log`; an interrupt or a timeout ends all that it started.

    Args:
        env: added to this process's environment.
        timeout: seconds, none by default.
        on_line: called with each line as it comes, to show progress.

    Raises:
        CommandFailed: a non-zero exit or time ran out; carries `log`.
        MissingPrerequisite: there is no such program.
    """
    args = [os.fspath(arg) for arg in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8", buffering=1) as sink:
        sink.write(f"$ {' '.join(args)}\n")
        try:
            process = subprocess.Popen(
                args,
                env=_environment(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise _not_runnable(args, error) from error
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            kill_session(process.pid)

        timer = Timer(timeout, expire) if timeout is not None else None
        if timer:
            timer.daemon = True
            timer.start()
        _running.add(process.pid)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                sink.write(line)
                if on_line:
                    on_line(line.rstrip("\n"))
            returncode = process.wait()
        except BaseException:
            kill_session(process.pid)
            process.wait()
            raise
        finally:
            _running.discard(process.pid)
            if timer:
                timer.cancel()
    if expired:
        raise CommandFailed(args, None, log=log)
    if returncode:
        raise CommandFailed(args, returncode, log=log)


def _environment(added: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(added or {})}


def kill_session(leader: int) -> None:
    """Kill every process of a session, those in process groups of their own too, as Pulumi's plugins are.

    Args:
        leader: the process that was started with `start_new_session`.
    """
    for entry in Path("/proc").iterdir():
        with suppress(ProcessLookupError, FileNotFoundError, PermissionError):
            if entry.name.isdigit() and _session(entry) == leader:
                os.kill(int(entry.name), signal.SIGKILL)


def kill_all() -> None:
    """End what other threads have running here, which thereby fails."""
    for leader in tuple(_running):
        kill_session(leader)


def _session(process: Path) -> int:
    # The name in parentheses may hold anything; state, parent, group and session follow it.
    return int((process / "stat").read_text().rpartition(")")[2].split()[3])


def _not_runnable(args: list[str], error: OSError) -> MissingPrerequisite:
    return MissingPrerequisite(f"Cannot run {args[0]!r}: {error.strerror}")
