"""A machine of the test's own: an empty cache, and a PATH with only the programs that the test puts there."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.paths import ROOT

GO = r"""
case "$1 $2" in
"env GOVERSION") echo "{version}"; exit ;;
"mod download") echo '{"Dir": "{sdk}"}'; exit ;;
"list -deps") exit ;;
esac
echo "$PWD" >> "{calls}"
while [ ! -e "{gate}" ]; do sleep 0.02; done
{build}
while [ "$1" != -o ]; do shift; done
out=$2; shift 2
for package; do
    case $out in
    */) file=$out$(basename "$package") ;;
    *) file=$out ;;
    esac
    echo built > "$file"
    chmod +x "$file"
done
"""


@dataclass
class Machine:
    """Directories of one test and the means to fill them."""

    home: Path
    cache: Path
    bin: Path

    @property
    def gate(self) -> Path:
        """While this file is away, the stand-in for go waits in the middle of a build."""
        return self.home / "gate"

    @property
    def builds(self) -> list[str]:
        """The families built so far."""
        calls = self.home / "builds"
        return [Path(line).name for line in calls.read_text().splitlines()] if calls.exists() else []

    def program(self, name: str, script: str) -> Path:
        """Put a shell script on PATH."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    def go(self, version: str = "go1.26.8", build: str = ":") -> None:
        """Put a stand-in for go on PATH: it records each build and writes a file for each program."""
        sdk = self.home / "sdk" / "python" / "cmd"
        sdk.mkdir(parents=True, exist_ok=True)
        (sdk / "pulumi-language-python-exec").write_text("exec")
        (self.home / "sdk" / "go" / "kubernetes" / "yaml" / "v2").mkdir(parents=True, exist_ok=True)
        facts = {
            "version": version,
            "build": build,
            "sdk": str(self.home / "sdk"),
            "calls": str(self.home / "builds"),
            "gate": str(self.gate),
        }
        script = GO
        for key, value in facts.items():
            script = script.replace(f"{{{key}}}", value)
        self.program("go", script)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start `python -m tools …` on this machine."""
        return subprocess.Popen(
            [sys.executable, "-m", "tools", *args],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str) -> tuple[int, str, str]:
        """Run `python -m tools …` to its end: exit code, stdout, stderr."""
        process = self.start(*args)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path, tmp_path / "cache", tmp_path / "bin")
    machine.bin.mkdir()
    machine.gate.touch()
    for name in ("sh", "basename", "chmod", "sleep", "seq", "cp"):
        (machine.bin / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(machine.bin))
    monkeypatch.setenv("CARBON_CACHE", str(machine.cache))
    return machine


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool], str], None]:
    """Poll a condition until it holds, for 20 seconds at most."""
    import time

    def wait(condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, f"never happened: {what}"
            time.sleep(0.02)

    return wait
