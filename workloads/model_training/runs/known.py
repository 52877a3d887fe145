"""What was known of an instrument when a forecast is issued: by `published_at` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import sql

from workloads.kit.contracts.instruments import Instrument
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, MARKET_INDICATORS, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.power.days import Days
from workloads.kit.power.features import REACH
from workloads.model_training import day_ahead
from workloads.model_training.kinds import intervals
from workloads.model_training.kinds.inputs import FEWEST_DAYS
from workloads.model_training.kinds.lear import WINDOWS
from workloads.model_training.prices import ENOUGH
from workloads.model_training.runs.grid import Grid

HISTORY_DAYS: Final = 2200
"""Days before delivery that are read: the longest calibration window, and those that are walked after it."""

STALE_DAYS: Final = 7
"""A forecast whose newest price is older than that many days before its delivery is none."""

_SHORTEST: Final = min(WINDOWS) + REACH - 1
"""Days that the kind with the shortest memory is calibrated on."""

# Of each period the newest revision, and none where that withdraws the price.
_PRICES: Final = sql.SQL(
    "SELECT delivery_start, published_at, price, market, provenance, currency, unit FROM"
    " (SELECT DISTINCT ON (delivery_start) delivery_start, published_at, price::float8, market, provenance,"
    " currency, unit, withdrawn FROM {} WHERE symbol = %(symbol)s AND source = %(source)s"
    " AND resolution = %(resolution)s AND product = 'day-ahead' AND published_at <= %(issued_at)s"
    " AND delivery_start >= %(first)s AND delivery_start < %(delivery)s"
    " ORDER BY delivery_start DESC, published_at DESC) newest WHERE withdrawn IS NULL"
    " ORDER BY delivery_start DESC"
).format(sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY))

# All revisions: what a past day's forecast could know of it is another matter than what is known now.
_INDICATORS: Final = sql.SQL(
    "SELECT name, delivery_start, published_at, value::float8, unit FROM {} WHERE zone = %(zone)s"
    " AND name = ANY(%(names)s) AND kind = 'forecast' AND resolution = %(resolution)s"
    " AND published_at <= %(issued_at)s AND delivery_start >= %(first)s AND delivery_start < %(end)s"
    " ORDER BY published_at, source"
).format(sql.Identifier(SCHEMA, MARKET_INDICATORS))


class NotForecast(Exception):
    """There is no forecast; the text is why, and what would help."""


@dataclass(frozen=True, slots=True)
class Newest:
    """A period whose price was known, here the newest one, and in which terms."""

    delivery_start: datetime
    published_at: datetime
    price: float
    market: str
    provenance: str
    currency: str
    unit: str


@dataclass(frozen=True, slots=True)
class Known:
    """`days` ends with the delivery day, whose prices are NaN; its exogenous series are `indicators`, those
    of the instrument that were there for every period, and for long enough. `missing` names what was not."""

    delivery: date
    issued_at: datetime
    grid: Grid
    days: Days
    indicators: tuple[str, ...]
    missing: tuple[str, ...]
    newest: Newest


def read(conn: Connection, instrument: Instrument, delivery: date, issued_at: datetime) -> Known:
    """What a forecast of `delivery` that is issued at `issued_at` may know.

    Of an indicator of a day before, that is what the day's own forecast could know: a revision of after its
    issue taught it nothing. Of several sources the one that published last holds. Of prices in several
    currencies or units those hold that are `ENOUGH`, or the newest where none are: a few are a mistake.

    Raises:
        NotForecast: no prices, or none of late, or no such day.
    """
    grid = Grid(instrument.resolution, instrument.time_zone)
    periods = grid.periods(delivery)
    if not periods:
        raise NotForecast(
            f"{instrument.time_zone} had no {delivery}: it went from the day before to that after"
        )
    begins, ends = periods[0][0], periods[-1][1]
    asked: dict[str, Any] = {
        "symbol": instrument.symbol,
        "source": instrument.source,
        "resolution": instrument.resolution,
        "zone": instrument.indicator_zone,
        "names": instrument.indicators,
        "issued_at": issued_at,
        "first": begins - timedelta(days=HISTORY_DAYS),
        "delivery": begins,
        "end": ends,
    }
    with conn.transaction():
        rows = conn.execute(_PRICES, asked).fetchall()
        told = conn.execute(_INDICATORS, asked).fetchall() if instrument.indicators else []
    if not rows:
        raise NotForecast(
            f"no {instrument.resolution} day-ahead price of {instrument.symbol} from {instrument.source} was"
            f" published by {issued_at.isoformat()}: see price-pipeline's sources, and the instrument's names"
        )
    standing = _in_standing_terms([Newest(*row) for row in rows])
    newest = standing[0]
    last = newest.delivery_start.astimezone(grid.zone).date()
    if (delivery - last).days > STALE_DAYS:
        raise NotForecast(
            f"the newest price is of {last}, more than {STALE_DAYS} days before {delivery}: the feed is"
            f" stale, or its periods are no longer {instrument.resolution}"
        )
    prices = {one.delivery_start: one.price for one in standing}
    first = min(prices).astimezone(grid.zone).date()
    dates = [first + timedelta(days=n) for n in range((delivery - first).days + 1)]
    table = np.stack([grid.row(of, prices) for of in dates])
    series = [_series(instrument, grid, dates, told, name, issued_at) for name in instrument.indicators]
    there = [bool(np.isfinite(one[-1]).all()) and _teaches(one) for one in series]
    kept = [one for one, is_there in zip(series, there, strict=True) if is_there]
    exogenous = np.stack(kept, axis=1) if kept else np.empty((len(dates), 0, grid.places))
    missing = [name for name, is_there in zip(instrument.indicators, there, strict=True) if not is_there]
    if not np.isfinite(table[-2:-1]).all() or len(dates) < 2:
        missing.append(f"prices of {delivery - timedelta(days=1)}")
    return Known(
        delivery,
        issued_at,
        grid,
        Days(np.array(dates, dtype="datetime64[D]"), table, exogenous),
        tuple(name for name, is_there in zip(instrument.indicators, there, strict=True) if is_there),
        tuple(missing),
        newest,
    )


def _in_standing_terms(prices: Sequence[Newest]) -> list[Newest]:
    """Prices, the newest first, in the terms of the newest that are enough to have changed to."""
    by_terms: dict[tuple[str, str], list[Newest]] = {}
    for one in prices:
        by_terms.setdefault((one.currency, one.unit), []).append(one)
    return max(by_terms.values(), key=lambda held: (len(held) >= ENOUGH, held[0].delivery_start))


def _teaches(values: np.ndarray) -> bool:
    """Whether an indicator (D, H) is old enough: the first model that is walked has to learn from it, too.

    Nor was it away for so long of late that the shortest window of one that an interval needs would lack it:
    days after its last value have that one.
    """
    count = len(values) - 1
    came = np.concatenate([[0], np.cumsum(np.isfinite(values).all(axis=1))])
    taught = FEWEST_DAYS + REACH - 1
    lately = np.arange(count - intervals.FEWEST, count + 1)
    begins = came[np.maximum(0, lately - taught + 1)] - came[np.maximum(0, lately - _SHORTEST)]
    return bool(came[day_ahead.warm_up(count)] >= taught and begins.all())


def _series(
    instrument: Instrument,
    grid: Grid,
    dates: Sequence[date],
    told: Sequence[tuple[Any, ...]],
    name: str,
    issued_at: datetime,
) -> np.ndarray:
    """An indicator by day and place, (D, H), each day as its own forecast could know it.

    In the unit of what was published last: values in another are not to be compared with these.
    """
    told = [row for row in told if row[0] == name]  # in order of publication: the last one holds
    unit = told[-1][4] if told else None
    issues = {of: min(instrument.issue(of), issued_at) for of in dates}
    values: dict[datetime, float] = {}
    for _, start, published, value, of_unit in told:
        at = start.astimezone(grid.zone).date()
        if of_unit == unit and published <= issues.get(at, issued_at):
            values[start.astimezone(UTC)] = value
    return np.stack([grid.row(of, values) for of in dates])
