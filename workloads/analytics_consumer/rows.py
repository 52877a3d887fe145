"""Rows of the feature store from prices and their series."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from workloads.analytics_consumer.figures import (
    INDICATORS_SIZE,
    SHORT_SIZE,
    TRENDS_SIZE,
    Indicators,
    highest,
    indicators,
    newest_known,
    trends,
)
from workloads.kit.contracts.messages import Analytics, Price, Provenance
from workloads.kit.records import Record
from workloads.kit.revisions import instants
from workloads.kit.series import Change, Series
from workloads.kit.series_store import Origin, SeriesKey
from workloads.kit.windows import Floats


class PriceKey(NamedTuple):
    """Identity of a price's revision."""

    source: str
    symbol: str
    delivery_start: datetime
    resolution: str
    published_at: datetime


class Key(NamedTuple):
    """Identity of a row of figures: what they are of, and when they could be known."""

    source: str
    symbol: str
    event_time: datetime
    resolution: str
    available_time: datetime


PRICE_COLUMNS: Final = (
    *PriceKey._fields,
    "delivery_end",
    "product",
    "market",
    "price",
    "currency",
    "unit",
    "provenance",
    "correction",
    "replayed_from",
    "stated_at",
    "withdrawn",
    "topic_partition",
    "topic_offset",
)
TREND_COLUMNS: Final = Analytics.__struct_fields__
INDICATOR_COLUMNS: Final = (*Key._fields, "market", "provenance", *Indicators._fields)


def price_row(record: Record[Price]) -> tuple[Any, ...]:
    """A price as commodity_prices_daily holds it, in the order of `PRICE_COLUMNS`."""
    price = record.value
    return (
        price.source,
        price.symbol,
        price.delivery_start,
        price.resolution,
        price.published_at,
        price.delivery_end,
        price.product,
        price.market,
        price.price,
        price.currency,
        price.unit,
        price.provenance,
        price.correction,
        price.replayed_from,
        price.stated_at,
        price.withdrawn,
        record.partition,
        record.offset,
    )


def trend_messages(
    of: SeriesKey, series: Series, change: Change, origins: Sequence[Origin]
) -> Iterator[Analytics]:
    """Trends of each session whose window the change touches, oldest first."""
    touched = _Touched(series, change, TRENDS_SIZE, origins)
    if not touched.count:
        return
    columns = (column[touched.rows] for column in trends(touched.prices, touched.count))
    for (
        source,
        market,
        provenance,
        event,
        available,
        last,
        mean_7,
        mean_30,
        vol_7,
        vol_30,
        trend,
        sessions,
    ) in zip(*touched.head, *map(_nullable, columns), touched.sessions, strict=True):
        yield Analytics(
            source=source,
            market=market,
            symbol=of.symbol,
            resolution=of.resolution,
            event_time=event,
            available_time=available,
            provenance=provenance,
            last=last,
            mean_7=mean_7,
            mean_30=mean_30,
            volatility_7=vol_7,
            volatility_30=vol_30,
            trend_30=trend,
            sessions=sessions,
        )


trend_row = msgspec.structs.astuple
"""A message of `trend_messages` as price_trends holds it, in the order of `TREND_COLUMNS`."""


def indicator_rows(
    of: SeriesKey, series: Series, change: Change, origins: Sequence[Origin]
) -> Iterator[tuple[Any, ...]]:
    """Indicators of each session whose figures the change moves, in the order of `INDICATOR_COLUMNS`.

    Only the highest price looks back further than `SHORT_SIZE`, and few corrections move it: a row that would
    say what the one before it says is left out.
    """
    touched = _Touched(series, change, INDICATORS_SIZE, origins, _moved)
    if not touched.count:
        return iter(())
    sources, markets, provenances, events, available = touched.head
    columns = (column[touched.rows] for column in indicators(touched.prices, touched.count))
    return zip(
        sources,
        repeat(of.symbol),
        events,
        repeat(of.resolution),
        available,
        markets,
        provenances,
        *map(_nullable, columns),
        strict=False,
    )


Moved = Callable[[Floats, Sequence[tuple[int, float]]], NDArray[np.bool_]]


class _Touched:
    """The sessions whose window of `size` holds one that changed, and what their rows start with.

    Where all that changed is prices, `moved` is given those that the windows look at and which of them were
    others before, and says of which sessions a row is wanted; all are without it.
    """

    def __init__(
        self,
        series: Series,
        change: Change,
        size: int,
        origins: Sequence[Origin],
        moved: Moved | None = None,
    ) -> None:
        sessions = series.sessions
        start = change.start
        stop = start if change.is_nothing else min(change.stop - 1 + size, len(sessions))
        self.count = stop - start
        if not self.count:
            return
        first = max(start - size + 1, 0)
        self.prices = series.prices(first, stop)
        self.rows: slice | NDArray[np.intp] = slice(None)
        if change.revised:
            events = sessions["event"][first:stop]
            revised = [(int(np.searchsorted(events, event)), was) for event, was in change.revised]
            corrected = [(at, was) for at, was in revised if was is not None]
            wanted = np.zeros(stop - first, dtype=np.bool_)
            if moved is not None and corrected:
                wanted |= moved(self.prices, corrected)
            else:
                for at, _ in revised:
                    wanted[at : at + size] = True
            self.rows = np.flatnonzero(wanted[start - first :])
        self.sessions = np.minimum(np.arange(start, stop) + 1, size)[self.rows].tolist()
        held = [origins[index] for index in sessions["origin"][start:stop][self.rows].tolist()]
        known = newest_known(sessions["known"][first:stop], size, self.count)
        self.head: tuple[list[str], list[str], list[Provenance], list[datetime], list[datetime]] = (
            [origin.source for origin in held],
            [origin.market for origin in held],
            [origin.provenance for origin in held],
            instants(sessions["event"][start:stop][self.rows]),
            instants(known[self.rows]),
        )


def _moved(prices: Floats, corrected: Sequence[tuple[int, float]]) -> NDArray[np.bool_]:
    """Which sessions have indicators that one of the corrections moved, each as of then.

    Args:
        prices: after all corrections.
        corrected: place in `prices` and the price before, in the order in which they came.
    """
    moved = np.zeros(len(prices), dtype=np.bool_)
    after = prices.copy()
    for at, was in reversed(corrected):
        before = after.copy()
        before[at] = was
        moved[at : at + SHORT_SIZE] = True
        end = min(at + INDICATORS_SIZE, len(prices))
        later = slice(max(at + SHORT_SIZE + 1 - INDICATORS_SIZE, 0), end)
        held, holds = highest(before[later]), highest(after[later])
        moved[end - len(holds) : end] |= (held != holds) & ~(np.isnan(held) & np.isnan(holds))
        after = before
    return moved


def _nullable(column: Floats) -> list[float | None]:
    # Infinite, too, is no figure: a change from 1e-310 is beyond what a number holds.
    if np.isfinite(column).all():
        return column.tolist()
    return [value if math.isfinite(value) else None for value in column.tolist()]
