"""Tables for the person who reads a run's output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workloads.model_training.monitor import Finding

if TYPE_CHECKING:
    from workloads.model_training.outcomes import Outcome
    from workloads.model_training.runs.run import Outcome as Forecast


def outcomes(rows: Sequence[Outcome]) -> str:
    """One line a symbol, real ones first: figures of real and synthetic prices are never added up."""
    ordered = sorted(rows, key=lambda row: (row.provenance or "", row.symbol))
    header = ("symbol", "provenance", "rows", "version", "skill", "at least", "coverage", "decision", "why")
    return table(
        header,
        [
            (
                row.symbol,
                row.provenance or "-",
                str(row.rows),
                _text(row.version),
                _signed(row.skill),
                _signed(row.skill_lower),
                "-" if row.coverage is None else f"{row.coverage:.1%}",
                row.decision if row.decision != "challenger" else "challenger, skill: none",
                row.reason,
            )
            for row in ordered
        ],
    )


def findings(rows: Sequence[Finding]) -> str:
    """One line a champion."""
    header = ("symbol", "version", "outcomes", "live skill", "coverage", "action", "why")
    return table(
        header,
        [
            (
                row.symbol,
                str(row.version),
                str(row.outcomes),
                _signed(row.skill),
                "-" if row.coverage is None else f"{row.coverage:.1%}",
                row.action,
                row.reason,
            )
            for row in rows
        ],
    )


def forecasts(rows: Sequence[Forecast]) -> str:
    """One line an instrument and delivery day."""
    return table(
        ("symbol", "delivery day", "issued at", "outcome", "why"),
        [
            (row.symbol, str(row.delivery_day), f"{row.issued_at:%Y-%m-%d %H:%MZ}", row.outcome, row.reason)
            for row in rows
        ],
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns."""
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (header, *rows)
    )


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)
