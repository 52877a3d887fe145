"""The wheel of `sdk/`, built by the pinned Poetry: nothing is fetched."""

from __future__ import annotations

from pathlib import Path

from tools import paths, proc
from tools.errors import ToolError
from tools.image_build import requirements

SOURCE = paths.ROOT / "sdk"
DIST = paths.ROOT / "dist"


def build(target: Path = DIST) -> Path:
    """Build it into a folder.

    Raises:
        CommandFailed: Poetry did not.
        ToolError: it is not where Poetry should have put it.
    """
    proc.output(
        [requirements.poetry(), "build", "--directory", SOURCE, "--format", "wheel", "--output", target],
        cwd=paths.ROOT,
        env={
            "POETRY_VIRTUALENVS_CREATE": "false",
            "POETRY_CACHE_DIR": str(paths.cache_dir() / "poetry" / "cache"),
        },
    )
    found = sorted(target.glob("carbon_client-*.whl"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise ToolError(f"{target}: Poetry built no wheel", remedy="look at sdk/pyproject.toml")
    return found[-1]
