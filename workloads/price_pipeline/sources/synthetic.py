"""Generated prices, for volume: correlated, mean-reverting, with clustered volatility and jumps.

They are synthetic and say so in each message. A symbol's log price is an Ornstein-Uhlenbeck process in daily
steps around a level with a yearly season; its shocks have GARCH(1,1) variance, share a correlation (by
Cholesky), and now and then carry a jump. The first n days are the same whatever the last day is: all
randomness is drawn a day at a time from streams whose bits the seed fixes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist

import numpy as np

from workloads.kit.contracts.sources.kinds import Faults, SyntheticSymbol
from workloads.kit.contracts.sources.kinds import SyntheticSource as SyntheticConfig
from workloads.price_pipeline.rows import RawRow, Terms
from workloads.price_pipeline.sources import table

_ALPHA, _BETA = 0.08, 0.88
"""GARCH(1,1): what yesterday's shock and yesterday's variance add to today's variance."""

_JUMP_PROBABILITY, _JUMP_VOLATILITIES = 0.01, 4.0
_DECIMALS = 4


class SyntheticSource:
    """Rows of the generator up to the clock's today."""

    def __init__(self, config: SyntheticConfig, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock
        self._terms = [
            Terms(
                source=config.name,
                market=symbol.market,
                currency=symbol.currency,
                unit=symbol.unit,
                provenance="synthetic",
                publication_lag=config.publication_lag,
            )
            for symbol in config.symbols
        ]

    @property
    def ordered(self) -> bool:
        return self._config.faults is None

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        today = self._clock().date()
        faults = _Faulty(self._config.faults, self._config.seed) if self._config.faults else None
        for day, prices in paths(self._config, until=today):
            event_time = datetime.combine(day, self._config.time_of_day, UTC)
            for place, (symbol, terms, price) in enumerate(
                zip(self._config.symbols, self._terms, prices, strict=True)
            ):
                if (since and event_time < since) or (until and event_time > until):
                    continue
                row = _row(symbol.symbol, terms, event_time, price)
                yield from faults.spoil(row, price, day, place, today) if faults else (row,)


def paths(config: SyntheticConfig, until: date) -> Iterator[tuple[date, list[float]]]:
    """Each day from `config.start` to `until` with its price of each symbol, in `config.symbols`' order."""
    symbols = config.symbols
    mix = _cholesky(symbols, config.within_market, config.across_markets)
    normals, jumps = _Stream(config.seed, 0), _Stream(config.seed, 1)
    deviation = [0.0] * len(symbols)
    variance = [symbol.volatility**2 for symbol in symbols]
    for number in range((until - config.start).days + 1):
        day = config.start + timedelta(days=number)
        independent = [normals.normal() for _ in symbols]
        prices: list[float] = []
        for i, symbol in enumerate(symbols):
            shock = math.sqrt(variance[i]) * math.fsum(mix[i][j] * independent[j] for j in range(i + 1))
            variance[i] = (
                (1 - _ALPHA - _BETA) * symbol.volatility**2 + _ALPHA * shock**2 + _BETA * variance[i]
            )
            # Both are drawn on every day: a jump does not shift what follows it in the stream.
            jumped, size = jumps.uniform() < _JUMP_PROBABILITY, jumps.normal()
            jump = _JUMP_VOLATILITIES * symbol.volatility * size if jumped else 0.0
            deviation[i] += -symbol.reversion * deviation[i] + shock + jump
            season = symbol.season * math.cos(2 * math.pi * day.timetuple().tm_yday / 365.25)
            prices.append(round(symbol.level * math.exp(season + deviation[i]), _DECIMALS))
        yield day, prices


class _Stream:
    """Numbers from a bit generator, made here: NumPy fixes a bit generator's bits for ever, but not what its
    distributions make of them."""

    def __init__(self, seed: int, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *key]))
        self._inverse = NormalDist().inv_cdf

    def uniform(self) -> float:
        """In the open interval (0, 1)."""
        return (int(self._bits.random_raw()) >> 12) * 2.0**-52 + 2.0**-53

    def normal(self) -> float:
        return self._inverse(self.uniform())


def _cholesky(symbols: Sequence[SyntheticSymbol], within: float, across: float) -> list[list[float]]:
    markets = [symbol.market for symbol in symbols]
    correlation = np.array([[within if a == b else across for b in markets] for a in markets])
    np.fill_diagonal(correlation, 1.0)
    return [[float(x) for x in row] for row in np.linalg.cholesky(correlation)]


class _Faulty:
    """Spoils rows on purpose. What happens to a row depends on its day and symbol alone."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = faults
        self._seed = seed

    def spoil(self, row: RawRow, price: float, day: date, place: int, today: date) -> Iterator[RawRow]:
        """What comes of a sound row: nothing, itself, itself twice, or one with another price."""
        faults, draw = self._faults, _Stream(self._seed, 2, day.toordinal(), place)
        gap, duplicate, spike, late = (
            draw.uniform() < share for share in (faults.gap, faults.duplicate, faults.spike, faults.late)
        )
        if gap:
            return
        if late and day + timedelta(days=faults.late_days) > today:
            return
        if spike:
            price = round(price * faults.spike_factor, _DECIMALS)
        fault = "late" if late else "spike" if spike else "duplicate" if duplicate else None
        spoilt = _row(str(row.symbol), row.terms, row.event_time, price, fault)
        yield spoilt
        if duplicate:
            yield spoilt


def _row(symbol: str, terms: Terms, event_time: object, price: float, fault: str | None = None) -> RawRow:
    raw = table.as_json({"symbol": symbol, "event_time": event_time, "price": price})
    return RawRow(terms, raw, symbol, event_time, price, fault=fault)
