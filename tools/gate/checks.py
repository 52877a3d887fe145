"""The gate's checks. A new one is a function here or in a module of its own, and a line in `CHECKS`."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from policies import exceptions
from policies.rules import RULES
from tools.errors import MissingPrerequisite, ToolError, UsageError
from tools.gate import (
    charts,
    cloudformation,
    dry_run,
    ends,
    iam,
    kyverno,
    ledger,
    linters,
    permissions,
    rendered,
    snapshot,
)
from tools.gate.model import Check, CheckResult, Finding, PolicyResult, StackPreview
from tools.gate.snapshot import Change

ENGINE: Final = "engine"
PROVIDERS: Final = "provider-inputs"
POLICY: Final = "policy"
SNAPSHOT: Final = "snapshot"

_PARTS: Final[Mapping[str, Set[str]]] = {
    POLICY: {exceptions.EXPIRED, exceptions.UNUSED, *(rule.id for rule in RULES)},
    SNAPSHOT: {"none", *snapshot.SAID},
}
"""Of the checks whose parts are ours; the others' are those of the programs that they run."""

AT_ONCE: Final = 2
"""Checks at a time: those that take long wait for programs of their own."""


def engine(previews: Sequence[StackPreview]) -> CheckResult:
    """Every preview went through: the program ran, every provider took every input."""
    findings = [
        Finding(
            ENGINE,
            "error",
            preview.stack,
            _subject(said),
            _without_subject(said),
            "Correct the declaration; the message is the engine's own.",
        )
        for preview in previews
        for said in preview.diagnostics
    ]
    return CheckResult(ENGINE, findings, sum(len(p.resources) for p in previews))


def provider_inputs(previews: Sequence[StackPreview]) -> CheckResult:
    """No provider's own input is unknown: behind such a provider nothing is checked."""
    findings = [
        Finding(
            PROVIDERS,
            "error",
            preview.stack,
            input_,
            "is unknown before the update, so that nothing behind this provider is checked",
            "Give the provider a value that is known, or that a resource of this stack computes.",
        )
        for preview in previews
        for input_ in preview.unknown_provider_inputs
    ]
    providers = [r for p in previews for r in p.resources if r.type.startswith("pulumi:providers:")]
    return CheckResult(PROVIDERS, findings, len(providers))


def policy(previews: Sequence[StackPreview]) -> CheckResult:
    """No rule of the pack is broken, and each could run on each resource."""
    findings: list[Finding] = []
    unseen: list[str] = []
    for preview in previews:
        results = preview.policies
        if preview.resources and not results.ran and not preview.diagnostics:
            findings.append(_none_ran(preview.stack))
        findings += [_violation(preview.stack, result) for result in results.violations]
        findings += [_not_run(preview.stack, result) for result in results.could_not_run]
        unseen += [f"{preview.stack}: {r.policy} on {r.urn or 'the stack'}" for r in results.could_not_run]
    examined = sum(count for preview in previews for count in preview.policies.ran.values())
    return CheckResult(POLICY, findings, examined, unseen)


def graph(previews: Sequence[StackPreview]) -> CheckResult:
    """The resources are those of the committed snapshot."""
    findings: list[Finding] = []
    unseen: list[str] = []
    for preview in previews:
        if preview.diagnostics:
            unseen.append(f"{preview.stack}: the preview did not go through")
            continue
        found = snapshot.changes(preview)
        if found is None:
            findings.append(
                Finding(
                    f"{SNAPSHOT}/none",
                    "error",
                    preview.stack,
                    f"stacks/snapshots/{preview.stack}.json",
                    "there is no snapshot to compare with",
                    f"make snapshot STACK={preview.stack}, and commit it",
                )
            )
            continue
        findings += [_difference(preview.stack, change) for change in found]
    return CheckResult(SNAPSHOT, findings, sum(len(p.resources) for p in previews), unseen)


CHECKS: Mapping[str, Check] = {
    ENGINE: engine,
    PROVIDERS: provider_inputs,
    POLICY: policy,
    SNAPSHOT: graph,
    ledger.CHECK: ledger.data_kept,
    charts.CHECK: charts.chart_values,
    rendered.CHECK: rendered.rendered,
    ends.CHECK: ends.both_ends,
    iam.CHECK: iam.iam_lint,
    permissions.CHECK: permissions.permissions,
    cloudformation.CHECK: cloudformation.cfn_lint,
    linters.CHECK: linters.kube_score,
    kyverno.CHECK: kyverno.kyverno,
    dry_run.CHECK: dry_run.server_side_dry_run,
}
"""In the order in which they are told."""


