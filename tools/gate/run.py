"""A run of the gate: previews, checks over them, and what a person is told."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import typer

from tools.console import duration, step
from tools.errors import ToolError
from tools.gate import checks, engine, report, resolved, settings, snapshot
from tools.gate.model import CheckResult, Finding, StackPreview


def preview(only: Sequence[str], *, show_settings: bool) -> None:
    """Preview the stacks that STACK names and run the checks `only`, or all; or print the settings in full.

    Raises:
        UsageError: there is no such check.
        ToolError: a check found an error.
    """
    started = time.monotonic()
    stacks = settings.chosen(_stack())
    if only != [settings.CHECK]:
        # Asked first: nobody should wait for previews to hear of a slip.
        checks.refuse_unknown(only)
    refused = _settings(stacks)
    if refused.findings or only == [settings.CHECK]:
        report.results([refused])
        _end([refused], started)
        return
    if show_settings:
        typer.echo("---\n".join(resolved.text(stack) for stack in stacks), nl=False)
        return
    previews = _previews(stacks, policies=not only or any(i.startswith(checks.POLICY) for i in only))
    done = checks.run(previews, only)
    report.stacks(previews)
    report.results([refused, *done])
    if any(result.name == checks.SNAPSHOT for result in done):
        for found in previews:
            if not found.diagnostics and (changes := snapshot.changes(found)):
                report.changes(found.stack, changes, remedies=True)
    _end(done, started, whole=not only)


def accept() -> None:
    """Write the snapshots of the stacks that STACK names, as their resources are now.

    Raises:
        ToolError: a stack's settings are refused, or its preview did not go through.
    """
    stacks = settings.chosen(_stack())
    if (refused := _settings(stacks)).findings:
        report.results([refused])
        raise ToolError("the settings are refused", remedy="Correct the stack file.")
    for found in _previews(stacks, policies=False):
        changes, held = checks.accept(found)
        report.changes(found.stack, changes)
        report.held(held)


def _stack() -> str:
    return os.environ.get("STACK") or "all"


def _settings(stacks: tuple[str, ...]) -> CheckResult:
    started = time.monotonic()
    findings: list[Finding] = [problem for stack in stacks for problem in settings.problems(stack)]
    return CheckResult(settings.CHECK, findings, len(stacks), seconds=time.monotonic() - started)


def _previews(stacks: tuple[str, ...], *, policies: bool) -> list[StackPreview]:
    with step(f"Preview {', '.join(stacks)}"):
        return engine.preview_all(stacks, policies=policies)


def _end(done: list[CheckResult], started: float, *, whole: bool = False) -> None:
    """Say how it went.

    Args:
        whole: whether these were all checks.

    Raises:
        ToolError: a check found an error.
    """
    errors = [finding for result in done for finding in result.findings if finding.severity == "error"]
    took = duration(time.monotonic() - started)
    if errors:
        names = ", ".join(sorted({finding.check for finding in errors}))
        raise ToolError(f"the gate is shut: {len(errors)} errors from {names}, after {took}")
    said = "the gate is open" if whole else "what was asked for found no error"
    report.console.print(f"\n[bold green]{said}[/] after {took}")
