"""Subprocesses: logs, typed errors, and nothing left running."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import proc
from tools.errors import CommandFailed, MissingPrerequisite


def gone(pid: int) -> bool:
    """The process has ended; one that nobody has waited for yet counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_output_is_logged_and_passed_on_line_by_line(tmp_path: Path) -> None:
    lines: list[str] = []
    log = tmp_path / "logs" / "it.log"
    proc.run(["sh", "-c", "echo $A; echo two >&2"], log=log, env={"A": "one"}, on_line=lines.append)
    assert lines == ["one", "two"]
    assert log.read_text().splitlines()[1:] == ["one", "two"]


def test_a_failure_carries_its_command_code_and_output(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="exit code 7") as error:
        proc.output(["sh", "-c", "echo why >&2; exit 7"])
    assert (error.value.returncode, error.value.output) == (7, "why\n")
    with pytest.raises(CommandFailed) as error:
        proc.run(["sh", "-c", "echo why; exit 7"], log=tmp_path / "log")
    assert error.value.log == tmp_path / "log"


def test_running_out_of_time_ends_the_children_too(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool], str], None]
) -> None:
    with pytest.raises(CommandFailed, match="ran out of time"):
        proc.run(
            ["sh", "-c", f"sleep 600 > /dev/null 2>&1 & echo $! > {tmp_path}/pid; wait"],
            log=tmp_path / "log",
            timeout=0.5,
        )
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: gone(pid), "the child's end")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingPrerequisite, match="'no-such-program'"):
        proc.output(["no-such-program"])


def test_a_timeout_ends_what_went_into_a_group_of_its_own(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool], str], None]
) -> None:
    """As plugins of Pulumi's engine do."""
    file = tmp_path / "pid"
    with pytest.raises(CommandFailed):
        proc.output(["sh", "-c", f"set -m; sleep 1000 & echo $! > {file}; wait"], timeout=1)
    child = int(file.read_text())
    wait_until(lambda: gone(child), "the child's end")


def test_what_other_threads_run_can_be_ended_as_an_interrupt_must(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool], str], None]
) -> None:
    failed: list[CommandFailed] = []

    def work() -> None:
        try:
            proc.run(["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 600"], log=tmp_path / "log")
        except CommandFailed as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()), "the start")
    proc.kill_all()
    thread.join(timeout=20)
    assert [error.returncode for error in failed] == [-9]
    assert gone(int((tmp_path / "pid").read_text()))
