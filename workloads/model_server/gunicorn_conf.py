"""gunicorn's configuration; `__main__` starts it."""

from __future__ import annotations

from workloads.kit import log, registry
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
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
from workloads.model_server.settings import ModelServerSettings

_settings = load(ModelServerSettings)
log.configure(MODEL_SERVER.name)
registry.preload()

bind = f"0.0.0.0:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
graceful_timeout = _settings.graceful_seconds
