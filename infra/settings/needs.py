"""What one section of a stack asks of another."""

from __future__ import annotations

from collections.abc import Iterable

Need = tuple[bool, object, str, str]
"""Whether something is asked for, what it needs, and both their names."""


def hold(needs: Iterable[Need]) -> None:
    """See that every need is met.

    Raises:
        ValueError: names those that are not.
    """
    missing = [f"{what} needs {needed}" for asked, found, what, needed in needs if asked and not found]
    if missing:
        raise ValueError("; ".join(missing) + ": add what is missing")
