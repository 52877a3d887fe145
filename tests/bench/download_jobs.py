"""The same file made by a job: from when it is asked for until it is in the object store."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.rig import Rig
from tests.services.clients import MigratedDatabase
from tests.services.servers import Process, free_ports
from tools.embedded.object_store import ObjectStore
from tools.embedded.process import http_ok
from workloads.kit.contracts.declared.data_api import DOWNLOAD_WORKER

_LOOK_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 1200.0


@dataclass(frozen=True)
class Got:
    """Seconds, MB sent, and the most memory in MiB that a process of ours had; 0 for others."""

    seconds: float
    megabytes: float
    memory: float = 0.0


def forget_peak(pid: int) -> None:
    """The most memory of a process counts from here on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(pid: int) -> float:
    """The most memory of a process since, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (most,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(most) / 1024


@dataclass(frozen=True)
class Places:
    """Attributes:
    env: of who is to use the object store.
    pid: of the worker.
    """

    env: Mapping[str, str]
    pid: int

    def made(self, url: str, key: str, rows: int) -> Got:
        """Ask for a file, wait until it is there, and have it removed."""
        forget_peak(self.pid)
        started = time.perf_counter()
        job = _asked(f"{url}/v1/downloads/jobs?format=parquet", key, "POST")
        while job["state"] in ("queued", "running"):
            if time.perf_counter() - started > _MOST_SECONDS:
                raise RuntimeError(f"the job has not ended: {job}")
            time.sleep(_LOOK_SECONDS)
            job = _asked(f"{url}/v1/downloads/jobs/{job['id']}", key)
        seconds = time.perf_counter() - started
        if job["state"] != "done" or job["rows"] != rows:
            raise RuntimeError(f"the file of the job is not whole: {job}")
        most = peak(self.pid)
        _asked(f"{url}/v1/downloads/jobs/{job['id']}", key, "DELETE")
        return Got(seconds, job["bytes"] / 1e6, most)


def _asked(url: str, key: str, method: str = "GET") -> Any:
    request = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        body = answer.read()
    return json.loads(body) if body else None


@contextmanager
def made_by_job(rig: Rig, database: MigratedDatabase) -> Iterator[Places]:
    """An object store, and a worker of the database's jobs."""
    directory = rig.new_directory("download-jobs")
    files = ObjectStore(directory)
    try:
        (port,) = free_ports(1)
        given = {
            **database.env(DOWNLOAD_WORKER.role or ""),
            **files.env,
            "METRICS_PORT": str(port),
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "workloads.data_api", "jobs"]
        worker = Process(command, directory / "worker.log", given)
        try:
            worker.until(lambda: http_ok(f"http://127.0.0.1:{port}/readyz"), "the worker is ready")
            yield Places(files.env, worker.pid)
        finally:
            worker.stop()
    finally:
        files.stop()
