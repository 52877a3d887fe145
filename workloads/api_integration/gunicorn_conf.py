"""gunicorn's configuration; `__main__` starts it."""

from __future__ import annotations

from typing import Any

from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.kit import log
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.settings import load
from workloads.kit.web.gunicorn_conf import (  # noqa: F401 - gunicorn reads them here
    accesslog,
    child_exit,
    control_socket_disable,
    keepalive,
    logger_class,
    timeout,
    worker_class,
    worker_connections,
    worker_tmp_dir,
)

_settings = load(ApiIntegrationSettings)
log.configure(API_INTEGRATION.name)

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
graceful_timeout = _settings.graceful_seconds
# A request line longer than this is no question that a route takes.
limit_request_line = 4094


def worker_exit(_server: Any, _worker: Any) -> None:
    """A worker that ends writes what it has not recorded yet."""
    from workloads.api_integration import worker

    worker.close()
