"""gunicorn's configuration; `__main__` starts it."""

from __future__ import annotations

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
# A request line longer than this is no question that a route takes.
limit_request_line = 4094
