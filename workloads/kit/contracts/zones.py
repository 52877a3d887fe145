"""Bidding zones and hubs whose weather is followed, each by a point in the midst of its demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Point(NamedTuple):
    """Degrees north and east."""

    latitude: float
    longitude: float


WEATHER_POINTS: Final[Mapping[str, Point]] = {
    "AT": Point(48.21, 16.37),
    "BE": Point(50.85, 4.35),
    "CAISO": Point(34.05, -118.24),
    "CH": Point(47.38, 8.54),
    "DE-LU": Point(50.11, 8.68),
    "DK1": Point(56.16, 10.20),
    "ERCOT": Point(32.78, -96.80),
    "ES": Point(40.42, -3.70),
    "FI": Point(60.17, 24.94),
    "FR": Point(48.85, 2.35),
    "GB": Point(51.51, -0.13),
    "MISO": Point(41.88, -87.63),
    "NL": Point(52.37, 4.90),
    "NO1": Point(59.91, 10.75),
    "PJM": Point(39.95, -75.17),
    "PL": Point(52.23, 21.01),
    "SE3": Point(59.33, 18.07),
}
"""Zone -> its point. One point is a coarse measure of a zone as large as MISO's: the name of the zone is what
the indicator is filed under, not the area that it was averaged over."""
