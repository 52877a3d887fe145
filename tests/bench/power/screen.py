"""A set's result as tables for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.bench.power.results import ENSEMBLE, Result, Row
from workloads.model_training.measures import Interval


def show(result: Result, console: Console) -> None:
    """Print every forecast's errors and tests, then the ensemble's intervals."""
    errors = Table(
        title=f"{result.name}, {result.start} to {result.end}: forecasts made the day before",
        title_justify="left",
    )
    columns = ("MAE", "rMAE", "sMAPE %", "RMSE", "bias", "accuracy %", "s a day", "weight")
    rivals = list(result.row(ENSEMBLE).better_than)
    errors.add_column("forecast")
    for column in (*columns, *(f"p: {rival}" for rival in rivals)):
        errors.add_column(column, justify="right")
    for row in sorted(result.rows, key=lambda one: -one.errors.mae):
        errors.add_row(row.name, *_errors(row, result), *(_p(row.better_than.get(rival)) for rival in rivals))
    console.print(errors)
    console.print(
        "[dim]rMAE beside the naive forecast; accuracy is 1 - MAE / mean |price|; s a day is the processor's"
        " for calibration; p of the one-sided Diebold-Mariano test a day: below 0.05, better than that one."
    )
    found = result.intervals
    intervals = Table(title=f"{result.name}: 90 % interval of the ensemble", title_justify="left")
    for column in ("over", "covered %", "mean width", "hours"):
        intervals.add_column(column, justify="left" if column == "over" else "right")
    _interval(intervals, "whole", found.whole)
    for quarter, one in found.by_quarter.items():
        _interval(intervals, quarter, one)
    for sign, one in found.by_price.items():
        _interval(intervals, f"price {sign}", one)
    for sign, one in found.by_forecast.items():
        _interval(intervals, f"forecast {sign}", one)
    intervals.add_row("constant, of the same coverage in hindsight", "", f"{found.constant:.2f}", "")
    console.print(intervals)
    console.print(
        f"CRPS {found.crps:.3f}; pinball loss at 5, 50, 95 %: "
        + ", ".join(f"{found.pinball[level]:.3f}" for level in ("0.05", "0.50", "0.95"))
    )


def _errors(row: Row, result: Result) -> tuple[str, ...]:
    e = row.errors
    weight = result.weights.get(row.name)
    return (
        f"{e.mae:.3f}",
        f"{e.rmae:.3f}",
        f"{e.smape:.2f}",
        f"{e.rmse:.2f}",
        f"{e.bias:+.2f}",
        f"{100 * e.accuracy:.1f}",
        "" if row.seconds is None else f"{row.seconds:.2f}",
        "" if weight is None else f"{weight:.2f}",
    )


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(table: Table, name: str, one: Interval) -> None:
    if one.periods:
        table.add_row(name, f"{100 * one.coverage:.1f}", f"{one.width:.2f}", f"{one.periods:,}")
