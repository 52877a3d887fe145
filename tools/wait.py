"""Wait for a condition, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tools.console import duration
from tools.errors import ToolError

T = TypeVar("T")


def until(
    condition: Callable[[], T], what: str | Callable[[], str], *, limit: float, every: float = 0.5
) -> T:
    """Ask again and again until the answer is truthy, and return it.

    Args:
        what: what is waited for, for the error; or what tells it then.
        limit, every: seconds.

    Raises:
        ToolError: time ran out.
    """
    end = time.monotonic() + limit
    while not (answer := condition()):
        if time.monotonic() > end:
            said = what if isinstance(what, str) else what()
            raise ToolError(f"waited {duration(limit)} for {said}", remedy="make status shows what is wrong")
        time.sleep(every)
    return answer
