"""`python -m workloads.model_server`: gunicorn in this process's place. Exits 2 on a bad setting."""

from __future__ import annotations

import os
import shutil
import sys

from workloads.kit.settings import load
from workloads.model_server.settings import ModelServerSettings


def main() -> None:
    settings = load(ModelServerSettings)
    # Figures of workers of an earlier life would be added to ours.
    shutil.rmtree(settings.metrics_dir, ignore_errors=True)
    settings.metrics_dir.mkdir(parents=True)
    # Read by prometheus_client when it is first imported, which gunicorn's process does.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_dir)
    arguments = ["--config", "python:workloads.model_server.gunicorn_conf"]
    application = "workloads.model_server.worker:application()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments, application])  # noqa: S606


if __name__ == "__main__":
    main()
