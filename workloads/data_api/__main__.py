"""`python -m workloads.data_api`: gunicorn in this process's place. Exits 2 on a bad setting."""

from __future__ import annotations

import os
import shutil
import sys

from workloads.data_api.settings import DataApiSettings
from workloads.kit.settings import load


def main() -> None:
    settings = load(DataApiSettings)
    # Figures of workers of an earlier life would be added to ours.
    shutil.rmtree(settings.metrics_dir, ignore_errors=True)
    settings.metrics_dir.mkdir(parents=True)
    # Read by prometheus_client when it is first imported, which gunicorn's process does.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_dir)
    arguments = ["--config", "python:workloads.data_api.gunicorn_conf"]
    application = "workloads.data_api.worker:application()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments, application])  # noqa: S606


if __name__ == "__main__":
    main()
