"""Where things are: what the pages and the policies name exists, and no file is too long to read."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.paths import ROOT

ARCHITECTURE = ROOT / "docs" / "architecture.md"

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

LONGEST = 300
"""Lines of a file that is read in one go."""

REASON = re.compile(r"^Long because .+", re.MULTILINE)


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


def _programs() -> Iterator[Path]:
    for room in (ROOT / "infra", ROOT / "tools", ROOT / "workloads" / "kit"):
        yield from room.rglob("*.py")


def too_long(text: str) -> bool:
    """Whether a program has more lines than are read in one go, and its docstring does not say why."""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    return len(text.splitlines()) > LONGEST and not REASON.search(docstring)


def test_no_file_is_longer_than_is_read_in_one_go_without_a_reason() -> None:
    programs = {_relative(file): file.read_text(encoding="utf-8") for file in _programs()}
    assert len(programs) > 200
    found = {name: len(text.splitlines()) for name, text in programs.items() if too_long(text)}
    assert found == {}, 'split it by sense, or say why in its docstring: a line "Long because …"'


def test_a_reason_is_a_line_of_the_docstring() -> None:
    lines = "\n".join(["x = 1"] * LONGEST)
    assert not too_long(lines)
    assert too_long(f'"""One thing."""\n{lines}')
    assert too_long(f'"""One thing."""\n# Long because of this.\n{lines}')
    assert not too_long(f'"""One thing.\n\nLong because it is a list.\n"""\n{lines}')


def test_the_table_of_places_is_that_of_the_folders() -> None:
    """Each folder that holds a part of its own has a row, and no row is of a folder that went."""
    rows = re.findall(
        r"^\| ((?:`[\w./-]+/`(?:, )?)+) \|", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE
    )
    named = {place.rstrip("/") for row in rows for place in re.findall(r"`([^`]+)`", row)}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {path.split("/")[0] for path in tracked if "/" in path}
    folders |= {"/".join(path.split("/")[:2]) for path in tracked if re.match(r"infra/[\w]+/", path)}
    assert named == folders | {"workloads/kit", "workloads/kit/contracts"}


def test_one_name_is_one_thing_in_infra() -> None:
    """A settings section and a component of the same name have to be told apart at every import."""
    places: dict[str, list[str]] = {}
    for file in sorted((ROOT / "infra").rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(_relative(file))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
