"""tools/bootstrap: installs what poetry.lock names when it changed, and otherwise does nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import versions
from tools.paths import ROOT

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Checkout:
    """A checkout with a Poetry and an environment that only record what they are asked."""

    def __init__(self, home: Path) -> None:
        self.root = home / "checkout"
        self.cache = home / "cache"
        self.installs = home / "installs"
        (self.root / "tools").mkdir(parents=True)
        for name in ("__init__.py", "bootstrap", "errors.py", "paths.py", "versions.py"):
            (self.root / "tools" / name).write_bytes((ROOT / "tools" / name).read_bytes())
        (self.root / "poetry.lock").write_text("one")
        poetry = self.cache / "poetry" / f"{versions.POETRY}-python{PYTHON}" / "bin" / "poetry"
        self._script(
            poetry,
            '[ "$1" = --version ] && exit; while [ "$1" != --output ]; do shift; done\n'
            'echo "from-lock==$(cat poetry.lock)" > "$2"',
        )
        self.pip(f'cat "$file" >> {self.installs}')

    def pip(self, script: str) -> None:
        self._script(
            self.root / ".venv" / "bin" / "python",
            f'[ "$1" = -c ] && {{ echo {PYTHON}; exit; }}\nfor file; do :; done\n{script}',
        )

    def _script(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def bootstrap(self, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.root / "tools" / "bootstrap"],
            env={**os.environ, "CARBON_CACHE": str(self.cache), "PYTHON": sys.executable, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_installs_once_and_again_when_the_lock_changes(checkout: Checkout) -> None:
    first = checkout.bootstrap()
    assert first.returncode == 0, first.stderr
    assert "Installing 1 packages" in first.stderr

    second = checkout.bootstrap()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert checkout.installs.read_text() == "from-lock==one\n"

    (checkout.root / "poetry.lock").write_text("two")
    assert checkout.bootstrap().returncode == 0
    assert checkout.installs.read_text() == "from-lock==one\nfrom-lock==two\n"


def test_a_failed_install_shows_the_log_and_is_tried_again(checkout: Checkout) -> None:
    checkout.pip('for i in $(seq 100); do echo "line $i."; done; exit 1')
    failed = checkout.bootstrap()
    assert failed.returncode == 3
    assert "line 100." in failed.stderr
    assert "line 70." not in failed.stderr
    assert "what to do:" in failed.stderr

    checkout.pip(f'cat "$file" >> {checkout.installs}')
    assert checkout.bootstrap().returncode == 0
    assert checkout.installs.read_text() == "from-lock==one\n"


def test_without_python_it_says_which_is_needed(checkout: Checkout) -> None:
    result = checkout.bootstrap(PYTHON="python-that-is-not-there")
    assert result.returncode == 3
    assert "Python 3.11" in result.stderr
