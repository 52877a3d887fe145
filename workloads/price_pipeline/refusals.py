"""Refused rows on the dead-letter topic: the row's own bytes, and headers that say whose they are and why."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts.declared.market_connectors import MARKET_JOBS
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.dead_letters import letter
from workloads.kit.records import Headers, Output
from workloads.price_pipeline.rows import Refused

_SOURCE: Final = "source"
_SYMBOL: Final = "symbol"
_WRITERS: Final = frozenset(job.name.encode() for job in (PRICE_PIPELINE, *MARKET_JOBS.values()))
"""Who refuses rows of sources; consumers' dead letters are of messages."""


def output(row: Refused) -> Output:
    """The dead letter of a refused row, cut to fit."""
    named = {"workload": row.workload, _SOURCE: row.source, _SYMBOL: row.symbol, "error": row.error}
    return letter(row.topic, row.symbol, row.raw, {**named, "reason": row.reason})


def series_of(headers: Headers) -> tuple[str, str] | None:
    """Source and symbol of a refused row, one of several where it holds more; None for a message that a
    consumer dead-lettered."""
    own = dict(headers)
    if own.get("workload") not in _WRITERS or _SOURCE not in own:
        return None
    source, symbol = (own.get(name, b"").decode(errors="backslashreplace") for name in (_SOURCE, _SYMBOL))
    return source, symbol
