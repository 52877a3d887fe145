"""The page of the rules."""

from __future__ import annotations

from policies import report
from policies.rules import RULES


def test_the_page_shows_the_rules_as_they_are() -> None:
    current = report.FILE.read_text()
    assert report.MARK in current
    assert current == report.page(current), "run: python -m policies.report"


def test_every_rule_has_a_line() -> None:
    lines = [line for line in report.table().splitlines() if line.startswith("| `")]
    assert {line.split("`")[1] for line in lines} == {rule.id for rule in RULES}
    assert len(lines) == len(RULES)
