"""Each deliberate mistake is caught by the check named for it, also once its snapshot is accepted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.gate.mistakes import MISTAKES, Mistake
from tools import paths
from tools.gate import settings

TREE = ("infra", "policies", "stacks", "tools", "workloads", "tests/standin", "tests/gate", "tests/data")
FILES = ("Pulumi.yaml", "pyproject.toml", "tests/__init__.py")

Findings = list[dict[str, str]]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of the checkout that the gate reads, in a place of its own."""
    return _copied(paths.ROOT, tmp_path_factory.mktemp("pristine"))


@pytest.fixture(scope="session")
def baseline(pristine: Path) -> Callable[[str], Findings]:
    """What the checks find in a stack where no mistake was made."""

    @cache
    def of(stack: str) -> Findings:
        return _judged(pristine, stack, sorted({m.check for m in MISTAKES if m.stack == stack}))

    return of


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_is_caught_by_its_check(
    mistake: Mistake, pristine: Path, baseline: Callable[[str], Findings], tmp_path: Path
) -> None:
    assert not [f for f in baseline(mistake.stack) if f["check"] == mistake.check], "not a mistake's doing"
    tree = _copied(pristine, tmp_path)
    file = tree / mistake.file
    text = file.read_text()
    assert text.count(mistake.before) == 1, f"{mistake.file} has changed: look for what the mistake is now"
    file.write_text(text.replace(mistake.before, mistake.after))
    found = _judged(tree, mistake.stack, [mistake.check])
    said = [f["message"] for f in found if f["check"] == mistake.check and f["severity"] == "error"]
    assert any(mistake.says in message for message in said), found
    assert all(f["remedy"] for f in found)


def test_every_mistake_has_a_name_of_its_own() -> None:
    assert len({mistake.id for mistake in MISTAKES}) == len(MISTAKES)
    assert {mistake.stack for mistake in MISTAKES} <= set(settings.stacks())


def _copied(source: Path, target: Path) -> Path:
    for part in TREE:
        shutil.copytree(source / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(source / name, target / name)
    (target / ".venv").symlink_to(paths.ROOT / ".venv")
    return target


def _judged(tree: Path, stack: str, checks: Sequence[str]) -> Findings:
    done = subprocess.run(
        [paths.ROOT / ".venv/bin/python", "-m", "tests.gate.judge", stack, *checks],
        cwd=tree,
        env={**os.environ, "CARBON_STATE": str(tree / "state"), "CARBON_CACHE": str(paths.cache_dir())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
