"""What a run found: a table for the terminal, and the same as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tests.bench.machine import Machine
from tests.bench.measure import Failure, Measured, Sample
from tools.console import duration


class Other(msgspec.Struct, frozen=True):
    """What a figure is held against: `peer`, another way to do the same; `limit`, what nothing can pass."""

    name: str
    role: Literal["peer", "limit"]
    measured: Measured


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """A target of the value itself, or of its ratio to `against`. `reached` is None where a side of it was
    not measured; `found` says what was, in words."""

    text: str
    against: str | None
    reached: bool | None
    found: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity of ours with what it is held against. `note` says where the time goes."""

    name: str
    unit: str
    ours: Measured
    others: list[Other]
    aims: list[Aim]
    note: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the run; `reason` is why it failed or was not run."""

    name: str
    status: Literal["done", "failed", "not run"]
    seconds: float
    figures: list[Figure]
    reason: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    machine: Machine
    quick: bool
    started: str
    seconds: float
    parts: list[Part]

    @property
    def failed(self) -> bool:
        """Whether a part, a figure or a peer could not be measured; an aim not reached is no failure."""
        figures = [figure for part in self.parts for figure in part.figures]
        measured = [m for figure in figures for m in (figure.ours, *(o.measured for o in figure.others))]
        return any(part.status == "failed" for part in self.parts) or any(
            isinstance(one, Failure) for one in measured
        )


def at_least(ours: Measured, bound: float) -> Aim:
    reached = None if isinstance(ours, Failure) else ours.median >= bound
    return Aim(text=f"≥ {number(bound)}", against=None, reached=reached, found=_share(ours, bound))


def at_most(ours: Measured, bound: float) -> Aim:
    reached = None if isinstance(ours, Failure) else ours.median <= bound
    return Aim(text=f"≤ {number(bound)}", against=None, reached=reached, found=_share(ours, bound))


def times_at_least(ours: Measured, other: Other, factor: float) -> Aim:
    ratio = _ratio(ours, other.measured)
    reached = None if ratio is None else ratio >= factor
    return Aim(text=f"≥ {factor:g}x", against=other.name, reached=reached, found=_times(ratio))


def times_at_most(ours: Measured, other: Other, factor: float) -> Aim:
    ratio = _ratio(ours, other.measured)
    reached = None if ratio is None else ratio <= factor
    return Aim(text=f"≤ {factor:g}x", against=other.name, reached=reached, found=_times(ratio))


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write(report: Report, file: Path) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def show(report: Report, console: Console) -> None:
    """Print the header, the table, and what the table has no room for."""
    machine = report.machine
    console.print(f"\n[bold]{'quick ' if report.quick else ''}bench[/] {report.started}")
    console.print(
        f"{machine.cores} cores, {machine.memory_gib:g} GiB, {machine.cpu}, kernel {machine.kernel},"
        f" load {machine.load_before:.1f} before and {machine.load_after:.1f} after"
    )
    console.print(", ".join(f"{name} {version}" for name, version in machine.versions.items()))
    table = Table("figure", show_lines=True)
    for column in ("", "median", "spread", "aim", "reached"):
        table.add_column(column, no_wrap=True)
    notes: dict[str, None] = {}
    for part in report.parts:
        if part.status != "done":
            colour = "red" if part.status == "failed" else "dim"
            table.add_row(f"[bold]{part.name}", f"[{colour}]{part.status}")
            notes[f"{part.name}: {part.status}: {part.reason}"] = None
        for figure in part.figures:
            name = Text.assemble((part.name, "bold"), f" {figure.name}\n", (figure.unit, "dim"))
            table.add_row(name, *_columns(figure))
            notes |= dict.fromkeys(_notes(part, figure))
    console.print(table)
    for note in notes:
        console.print(f"[dim]•[/] {escape(note)}")
    aims = [aim for part in report.parts for figure in part.figures for aim in figure.aims]
    reached = sum(aim.reached is True for aim in aims)
    console.print(f"{reached} of {len(aims)} aims reached, measured in {duration(report.seconds)}")


def _columns(figure: Figure) -> list[str]:
    """Cells with a line for ours and one for each other."""
    rows = [("[bold]ours[/]", figure.ours, [aim for aim in figure.aims if aim.against is None])]
    rows += [
        (f"[dim]{o.role}[/] {o.name}", o.measured, [aim for aim in figure.aims if aim.against == o.name])
        for o in figure.others
    ]
    lines: list[tuple[str, ...]] = []
    for name, measured, aims in rows:
        median, spread = _values(measured)
        lines.append((name, median, spread, ", ".join(a.text for a in aims), ", ".join(map(_reached, aims))))
    return ["\n".join(cells) for cells in zip(*lines, strict=True)]


def _notes(part: Part, figure: Figure) -> list[str]:
    """Who could not be measured, and where the time goes; the same words for all of a part's figures."""
    failed = [
        f"{part.name}: {who} failed: {measured.reason}"
        for who, measured in (("ours", figure.ours), *((o.name, o.measured) for o in figure.others))
        if isinstance(measured, Failure)
    ]
    return [*failed, *([f"{part.name} {figure.name}: {figure.note}"] if figure.note else [])]


def _values(measured: Measured) -> tuple[str, str]:
    if isinstance(measured, Failure):
        return "[red]failed[/]", ""
    if len(measured.values) == 1:
        return number(measured.median), "[dim]once[/]"
    return number(measured.median), f"[dim]{number(measured.low)} to {number(measured.high)}[/]"


def _reached(aim: Aim) -> str:
    if aim.reached is None:
        return "[yellow]not measured[/]"
    return f"[green]yes, {aim.found}[/]" if aim.reached else f"[red]no, {aim.found}[/]"


def _share(ours: Measured, bound: float) -> str:
    return "" if isinstance(ours, Failure) else f"{ours.median / bound:.0%} of it"


def _ratio(ours: Measured, other: Measured) -> float | None:
    """Median of the ratios round by round: what else the machine did met both sides of each."""
    if isinstance(ours, Failure) or isinstance(other, Failure):
        return None
    return Sample.of([a / b for a, b in zip(ours.values, other.values, strict=True)]).median


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"
