"""Refused rows on the dead-letter topic: the row's own bytes, and headers that say whose they are and why."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.dead_letters import letter
from workloads.kit.records import Headers, Output
from workloads.price_pipeline.rows import Refused

_SOURCE: Final = "source"
_WORKLOAD: Final = PRICE_PIPELINE.name


def output(row: Refused) -> Output:
    """The dead letter of a refused row, cut to fit."""
    named = {"workload": _WORKLOAD, _SOURCE: row.source, "symbol": row.symbol, "error": row.error}
    return letter(row.topic, row.symbol, row.raw, {**named, "reason": row.reason})


def source_of(headers: Headers) -> str | None:
    """The source of a refused row; None for a message that a consumer dead-lettered."""
    own = dict(headers)
    if own.get("workload") != _WORKLOAD.encode() or _SOURCE not in own:
        return None
    return own[_SOURCE].decode(errors="backslashreplace")
