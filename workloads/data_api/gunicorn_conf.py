"""gunicorn's configuration; `__main__` starts it."""

from __future__ import annotations

from typing import Any

from workloads.data_api.settings import DataApiSettings
from workloads.kit import log
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.settings import load
from workloads.kit.web.gunicorn_conf import (  # noqa: F401 - gunicorn reads them here
    accesslog,
    child_exit,
    control_socket_disable,
    keepalive,
    logger_class,
    timeout,
    worker_connections,
    worker_tmp_dir,
)

_settings = load(DataApiSettings)
log.configure(DATA_API.name)

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = "workloads.data_api.stream.worker.Worker"
graceful_timeout = _settings.graceful_seconds


def worker_exit(_server: Any, _worker: Any) -> None:
    """What was used is written before the worker is gone."""
    from workloads.data_api import worker  # not before the fork

    worker.ended()


# A request line longer than this is no question that a route takes.
limit_request_line = 4094
