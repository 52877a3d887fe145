"""superset: `serve` answers people, `prepare` brings records and dashboards to what is declared, `report`
sends the large figures of dashboards.

Exit codes: 0 done, 1 failed, 2 bad arguments or settings.
"""

from __future__ import annotations

import os
import sys

from workloads.superset.settings import MissingSetting, Settings

_THREADS = 8
_USAGE = "usage: python -m workloads.superset serve|prepare|report"


def main(arguments: list[str]) -> int:
    """Run a command; its exit code."""
    try:
        return _run(arguments, Settings.read())
    except MissingSetting as error:
        print(f"superset: {error}", file=sys.stderr)
        return 2


def _run(arguments: list[str], settings: Settings) -> int:
    match arguments:
        case ["serve"]:
            return _serve(settings)
        case ["prepare"]:
            from workloads.superset.prepare import prepare

            prepare(settings)
            return 0
        case ["report"]:
            return _report(settings)
        case _:
            print(_USAGE, file=sys.stderr)
            return 2


def _serve(settings: Settings) -> int:
    settings.home.mkdir(parents=True, exist_ok=True)
    os.execv(  # noqa: S606 - gunicorn in this process's place
        sys.executable,
        [
            *(sys.executable, "-m", "gunicorn", "workloads.superset.app:create()"),
            *("--bind", f"0.0.0.0:{settings.listen}", "--workers", str(settings.workers)),
            *("--worker-class", "gthread", "--threads", str(_THREADS), "--timeout", "300"),
            *("--graceful-timeout", "10"),
            *("--worker-tmp-dir", str(settings.home), "--no-control-socket", "--log-level", "warning"),
        ],
    )


def _report(settings: Settings) -> int:
    from workloads.superset import logs
    from workloads.superset.report import Refused, report

    logs.configure(settings.log_level)
    try:
        report(settings)
    except Refused as error:
        print(f"superset: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
