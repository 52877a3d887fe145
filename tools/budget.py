"""How long all tests may take, where something else would end them. Needs the standard library alone: the
client's tests run in environments that have nothing else of ours."""

from __future__ import annotations

import os
import time
from typing import Final

MINUTES: Final = "TEST_MINUTES"
"""Environment variable: what is not begun within so many minutes is not run, and said."""
UNTIL: Final = "TEST_UNTIL"
"""The same for those who are started on the way, as Unix time."""


def begin() -> None:
    """The time runs from now on.

    Raises:
        ValueError: the limit is no number.
    """
    said = os.environ.get(MINUTES)
    if said is not None:
        os.environ[UNTIL] = str(int(time.time()) + 60 * int(said))


def is_over() -> bool:
    """Whether nothing more is to be begun."""
    return time.time() > float(os.environ.get(UNTIL, "inf"))
