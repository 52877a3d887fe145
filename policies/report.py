"""The rules as a table: `python -m policies.report` writes it into docs/policies.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from policies.rule import POD_KINDS, ObjectRule, ResourceRule, StackRule
from policies.rules import RULES, AnyRule

FILE: Final = Path(__file__).resolve().parent.parent / "docs" / "policies.md"
MARK: Final = "<!-- The rest of this page is made by `python -m policies.report`. -->"

_HEAD: Final = "| rule | what must hold | severity | asked by | looks at | source |"


def table() -> str:
    """Every rule, a line each, under one heading a kind of rule."""
    parts = [
        ("Rules on one Kubernetes object", [r for r in RULES if isinstance(r, ObjectRule)]),
        ("Rules on one resource", [r for r in RULES if isinstance(r, ResourceRule)]),
        ("Rules across a stack", [r for r in RULES if isinstance(r, StackRule)]),
    ]
    lines: list[str] = []
    for heading, rules in parts:
        lines += ["", f"## {heading} ({len(rules)})", "", _HEAD, "|---|---|---|---|---|---|"]
        lines += [_row(rule) for rule in rules]
    return "\n".join(lines) + "\n"


def page(current: str) -> str:
    """The page with the table as the rules are now; what stands before the mark stays."""
    return current.partition(MARK)[0] + MARK + "\n" + table()


def _row(rule: AnyRule) -> str:
    cells = (f"`{rule.id}`", rule.title, rule.severity, _engines(rule), _about(rule), rule.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _engines(rule: AnyRule) -> str:
    return "pack, cluster" if isinstance(rule, ObjectRule) else "pack"


def _about(rule: AnyRule) -> str:
    match rule:
        case ObjectRule():
            names = ["what holds pods"] if rule.kinds == POD_KINDS else sorted(rule.kinds) or ["every object"]
        case ResourceRule():
            names = sorted({_short(token) for token in rule.types})
        case StackRule():
            names = [_short(token) for token in rule.about]
    return ", ".join(names)


def _short(token: str) -> str:
    """A token's last word: `Bucket` of `aws:s3/bucket:Bucket`; all of a provider's for its prefix."""
    if token.endswith(":"):
        return f"everything at {token[:-1].upper()}"
    return "provider" if token.startswith("pulumi:providers:") else token.rsplit(":", 1)[-1]


if __name__ == "__main__":
    FILE.write_text(page(FILE.read_text()))
