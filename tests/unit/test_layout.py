"""Where things are: what the pages and the policies name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.paths import ROOT

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "runbooks").rglob("*.md"),
        *(ROOT / "policies").rglob("*.yaml"),
        *(ROOT / "policies").rglob("*.py"),
        *(ROOT / "stacks").rglob("*.yaml"),
    ]
)
ROOMS = ("docs", "infra", "policies", "runbooks", "stacks", "tests", "tools", "workloads")
"""Folders whose files the pages name from the root of the checkout."""

_NAMED = re.compile(rf"(?<![\w./$-])(?:{'|'.join(ROOMS)})/[\w./<>*{{}}$-]+")
_PATTERN = re.compile(r"[<>*{}$]")
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def _relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def missing(page: Path, text: str) -> list[str]:
    """Paths that a page names and that are not there."""
    named = [ROOT / path.rstrip(".") for path in _NAMED.findall(text) if not _PATTERN.search(path)]
    linked = [page.parent / link for link in _LINK.findall(text)] if page.suffix == ".md" else []
    return [str(path) for path in (*named, *linked) if not path.exists()]


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    assert missing(page, page.read_text(encoding="utf-8")) == []


def test_a_path_that_is_not_there_is_found() -> None:
    page = ROOT / "docs" / "some.md"
    text = "see runbooks/no-such.md, `infra/names.py`, [this](nowhere.md) and stacks/Pulumi.<stack>.yaml"
    assert missing(page, text) == [str(ROOT / "runbooks/no-such.md"), str(ROOT / "docs/nowhere.md")]
