"""The real price series, as the price-pipeline's image has them: from a package, which pip fetches."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tools import cached, console, paths, proc
from tools.errors import CommandFailed
from workloads.price_pipeline.market_data.export import export

_PIPELINE = paths.ROOT / "workloads" / "price_pipeline"
_REQUIREMENTS = _PIPELINE / "market_data" / "requirements.txt"
_SOURCES = _PIPELINE / "sources.yaml"


def sources(file: Path) -> None:
    """Write price-pipeline's list of sources to `file`, with the series where they are on this machine."""
    listed = _SOURCES.read_text(encoding="utf-8")
    file.write_text(listed.replace("/data/market", str(directory())), encoding="utf-8")


def present() -> bool:
    """Whether `directory` has nothing to fetch."""
    return _target().is_dir()


def directory() -> Path:
    """Where the series are; fetched once a version of the package that ships them and of what exports them.

    Raises:
        CommandFailed: it could not be fetched; carries the log.
    """

    def fill(out: Path, _: console.Step) -> None:
        wheels = out / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        wanted = ["--only-binary=:all:", "--dest", wheels, "--requirement", _REQUIREMENTS]
        try:
            proc.run([*pip, *wanted], log=cached.new_log("market-data"))
        except CommandFailed as error:
            error.remedy = "Check the network to the Python package index, then run the same again."
            raise
        (wheel,) = wheels.glob("arch-*.whl")
        export(wheel, out)

    return cached.directory(_target(), lock="market", title="Fetching real prices", fill=fill)


def _target() -> Path:
    made_by = (_REQUIREMENTS, _PIPELINE / "market_data" / "export.py")
    key = hashlib.sha256(b"".join(file.read_bytes() for file in made_by)).hexdigest()[:12]
    return paths.cache_dir() / "market" / key
