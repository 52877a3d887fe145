"""What each stack holds that no program brings back, and must not lose.

`stacks/data/<stack>.txt` has a line for every protected resource that holds data. `make snapshot` adds new
ones and never takes one away: who gives data up removes its line by hand, and the review shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools import paths
from tools.gate import replacement
from tools.gate.model import CheckResult, Finding, Resource, StackPreview, short_urn

CHECK: Final = "data-kept"

_HEAD: Final = "# What this stack must not lose. make snapshot adds lines; who gives data up removes one."
_GONE: Final = (
    "Give what takes its place `aliases=[…]` with its old name, parent or type; to give the data up, remove "
    "its line from {file}."
)
_UNPROTECTED: Final = "Set protect again; to give the data up, remove its line from {file}."


def file(stack: str) -> Path:
    """Where a stack's ledger is."""
    return paths.ROOT / "stacks" / "data" / f"{stack}.txt"


def read(stack: str) -> list[str]:
    """The URNs, without stack and project, that the stack must not lose."""
    where = file(stack)
    lines = where.read_text().splitlines() if where.is_file() else []
    return [line for line in lines if line and not line.startswith("#")]


def extend(preview: StackPreview) -> list[str]:
    """Add what a stack newly holds; what is there stays. Returns what was added."""
    known = read(preview.stack)
    held = [r for r in preview.resources if _holds(r)]
    moved = {short_urn(alias) for r in held for alias in r.aliases}
    now = sorted({short_urn(r.urn) for r in held} | (set(known) - moved))
    if now:
        where = file(preview.stack)
        where.parent.mkdir(exist_ok=True)
        where.write_text("\n".join([_HEAD, *now]) + "\n")
    return [urn for urn in now if urn not in known]


def data_kept(previews: Sequence[StackPreview]) -> CheckResult:
    """Every resource of the ledgers is there, under its URN or an alias, and protected."""
    findings: list[Finding] = []
    unseen: list[str] = []
    examined = 0
    for preview in previews:
        if preview.diagnostics:
            unseen.append(f"{preview.stack}: the preview did not go through")
            continue
        found = {short_urn(urn): r for r in preview.resources for urn in (*r.aliases, r.urn)}
        where = str(file(preview.stack).relative_to(paths.ROOT))
        for urn in read(preview.stack):
            examined += 1
            if urn not in found:
                message = "holds data and has vanished: no alias points to it"
                findings.append(
                    Finding(CHECK, "error", preview.stack, urn, message, _GONE.format(file=where))
                )
            elif not found[urn].protect:
                message = "holds data and is protected no more"
                remedy = _UNPROTECTED.format(file=where)
                findings.append(Finding(CHECK, "error", preview.stack, urn, message, remedy))
    return CheckResult(CHECK, findings, examined, unseen)


def _holds(resource: Resource) -> bool:
    return resource.protect and replacement.holds_data(resource.type)
