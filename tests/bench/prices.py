"""Prices to measure with: random walks of a few symbols, a minute apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.prices import walk
from workloads.kit.codec import encode
from workloads.kit.contracts.messages import Price
from workloads.kit.records import Record

SYMBOLS = [f"SYN-BENCH-{n}" for n in range(1, 13)]
_START = datetime(2020, 1, 1, tzinfo=UTC)


def prices(count: int) -> Iterator[Price]:
    """`count` prices, the symbols in turn, in the order of their times."""
    walks = [walk(seed, count // len(SYMBOLS) + 1).tolist() for seed in range(len(SYMBOLS))]
    for n in range(count):
        session, symbol = divmod(n, len(SYMBOLS))
        at = _START + timedelta(minutes=session)
        yield Price(
            source="bench",
            market="bench",
            symbol=SYMBOLS[symbol],
            product="spot",
            delivery_start=at,
            delivery_end=at + timedelta(days=1),
            resolution="P1D",
            published_at=at + timedelta(seconds=1),
            price=walks[symbol][session],
            currency="EUR",
            unit="MWh",
            provenance="synthetic",
        )


def records(count: int) -> list[Record[Price]]:
    """The same as a consumer gets them from one partition."""
    return [
        Record("bench", 0, offset, price.symbol.encode(), price, encode(price), 0)
        for offset, price in enumerate(prices(count))
    ]
