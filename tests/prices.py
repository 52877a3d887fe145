"""Prices as consumers read them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workloads.kit.codec import encode
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX, Price, Withdrawn
from workloads.kit.records import Record

START = datetime(2020, 1, 1, tzinfo=UTC)
TAKEN_BACK: Final[Sequence[Withdrawn | None]] = (None, None, "source", "platform")
"""By whom one of a topic's revisions is: seldom by anybody."""


def price(
    day: int,
    value: float,
    *,
    known: int | None = None,
    symbol: str = "WTI",
    source: str = "s",
    withdrawn: Withdrawn | None = None,
) -> Price:
    """The price of a day after `START`, known a day later or on day `known`; or taken back on that day."""
    return Price(
        source=source,
        market="crude",
        symbol=symbol,
        product="spot",
        delivery_start=START + timedelta(days=day),
        delivery_end=START + timedelta(days=day + 1),
        resolution="P1D",
        published_at=START + timedelta(days=day + 1 if known is None else known),
        price=value,
        currency="USD",
        unit="bbl",
        provenance="synthetic" if symbol.startswith(SYNTHETIC_PREFIX) else "market",
        correction=known is not None,
        withdrawn=withdrawn,
    )


def record(offset: int, value: Price) -> Record[Price]:
    """The message of a price, written when the price became known. WTI is in partition 0, others in 1."""
    return Record(
        topics.COMMODITY_PRICES,
        0 if value.symbol == "WTI" else 1,
        offset,
        value.symbol.encode(),
        value,
        encode(value),
        int(value.published_at.timestamp() * 1000),
    )


def walk(seed: int, count: int) -> NDArray[np.float64]:
    """Prices whose log is a random walk."""
    return np.exp(4 + np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))


def history(count: int, *, seed: int = 1, symbol: str = "WTI", offset: int = 0) -> list[Record[Price]]:
    """Consecutive daily prices in order, from `START` on."""
    return [
        record(offset + day, price(day, value, symbol=symbol))
        for day, value in enumerate(walk(seed, count).tolist())
    ]
