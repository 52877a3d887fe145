"""Each deliberate mistake is caught by the check named for it, also once its snapshot is accepted."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gate.mistakes import MISTAKES, Mistake, together
from tools import paths
from tools.gate import engine, settings

TREE = ("infra", "policies", "stacks", "tools", "workloads", "tests/standin", "tests/gate", "tests/data")
FILES = ("Pulumi.yaml", "pyproject.toml", "tests/__init__.py")

Findings = list[dict[str, str]]


@dataclass(frozen=True)
class Trial:
    """What the checks say of a stack as it is, and of the stack with a mistake."""

    innocent: Future[Findings]
    guilty: Future[Findings]


@pytest.fixture(scope="session")
def trials(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Trial]]:
    """A trial for each mistake that is asked for, by its id, a few at a time."""
    asked = [m for item in request.session.items for m in [_mistake(item)] if m is not None]
    pristine = _copied(paths.ROOT, tmp_path_factory.mktemp("pristine"))
    with ThreadPoolExecutor(max_workers=engine.AT_ONCE) as pool:
        innocent = {
            stack: pool.submit(_judged, pristine, stack, sorted({m.check for m in asked if m.stack == stack}))
            for stack in dict.fromkeys(m.stack for m in asked)
        }

        def try_(mistakes: Sequence[Mistake]) -> Findings:
            # The snapshot and the ledger of the stack as it is have to be there.
            innocent[mistakes[0].stack].result()
            return _committed(mistakes, _copied(pristine, tmp_path_factory.mktemp(mistakes[0].id)))

        guilty = {
            m.id: tried for group in together(asked) for tried in [pool.submit(try_, group)] for m in group
        }
        yield {m.id: Trial(innocent[m.stack], guilty[m.id]) for m in asked}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_is_caught_by_its_check(mistake: Mistake, trials: Mapping[str, Trial]) -> None:
    trial = trials[mistake.id]
    assert not [f for f in trial.innocent.result() if f["check"] == mistake.check], "no mistake's doing"
    found = [f for f in trial.guilty.result() if f["check"] == mistake.check]
    assert any(mistake.says in f["message"] for f in found if f["severity"] == "error"), found
    assert all(f["remedy"] for f in found)


def test_every_mistake_has_a_name_of_its_own() -> None:
    assert len({mistake.id for mistake in MISTAKES}) == len(MISTAKES)
    assert {mistake.stack for mistake in MISTAKES} <= set(settings.stacks())


def test_mistakes_of_one_tree_do_not_hide_each_other() -> None:
    for group in together(MISTAKES):
        assert len({mistake.stack for mistake in group}) == 1
        assert len({(mistake.file, mistake.before) for mistake in group}) == len(group)
        assert len(group) == 1 or not any(mistake.alone for mistake in group)
    assert sorted(m.id for group in together(MISTAKES) for m in group) == sorted(m.id for m in MISTAKES)


def _mistake(item: pytest.Item) -> Mistake | None:
    call = getattr(item, "callspec", None)
    found = call.params.get("mistake") if call else None
    return found if isinstance(found, Mistake) else None


def _committed(mistakes: Sequence[Mistake], tree: Path) -> Findings:
    """Make mistakes in a tree, and ask their checks."""
    for mistake in mistakes:
        file = tree / mistake.file
        text = file.read_text()
        assert text.count(mistake.before) == 1, f"{mistake.file} has changed: what is the mistake now?"
        file.write_text(text.replace(mistake.before, mistake.after))
    return _judged(tree, mistakes[0].stack, sorted({mistake.check for mistake in mistakes}))


def _copied(source: Path, target: Path) -> Path:
    """The part of a checkout that the gate reads, in another place."""
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
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
