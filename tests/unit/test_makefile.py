"""What make gives to the commands that it names."""

from __future__ import annotations

import os
import subprocess

from tools import paths


def _environment(**given: str) -> dict[str, str]:
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", "--eval", "probe:;@env", "probe"],
        cwd=paths.ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in lines}


def test_a_machine_that_forbids_bytecode_does_not_compile_every_import_anew() -> None:
    assert "PYTHONDONTWRITEBYTECODE" not in _environment(PYTHONDONTWRITEBYTECODE="1")


def test_an_instance_is_handed_on() -> None:
    assert _environment(INSTANCE="other")["INSTANCE"] == "other"
