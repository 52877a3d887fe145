"""GitHub's workflows by actionlint, which is built from source: hence here and not among the unit tests."""

import subprocess

from tools import paths, toolchain


def test_actionlint_finds_nothing() -> None:
    program = toolchain.path("actionlint")
    done = subprocess.run([program], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
