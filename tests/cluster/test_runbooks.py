"""Every command of every runbook runs: the ones that look, and the ones marked as changing something."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tools import kube, paths, project, toolchain

BLOCK = re.compile(r"^```sh(?P<mutating> mutating)?\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", sorted((paths.ROOT / "runbooks").glob("*.md")), ids=lambda page: page.stem)
def test_the_commands_of_a_runbook_run(page: Path, platform: str) -> None:
    names = [*project.PROGRAMS, "kubectl"]
    environment = os.environ | {"KUBECONFIG": kube.kubeconfig(), "PATH": toolchain.env_path(names)}
    blocks = list(BLOCK.finditer(page.read_text()))
    assert blocks
    for block in blocks:
        done = subprocess.run(
            ["sh", "-eu", "-c", block["commands"]],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{block['commands']}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
