"""Values as PostgreSQL's JSON takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast


def storable(value: Any) -> Any:
    """JSON values that PostgreSQL stores: without NUL and halves of pairs, and null for what is no number."""
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return None if isinstance(value, float) and not math.isfinite(value) else value
