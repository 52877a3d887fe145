"""A machine starved of CPU: everything gets slow, nothing is killed, and it goes on afterwards.

`STARVATION_SECONDS` says for how long (45 by default, which fits into every run; 480 is what a change to
probes, requests or weights is tried with) and `STARVATION_PROCESSES` by how many busy processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools import kube, status
from tools.errors import CommandFailed
from tools.wait import until

SECONDS = float(os.environ.get("STARVATION_SECONDS", "45"))
PROCESSES = int(os.environ.get("STARVATION_PROCESSES", "50"))
BACK_WITHIN = 300.0
"""Seconds until predictions go on once the machine is free again."""


@contextmanager
def starved() -> Iterator[None]:
    """Busy processes of ordinary priority beside the instance, ended by their ids."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command, start_new_session=True) for _ in range(PROCESSES)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()


def restarts() -> dict[str, int]:
    """Container → how often it was restarted, of all pods but jobs', the control plane's among them."""
    found: dict[str, int] = {}
    pods: list[dict[str, Any]] = kube.get("pods", "--all-namespaces")["items"]
    for pod in pods:
        owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
        if "Job" in owners:
            continue
        for container in pod["status"].get("containerStatuses", []):
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}/{container['name']}"
            found[name] = container["restartCount"]
    return found


def predictions() -> int:
    """Rows of predictions; -1 while the database does not answer."""
    try:
        return int(status.query("select count(*) as n from features.ml_predictions")[0]["n"])
    except CommandFailed:
        return -1


def test_starvation_slows_and_does_not_kill(platform: str) -> None:
    before = restarts()
    assert any(name.startswith(f"{platform}/kafka-0/") for name in before)
    assert any("/kube-apiserver-" in name for name in before)
    with starved():
        time.sleep(SECONDS)  # the starvation itself is what is tried: there is no condition to wait for

    def read() -> dict[str, int]:
        try:
            return restarts()
        except CommandFailed:
            return {}

    after = until(read, "the API server to answer", limit=BACK_WITHIN)
    restarted = {
        name: count - before[name] for name, count in after.items() if count > before.get(name, count)
    }
    assert restarted == {}
    # A data or control plane pod that is gone was evicted or replaced, which is a kill, too.
    steady = {name for name in before if "/kafka-" in name or "/postgres-0/" in name or "/kube-" in name}
    assert steady <= after.keys()

    had = until(lambda: max(predictions(), 0), "the database to answer", limit=BACK_WITHIN)
    until(lambda: predictions() > had, "predictions to go on", limit=BACK_WITHIN)
