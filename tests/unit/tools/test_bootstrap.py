"""tools/bootstrap: installs what poetry.lock names, or as much as is wanted, and otherwise does nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import versions
from tools.paths import ROOT

ALL = "price-pipeline,infra,policies,tools,dev"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Checkout:
    """A checkout with a Poetry, a uv and an environment that only record what they are asked."""

    def __init__(self, home: Path) -> None:
        self.root = home / "checkout"
        self.cache = home / "cache"
        self.installs = home / "installs"
        (self.root / "tools").mkdir(parents=True)
        for name in ("__init__.py", "bootstrap", "errors.py", "packages.py", "paths.py", "versions.py"):
            (self.root / "tools" / name).write_bytes((ROOT / "tools" / name).read_bytes())
        (self.root / "poetry.lock").write_text("one")
        groups = ("price-pipeline", "infra", "policies", "tools", "dev")
        (self.root / "pyproject.toml").write_text(
            "".join(f"[tool.poetry.group.{group}.dependencies]\n" for group in groups)
        )
        poetry = self.cache / "poetry" / f"{versions.POETRY}-python{PYTHON}" / "bin" / "poetry"
        self._script(
            poetry,
            '[ "$1" = --version ] && exit; groups=$3; while [ "$1" != --output ]; do shift; done\n'
            'echo "$groups==$(cat poetry.lock)" > "$2"',
        )
        self.python("")
        self.uv(f'cat "$file" >> {self.installs}')

    def python(self, pip_settings: str) -> None:
        self._script(
            self.root / ".venv" / "bin" / "python",
            f'[ "$1" = -c ] && {{ echo {PYTHON}; exit; }}\ncat <<EOF\n{pip_settings}\nEOF',
        )

    def uv(self, script: str) -> None:
        self._script(
            self.cache / "uv" / versions.UV / "bin" / "uv",
            f'[ "$1" = --version ] && exit\nfor file; do :; done\n{script}',
        )

    def _script(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def installed(self) -> list[str]:
        """What each installation was of: groups==lock."""
        return self.installs.read_text().splitlines()

    def bootstrap(self, *extent: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.root / "tools" / "bootstrap", *extent],
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
    assert checkout.installed() == [f"{ALL}==one"]

    (checkout.root / "poetry.lock").write_text("two")
    assert checkout.bootstrap().returncode == 0
    assert checkout.installed() == [f"{ALL}==one", f"{ALL}==two"]


def test_what_is_needed_to_run_is_installed_alone_and_all_of_it_when_it_is_wanted(checkout: Checkout) -> None:
    for extent in ("run", "run"):
        assert checkout.bootstrap(extent).returncode == 0
    assert checkout.installed() == ["price-pipeline,tools==one"]

    for extent in (["all"], [], ["run"]):
        assert checkout.bootstrap(*extent).returncode == 0
    assert checkout.installed() == ["price-pipeline,tools==one", f"{ALL}==one"]


def test_an_unknown_extent_is_refused_by_name(checkout: Checkout) -> None:
    refused = checkout.bootstrap("everything")
    assert refused.returncode == 3
    assert "'everything'" in refused.stderr
    assert "run, all" in refused.stderr


def test_the_index_that_pip_is_told_is_uv_s_too(checkout: Checkout) -> None:
    checkout.python("global.index-url='https://index.example/simple'\n:env:.cert='/etc/own.crt'")
    checkout.uv(f'echo "$UV_DEFAULT_INDEX $SSL_CERT_FILE" >> {checkout.installs}')
    assert checkout.bootstrap().returncode == 0
    assert checkout.installed() == ["https://index.example/simple /etc/own.crt"]


def test_a_failed_install_shows_the_log_and_is_tried_again(checkout: Checkout) -> None:
    checkout.uv('for i in $(seq 100); do echo "line $i."; done; exit 1')
    failed = checkout.bootstrap()
    assert failed.returncode == 3
    assert "line 100." in failed.stderr
    assert "line 70." not in failed.stderr
    assert "what to do:" in failed.stderr

    checkout.uv(f'cat "$file" >> {checkout.installs}')
    assert checkout.bootstrap().returncode == 0
    assert checkout.installed() == [f"{ALL}==one"]


def test_without_python_it_says_which_is_needed(checkout: Checkout) -> None:
    result = checkout.bootstrap(PYTHON="python-that-is-not-there")
    assert result.returncode == 3
    assert "Python 3.11" in result.stderr
