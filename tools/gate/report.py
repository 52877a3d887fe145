"""What a person sees of a run of the gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.console import duration
from tools.gate.model import CheckResult, Finding, StackPreview
from tools.gate.snapshot import DESTRUCTIVE, REMEDIES, SAID, Change, Kind

console = Console(highlight=False, soft_wrap=True)
"""A report is a command's result: it goes to stdout."""

_MARKS: Mapping[Kind, str] = {
    "added": "[green]+",
    "moved": "[cyan]→",
    "changed": "[yellow]~",
    "vanished": "[red]-",
    "unprotected": "[red]!",
    "replaced": "[red]±",
}
_UNSEEN_SHOWN = 12
_GRAPH = frozenset(f"snapshot/{kind}" for kind in SAID)
"""Findings that `changes` tells better."""


def stacks(previews: Sequence[StackPreview]) -> None:
    """A line a stack: what it would be."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("stack", "resources", "aws", "k8s", "helm", "rules", "broken", "not run", "excepted", "s"):
        table.add_column(title, justify="left" if title == "stack" else "right", no_wrap=True)
    for p in previews:
        table.add_row(
            p.stack,
            str(len(p.resources)),
            str(len(p.aws())),
            str(len(p.kubernetes_objects())),
            str(len(p.helm_releases())),
            str(len(p.policies.ran)),
            str(len(p.policies.violations)),
            str(len(p.policies.could_not_run)),
            str(len(p.policies.excepted)),
            f"{p.seconds:.0f}",
        )
    console.print(table)


def results(done: Sequence[CheckResult]) -> None:
    """A line a check, then what each found, then what none could look at."""
    console.print()
    for result in done:
        counts = Counter(f.severity for f in result.findings)
        mark = _mark(result)
        said = ", ".join(f"{n} {severity}s" for severity, n in counts.items()) or "nothing found"
        unseen = f", {len(result.unseen)} unseen" if result.unseen else ""
        if result.cut_short:
            unseen += f", [yellow]not all of {escape(', '.join(result.cut_short))}[/]"
        console.print(
            f"{mark} {escape(result.name):<16} {said} in {result.examined}{unseen}"
            f"[dim] · {duration(result.seconds)}"
        )
    for result in done:
        findings(finding for finding in result.findings if finding.check not in _GRAPH)
        unseen_lines(result)


def _mark(result: CheckResult) -> str:
    """Passed is only what was seen to its end."""
    severities = {finding.severity for finding in result.findings}
    if "error" in severities:
        return "[red]✗[/]"
    if result.cut_short:
        return "[yellow]?[/]"
    return "[yellow]![/]" if severities else "[green]✓[/]"


def findings(found: Iterable[Finding]) -> None:
    """Each finding once, the stacks and the subjects that it is true of below it."""
    key = _what
    for what, group in groupby(sorted(found, key=key), key=key):
        check, severity, message, remedy = what
        colour = "red" if severity == "error" else "yellow"
        first, *details = message.splitlines() or [""]
        console.print(f"\n[{colour}]{escape(check)}[/]  {escape(first)}")
        for detail in details:
            console.print(f"    {escape(detail)}")
        for finding in group:
            console.print(f"    [dim]{escape(finding.stack)}[/] {escape(finding.subject)}")
        console.print(f"    [bold]what to do:[/] {escape(remedy)}")


def unseen_lines(result: CheckResult) -> None:
    """What a check could not look at."""
    if not result.unseen:
        return
    console.print(f"\n[yellow]{escape(result.name)}[/]  could not look at:")
    for line in result.unseen[:_UNSEEN_SHOWN]:
        console.print(f"    {escape(line)}")
    if more := len(result.unseen) - _UNSEEN_SHOWN:
        console.print(f"    … and {more} more" if more > 0 else "", end="\n" if more > 0 else "")


def changes(stack: str, found: Sequence[Change], *, remedies: bool = False) -> None:
    """The differences of a stack from its snapshot, a component at a time.

    Args:
        remedies: whether to say what to do about them.
    """
    console.print(f"\n[bold]{escape(stack)}[/], compared with its snapshot: {_counted(found)}")
    for component, group in groupby(found, key=lambda change: change.component):
        console.print(f"  {escape(component)}")
        for change in group:
            console.print(f"    {_MARKS[change.kind]}[/] {escape(change.title)} [dim]{change.kind}")
            for detail in change.details:
                console.print(f"        {escape(detail)}")
    kinds: list[Kind] = [change.kind for change in found if remedies]
    for kind in dict.fromkeys(kinds):
        console.print(f"  [bold]what to do[/] where it {SAID[kind]}: {escape(REMEDIES[kind])}")


def held(urns: Sequence[str]) -> None:
    """What a stack must not lose from now on."""
    if urns:
        console.print("  held from now on, until a person removes the line:")
    for urn in urns:
        console.print(f"    [green]+[/] {escape(urn)}")


def _counted(found: Sequence[Change]) -> str:
    counts = Counter(change.kind for change in found)
    told = [f"[red]{n} {k}[/]" if k in DESTRUCTIVE else f"{n} {k}" for k, n in sorted(counts.items())]
    return ", ".join(told) or "no difference"


def _what(finding: Finding) -> tuple[str, str, str, str]:
    return finding.check, finding.severity, finding.message, finding.remedy
