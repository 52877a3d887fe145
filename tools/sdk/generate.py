"""Files of the client that are made from the OpenAPI document, and from the asynchronous client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools import paths
from tools.errors import CommandFailed
from tools.sdk import models, postman, routes, sync
from tools.sdk.schema import PACKAGE, document

POSTMAN = paths.ROOT / "sdk" / "postman.json"


def made() -> Mapping[Path, str]:
    """Each file that is made, and its text as it should be.

    Raises:
        CommandFailed: ruff takes one of them for no Python.
    """
    of, asynchronous = document(), (PACKAGE / "async_client.py").read_text(encoding="utf-8")
    return {
        PACKAGE / "models.py": _formatted(models.text(of)),
        PACKAGE / "routes.py": _formatted(routes.text(of)),
        PACKAGE / "client.py": _formatted(sync.text(asynchronous)),
        POSTMAN: postman.text(of),
    }


def write() -> list[Path]:
    """Write those that are not as they should be, and say which."""
    changed: list[Path] = []
    for file, text in made().items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(file)
    return changed


def _formatted(text: str) -> str:
    # Imports in their order, then the form; both as pyproject.toml has it.
    name = ["--stdin-filename", str(PACKAGE / "made.py"), "-"]
    for step in (["check", "--quiet", "--select", "I,F401,SIM117", "--fix"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *step, *name]
        done = subprocess.run(
            command, cwd=paths.ROOT, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CommandFailed(command, done.returncode, output=done.stdout + done.stderr)
        text = done.stdout
    return text
