"""A job that is told to end says so, and closes what it had open."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from tools import paths

WORKLOADS = paths.ROOT / "workloads"
RECORDED = re.compile(r"\b(job_run|begin_run)\(|price_pipeline\.job import")
JOBS = sorted(
    {
        file.relative_to(WORKLOADS).parts[0]
        for file in WORKLOADS.glob("*/**/*.py")
        if file.relative_to(WORKLOADS).parts[0] != "kit" and RECORDED.search(file.read_text())
    }
)
JOB = """
import sys
from workloads.kit.ending import heed_sigterm
heed_sigterm()
try:
    print("began", flush=True)
    sys.stdin.read()
finally:
    print("closed", flush=True)
"""


def test_a_job_that_is_told_to_end_closes_what_it_had_open_and_says_why_it_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", JOB],
        stdin=subprocess.PIPE,  # the job is at work until this is closed
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=paths.ROOT,
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "began\n"
        job.send_signal(signal.SIGTERM)
        said, why = job.communicate(timeout=30)
    assert (job.returncode, said) == (1, "closed\n")
    assert why.startswith("ended by SIGTERM")


def test_there_are_jobs_whose_runs_are_recorded() -> None:
    assert {"price_pipeline", "market_connectors", "model_training", "warehouse_etl"} <= {*JOBS}


@pytest.mark.parametrize("workload", JOBS)
def test_each_job_whose_runs_are_recorded_heeds_it(workload: str) -> None:
    main = (WORKLOADS / workload / "__main__.py").read_text()
    assert main.endswith('if __name__ == "__main__":\n    heed_sigterm()\n    sys.exit(main())\n')
