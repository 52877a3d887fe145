"""`python -m workloads.data_api [serve|jobs]`: gunicorn in this process's place, or the maker of files until
SIGTERM. Exits 2 on a bad setting."""

from __future__ import annotations

import sys

from workloads.data_api.settings import DataApiSettings
from workloads.kit.settings import load
from workloads.kit.web.start import start


def main(arguments: list[str]) -> int:
    match arguments:
        case [] | ["serve"]:
            start("workloads.data_api", load(DataApiSettings).metrics_dir)
            return 0
        case ["jobs"]:
            from workloads.data_api.downloads.jobs import worker

            return worker.main()
        case _:
            print(f"what to do: serve or jobs, not {' '.join(arguments)!r}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
