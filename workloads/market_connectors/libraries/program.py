"""A library that is a program of its own: it is told by arguments, and gives files back.

`ask` makes one attempt; `transport` makes it patient, as it does with the clients of the other libraries.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import urllib.error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, Final

_KEPT: Final = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_WAY: Final = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
"""What of this process's environment a program is given: how to reach its market, and no secret of others."""

_NOT_THERE: Final = 404
_TOLD: Final = 300
"""Characters of a program's last words that a message shows."""

STOPPED: Final = 3
"""Its exit code where the market did not answer as it should; `asked.json` then has how."""

ASKED: Final = "asked.json"
"""Where it says what the market answered."""


class ProgramFailed(Exception):
    """The program ended with an error that is not its market's."""


class BrokenAnswer(Exception):
    """What the market gave is not whole."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Args:
    status: that the market answered last.
    """

    status: int


def ask(host: str, command: Sequence[str | Path], directory: Path, seconds: float) -> Answered:
    """Run the program once.

    Args:
        host: of its market, for messages.
        directory: where it puts its files.
        seconds: that it may take.

    Raises:
        HTTPError: the market refused.
        URLError: it was not reached, or the program took too long.
        BrokenAnswer, ProgramFailed: as they say.
    """
    environment = {name: os.environ[name] for name in (*_KEPT, *_WAY) if name in os.environ}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise urllib.error.URLError(f"{host}: nothing came within {seconds:.0f} s") from None
    except OSError as error:
        raise ProgramFailed(f"{command[0]}: {error.strerror}") from error
    if done.returncode not in (0, STOPPED):
        raise ProgramFailed(f"exit code {done.returncode}: {done.stderr.strip()[-_TOLD:]}")
    asked: list[Mapping[str, Any]] = json.loads((directory / ASKED).read_text(encoding="utf-8"))
    if done.returncode == STOPPED:
        raise _failure(host, asked[-1])
    return Answered(200 if any(one["status"] != _NOT_THERE for one in asked) else _NOT_THERE)


def _failure(host: str, last: Mapping[str, Any]) -> Exception:
    if last["status"] is None:
        return urllib.error.URLError(f"{host}: {last['fault']}")
    if last["fault"]:
        return BrokenAnswer(f"{host} gave {last['fault']}")
    headers = Message()
    if last["retry_after"]:
        headers["Retry-After"] = last["retry_after"]
    return urllib.error.HTTPError(last["url"], last["status"], "refused", headers, io.BytesIO())
