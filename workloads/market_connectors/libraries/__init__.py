"""The markets' libraries, one module each: from a question of this platform to a call of the library's own,
and from what it gave to points. The requests and their parsers are the libraries'.

A library is imported when it is first asked: each takes seconds, and none is in the checks' environment.
One is a program of its own (`program.py`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from workloads.kit.contracts.market import Library
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Point

Reader = Callable[[Feed, Days, str | None], list[Point]]
"""The points of a feed on these days, and perhaps of others; none where the market has none. Takes the key.

Raises:
    Exception: whatever the library raises where it cannot have them.
"""

_MODULES: dict[Library, str] = {
    "entsoe-py": "entsoe_py",
    "gridstatus": "gridstatus",
    "elexonpy": "elexonpy",
    "nemosis": "nemosis",
}


def reader(library: Library) -> Reader:
    """The function that asks a library."""
    return importlib.import_module(f"{__name__}.{_MODULES[library]}").read


def load(name: str) -> Any:
    """A library's module, without the types that most of them do not have."""
    return importlib.import_module(name)
