"""The table of power markets, of which a stack names those that it wants. docs/markets.md is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Final

from workloads.kit.contracts.market import Forecast, Market

_QUARTERS: Final = {date(2025, 10, 1): "PT15M"}
"""From this delivery day on the coupled day-ahead auction of Europe clears quarters of an hour."""

_ENTSOE_LICENCE: Final = "CC BY 4.0 as ENTSO-E's terms say, where the data's owner does not restrict it"


def _zone(
    name: str,
    operator: str,
    zone: str,
    *,
    currency: str = "EUR",
    published: time = time(12, 57),
    quarters: bool = True,
    forecasts: tuple[Forecast, ...] = (),
) -> Market:
    """A bidding zone of ENTSO-E's platform."""
    code = name.replace("-", "_")
    return Market(
        name=name,
        operator=operator,
        library="entsoe-py",
        call=f"query_day_ahead_prices({code})",
        code=code,
        group="europe",
        zone=zone,
        currency=currency,
        resolution_from=_QUARTERS if quarters else {},
        publication=published,
        licence=_ENTSOE_LICENCE,
        secret="entsoe",  # noqa: S106  # the name of a secret
        hosts=("web-api.tp.entsoe.eu",),
        days=90,
        forecasts=forecasts,
    )


_ALL: Final = (_zone("DE-LU", "EPEX SPOT", "Europe/Berlin", forecasts=("load", "wind-solar")),)

MARKETS: Final[Mapping[str, Market]] = {market.name: market for market in _ALL}
"""Name → market."""


def hosts(markets: Iterable[Market]) -> tuple[str, ...]:
    """Host names that the libraries ask for these markets: all that their job has to reach outside."""
    return tuple(sorted({host for market in markets for host in market.hosts}))
