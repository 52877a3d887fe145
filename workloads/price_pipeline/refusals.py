"""Refused rows on the dead-letter topic: the row's own bytes, and headers that say whose they are and why."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import topics
from workloads.kit.records import Headers, Output
from workloads.price_pipeline.rows import Refused

TOPIC: Final = topics.dead_letter(topics.COMMODITY_PRICES)

_SOURCE: Final = "source"
_WORKLOAD: Final = ("workload", b"price-pipeline")


def output(row: Refused) -> Output:
    """The dead letter of a refused row."""
    headers = {_SOURCE: row.source, "symbol": row.symbol, "error": row.error, "reason": row.reason}
    # A row that is no text has escapes in its fields, which UTF-8 has no bytes for.
    named = [(name, value.encode(errors="backslashreplace")) for name, value in headers.items()]
    return Output(TOPIC, row.symbol.encode(errors="backslashreplace"), row.raw, [_WORKLOAD, *named])


def source_of(headers: Headers) -> str | None:
    """The source of a refused row; None for a message that a consumer dead-lettered."""
    own = dict(headers)
    return own[_SOURCE].decode() if own.get(_WORKLOAD[0]) == _WORKLOAD[1] and _SOURCE in own else None
