"""What holds for every server, under the names that gunicorn looks for; a workload's own adds what is its."""

from __future__ import annotations

import logging
import os
from typing import Any

from gunicorn import glogging
from prometheus_client import multiprocess

worker_class = "gthread"
# Connections that a worker keeps open: enough for every client and probe to reuse theirs.
worker_connections = 256
keepalive = 15
# Of a worker's main loop, and of its start: a starved machine takes long to import everything.
timeout = 120
# Heartbeats must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
control_socket_disable = True
accesslog = None


class Logger(glogging.Logger):
    """gunicorn's own lines, through the root logger like all others."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)


logger_class = Logger


def child_exit(_server: Any, worker: Any) -> None:
    """A worker that ended takes its gauges with it; its counters stay in the sums."""
    multiprocess.mark_process_dead(worker.pid)  # pyright: ignore[reportUnknownMemberType]
