"""Settings that sources of several tests have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GERMAN_HOURS: Mapping[str, Any] = {
    "market": "power",
    "currency": "EUR",
    "unit": "MWh",
    "product": "day-ahead",
    "resolution": "PT1H",
    "time_zone": "Europe/Berlin",
    "publication": {"day": -1, "at": "12:57"},
}
"""Of the German day-ahead auction's hours."""
