"""gunicorn's configuration; `__main__` starts it."""

from __future__ import annotations

import logging
import os
from typing import Any

from gunicorn import glogging
from prometheus_client import multiprocess

from workloads.data_api.settings import DataApiSettings
from workloads.kit import log
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.settings import load

_settings = load(DataApiSettings)
log.configure(DATA_API.name)

bind = f"0.0.0.0:{_settings.port}"
worker_class = "gthread"
workers = _settings.workers
threads = _settings.threads
# Connections that a worker keeps open: enough for every client and probe to reuse theirs.
worker_connections = 256
keepalive = 15
# Of a worker's main loop, and of its start: a starved machine takes long to import everything.
timeout = 120
graceful_timeout = _settings.graceful_seconds
# A request line longer than this is no question that a route takes.
limit_request_line = 4094
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
    multiprocess.mark_process_dead(worker.pid)
