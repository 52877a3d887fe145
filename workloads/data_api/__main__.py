"""`python -m workloads.data_api`: gunicorn in this process's place. Exits 2 on a bad setting."""

from __future__ import annotations

from workloads.data_api.settings import DataApiSettings
from workloads.kit.settings import load
from workloads.kit.web.start import start


def main() -> None:
    start("workloads.data_api", load(DataApiSettings).metrics_dir)


if __name__ == "__main__":
    main()
