"""The errors that end a command: each says what is wrong, what to do, and which exit code it means."""

from pathlib import Path
from typing import ClassVar


class ToolError(Exception):
    """Something a person has to act on.

    Attributes:
        message: what is wrong, naming the thing and its value.
        remedy: what to do about it; may be empty.
        log: the file with the whole output, when there is one.
        exit_code: 1 a step failed, 2 wrong usage, 3 the machine lacks something.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "", log: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.log = log


class UsageError(ToolError):
    """The command line or an environment variable holds a value that cannot be used."""

    exit_code = 2


class MissingPrerequisite(ToolError):
    """The machine lacks something that this program may not or cannot install by itself."""

    exit_code = 3


class CommandFailed(ToolError):
    """A subprocess ended with an error or ran out of time.

    Attributes:
        command: the argument list.
        returncode: the exit code, negative for a signal, None when it ran out of time.
        output: what was captured of its output; empty when it went to `log`.
    """

    def __init__(
        self,
        command: list[str],
        returncode: int | None,
        *,
        output: str = "",
        log: Path | None = None,
        remedy: str = "",
    ) -> None:
        how = "ran out of time" if returncode is None else f"ended with exit code {returncode}"
        super().__init__(f"`{' '.join(command)}` {how}", remedy=remedy, log=log)
        self.command = command
        self.returncode = returncode
        self.output = output
