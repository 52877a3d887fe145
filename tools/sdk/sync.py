"""`carbon_client/client.py`: the asynchronous client without `async` and `await`: both are one text."""

from __future__ import annotations

import re
from typing import Final

_HEAD: Final = '"""The client. Made from `async_client.py` by `python -m tools sdk generate`."""'

_WORDS: Final = (
    (r'\A""".*?"""', _HEAD),
    (r"\b(?:async|await) ", ""),
    (r"\basyncio\b", "time"),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bAsyncGenerator\[(.+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsync([A-Z])", r"\1"),
    (r"\ba(close|read|iter_bytes)\b", r"\1"),
    ("Asks a data-api.", "Asks a data-api; threads may share one."),
    (r"in an `with`", "in a `with`"),
)


def text(asynchronous: str) -> str:
    """The module."""
    for pattern, instead in _WORDS:
        asynchronous = re.sub(pattern, instead, asynchronous, flags=re.DOTALL)
    return asynchronous
