"""System operators of North America, by gridstatus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Final, Literal

from workloads.kit.contracts.market import Market
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import load
from workloads.market_connectors.points import Days, Point

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Call:
    """One method of a class of the library.

    Args:
        method: its name; it is asked a day at a time.
        given: what else it is given for a place.
        location: column that names the place, where the frame has several.
        price: column of prices.
        ends: of which days it has to be told the end: of `all`, which it would take for open, or of `long`
            ones, which it would take for 24 hours. Told one, it passes over errors if it is let.
    """

    method: str
    given: Callable[[str], Mapping[str, Any]]
    location: str | None = "Location"
    price: str = "LMP"
    ends: Literal["none", "long", "all"] = "none"


def _all(_: str) -> dict[str, Any]:
    return {}


def _hourly(place: str) -> dict[str, Any]:
    return {"market": "DAY_AHEAD_HOURLY", "locations": [place]}


_CALLS: Final[Mapping[str, _Call]] = {
    "Ercot": _Call("get_spp", _hourly, price="SPP"),
    "MISO": _Call("get_lmp_day_ahead_hourly", _all),
    # Of one node: that of all nodes is a file of 100 MB. Its pauses are the transport's business.
    "CAISO": _Call("get_lmp", lambda place: {**_hourly(place), "sleep": 0}, ends="long"),
    "PJM": _Call("get_lmp", _hourly, location=None),
    "NYISO": _Call("get_lmp", lambda place: {**_hourly(place), "location_type": "zone"}),
    "ISONE": _Call("get_lmp_day_ahead_hourly", _all),
    "SPP": _Call("get_lmp_day_ahead_hourly", lambda _: {"location_type": "Hub"}),
    "IESO": _Call("get_lmp_day_ahead_hourly_ontario_zonal", _all, location=None),
    "AESO": _Call("get_pool_price", _all, location=None, price="Pool Price", ends="all"),
}
"""Class of the library → how it is asked."""


def read(feed: Feed, days: Days, key: str | None) -> list[Point]:
    """Points of a hub or zone."""
    library, pandas = load("gridstatus"), load("pandas")
    # It tells of every request.
    logging.getLogger("gridstatus").setLevel(logging.WARNING)
    market = feed.market
    call = _CALLS[market.code]
    operator = _operator(library, market, key)
    found: list[Point] = []
    for day in days.each:
        start = pandas.Timestamp(day, tz=operator.default_timezone)
        over = start + pandas.DateOffset(days=1)
        told: dict[str, Any] = {}
        if call.ends == "all":
            told = {"end": over, "error": "raise"}
        elif call.ends == "long" and over - start > _DAY:
            told = {"end": over}
        frame = getattr(operator, call.method)(start, **told, **call.given(market.place))
        if call.location is not None:
            frame = frame[frame[call.location] == market.place]
        starts, ends = frame["Interval Start"], frame["Interval End"]
        for begin, end, price in zip(starts, ends, frame[call.price], strict=True):
            amount = None if pandas.isna(price) else float(price)
            found.append(Point(_utc(begin), _utc(end), market.symbol, amount))
    return found


def _operator(library: Any, market: Market, key: str | None) -> Any:
    kind = getattr(library, market.code)
    if key is None:
        return kind()
    # PJM's class would ask again what the transport has asked often enough.
    return kind(api_key=key, retries=0) if market.code == "PJM" else kind(api_key=key)


def _utc(stamp: Any) -> Any:
    return stamp.to_pydatetime().astimezone(UTC)
