"""`python -m workloads.model_server`: gunicorn in this process's place. Exits 2 on a bad setting."""

from __future__ import annotations

from workloads.kit.settings import load
from workloads.kit.web.start import start
from workloads.model_server.settings import ModelServerSettings


def main() -> None:
    start("workloads.model_server", load(ModelServerSettings).metrics_dir)


if __name__ == "__main__":
    main()
