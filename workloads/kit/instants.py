"""An instant, as an argument of a command."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

_FIRST, _LAST = 1970, 9998
"""Years whose instants a zone and some months before or after leave within what a datetime holds."""


def instant(text: str) -> datetime:
    """An instant in UTC of a text with a zone.

    Raises:
        ArgumentTypeError: it is no time, names no zone, or is of no year that is meant.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: give 2026-03-01T00:00Z, say") from None
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} names no zone: end it with Z or an offset")
    if not _FIRST <= time.year <= _LAST:
        raise argparse.ArgumentTypeError(f"{text!r} is of no year from {_FIRST} to {_LAST}")
    return time.astimezone(UTC)
