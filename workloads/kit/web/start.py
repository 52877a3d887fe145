"""gunicorn in a process's place."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn


def start(package: str, metrics_dir: Path) -> NoReturn:
    """Serve `<package>.worker:application()` with `<package>.gunicorn_conf`.

    Args:
        metrics_dir: where the workers put their figures; emptied first.
    """
    # Figures of workers of an earlier life would be added to ours.
    shutil.rmtree(metrics_dir, ignore_errors=True)
    metrics_dir.mkdir(parents=True)
    # Read by prometheus_client when it is first imported, which gunicorn's process does.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
    arguments = ["--config", f"python:{package}.gunicorn_conf", f"{package}.worker:application()"]
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments])  # noqa: S606
