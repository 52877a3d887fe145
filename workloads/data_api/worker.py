"""What a gunicorn worker runs."""

from __future__ import annotations

import os

from flask import Flask

from workloads.data_api.app import create_app
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.data_api.stream.hub import Hub
from workloads.data_api.stream.settings import StreamSettings
from workloads.kit.contracts import env
from workloads.kit.settings import load


def application() -> Flask:
    """Called by gunicorn in each worker, after the fork: a pool's threads do not survive one."""
    settings = load(DataApiSettings)
    hub = Hub(load(StreamSettings)) if os.environ.get(env.KAFKA_BOOTSTRAP) else None
    return create_app(settings, Store(settings), hub)
