"""What is said of a market: where its prices come from, and how they are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Literal
from zoneinfo import ZoneInfo

from workloads.kit.contracts.messages import Product

Library = Literal["entsoe-py", "gridstatus", "elexonpy", "nemosis"]
Group = Literal["europe", "america", "australia", "live"]
"""What one job brings: markets of one part of the world, by the day, or what is published all day long."""
Forecast = Literal["load", "wind-solar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One row of the table.

    Args:
        name: of the market; its prices are the symbol `POWER-<name>`.
        operator: who makes the prices.
        library: that asks for them.
        call: of the library, as docs/markets.md shows it.
        code: by which the library knows the market, and `place` the hub or zone in it whose price is meant.
        zone: time zone of its delivery days: its auction's, which need not be the clock of its country.
        unit: of a price, with `currency`.
        resolution: length of its periods until the first day of `resolution_from`, then as that says.
        publication: local time at which a whole day is known; None where each period is known once it is
            over.
        publication_day: on which day that is, counted from the day of delivery.
        licence: of the data.
        secret: name of the secret file with its key; None where none is needed.
        hosts: that are asked, by https.
        days: local days that one question may span.
        per_second: questions a second that each host is asked at most.
        forecasts: that are published, too, onto market-indicators.
    """

    name: str
    operator: str
    library: Library
    call: str
    code: str
    place: str = ""
    product: Product = "day-ahead"
    group: Group
    zone: str
    currency: str
    unit: str = "MWh"
    resolution: str = "PT1H"
    resolution_from: Mapping[date, str] = field(default_factory=dict[date, str])
    publication: time | None
    publication_day: int = -1
    licence: str
    secret: str | None = None
    hosts: tuple[str, ...]
    days: int = 1
    per_second: float = 2
    forecasts: tuple[Forecast, ...] = ()

    @property
    def symbol(self) -> str:
        """Of its prices."""
        return f"POWER-{self.name}"

    @property
    def source(self) -> str:
        """Who says its prices, as messages name it."""
        return f"{self.library}.{self.name}"

    @property
    def time_zone(self) -> ZoneInfo:
        """Of its days."""
        return ZoneInfo(self.zone)

    def resolution_on(self, day: date) -> str:
        """Length of the periods of a local day, as the table says."""
        changed = [length for since, length in sorted(self.resolution_from.items()) if since <= day]
        return changed[-1] if changed else self.resolution
