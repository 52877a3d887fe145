"""The platform's own workloads: a file each, which has the workload's section of a stack file and its pods.

A room is found by being here: each module's `ROOM`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, Final

from infra.workloads.room import Room


def _rooms() -> list[Room[Any]]:
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return [module.ROOM for module in modules if hasattr(module, "ROOM")]


ROOMS: Final = tuple(_rooms())
"""All rooms, in the order of their names."""