def accept(preview: StackPreview) -> tuple[list[Change], list[str]]:
    """Make a stack's snapshot and ledger what its preview says.

    Returns:
        what changed in the snapshot, and what the stack holds from now on.

    Raises:
        ToolError: the preview did not go through; there is nothing whole to accept.
    """
    if preview.diagnostics:
        raise ToolError(
            f"{preview.stack}: the preview did not go through: {preview.diagnostics[0]}",
            remedy=f"make preview STACK={preview.stack} says more.",
        )
    taken = snapshot.take(preview)
    changes = snapshot.differences(snapshot.read(preview.stack) or {}, taken)
    snapshot.write(preview.stack, taken)
    return changes, ledger.extend(preview)


def refuse_unknown(ids: Sequence[str]) -> None:
    """Let only ids through that name a check of these, or a part of one whose parts are known beforehand.

    Raises:
        UsageError: there is no such check or part; names those there are.
    """
    if unknown := sorted({id_.partition("/")[0] for id_ in ids} - CHECKS.keys()):
        raise UsageError(
            f"There is no check {', '.join(unknown)}.", remedy=f"The checks are: {', '.join(CHECKS)}."
        )
    for name, parts in _PARTS.items():
        asked = {part for check, _, part in (id_.partition("/") for id_ in ids) if check == name and part}
        if unknown := sorted(asked - parts):
            raise UsageError(
                f"The check {name} has no part {', '.join(unknown)}.",
                remedy=f"Its parts are: {', '.join(sorted(parts))}.",
            )


def run(previews: Sequence[StackPreview], ids: Sequence[str] = ()) -> list[CheckResult]:
    """Run checks over the previews, all of them by default.

    Args:
        ids: `policy`, or `policy/image-pinned` for what that rule alone finds.

    Raises:
        UsageError: there is no such check; names those there are.
    """
    refuse_unknown(ids)
    asked = {id_.partition("/")[0] for id_ in ids} or CHECKS.keys()
    broken = tuple(preview.stack for preview in previews if preview.diagnostics)
    if broken:
        # Without it, what was asked for would pass over a stack that was not seen to its end.
        asked = {*asked, ENGINE}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        chosen = [(name, check) for name, check in CHECKS.items() if name in asked]
        running = [pool.submit(_run, name, check, previews) for name, check in chosen]
        done = [each.result() for each in running]
    return [
        result if result.name == ENGINE else replace(result, findings=_asked(result, ids), cut_short=broken)
        for result in done
    ]


def _run(name: str, check: Check, previews: Sequence[StackPreview]) -> CheckResult:
    """Run a check. One that ends itself is an error of its own, and the others are told all the same.

    Raises:
        MissingPrerequisite: it asks for what the machine lacks.
    """
    started = time.monotonic()
    try:
        found = check(previews)
    except MissingPrerequisite:
        raise
    except ToolError as error:
        found = _ended(name, error.message, error.remedy or "Read the message: the check says no more.")
    except Exception:
        found = _ended(name, traceback.format_exc(), "It is a fault of the check itself: correct it.")
    return replace(found, seconds=time.monotonic() - started)


def _ended(name: str, why: str, remedy: str) -> CheckResult:
    said = f"the check did not come to its end: {why}"
    return CheckResult(name, [Finding(name, "error", "every stack", "the check", said, remedy)], 0)


def _asked(result: CheckResult, ids: Sequence[str]) -> Sequence[Finding]:
    """The findings of a check, or of those parts of it that were asked for."""
    whole = not ids or result.name in ids
    return [finding for finding in result.findings if whole or finding.check in ids]


def _difference(stack: str, change: Change) -> Finding:
    return Finding(
        f"{SNAPSHOT}/{change.kind}",
        "error",
        stack,
        change.urn,
        "\n".join((f"{change.component}: {change.title} {snapshot.SAID[change.kind]}", *change.details)),
        snapshot.REMEDIES[change.kind],
    )


def _violation(stack: str, result: PolicyResult) -> Finding:
    message, _, remedy = result.message.partition(" Remedy: ")
    severity = "error" if result.mandatory else "warning"
    subject = result.urn or "the stack"
    return Finding(f"{POLICY}/{result.policy}", severity, stack, subject, message, remedy or "See the rule.")


def _none_ran(stack: str) -> Finding:
    return Finding(
        POLICY, "error", stack, "policies", "no rule of the pack ran", "See that policies/__main__.py loads."
    )


def _not_run(stack: str, result: PolicyResult) -> Finding:
    return Finding(
        f"{POLICY}/{result.policy}",
        "error",
        stack,
        result.urn or "the stack",
        f"could not run: {result.message}",
        "Make the value known before the update: compute it from the settings, or teach tests/standin.",
    )


def _subject(said: str) -> str:
    return said.split(": ", 1)[0] if said.startswith("urn:") else "the program"


def _without_subject(said: str) -> str:
    return said.split(": ", 1)[1] if said.startswith("urn:") else said
