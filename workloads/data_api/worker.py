"""What a gunicorn worker runs."""

from __future__ import annotations

import os

from flask import Flask

from workloads.data_api.app import create_app
from workloads.data_api.guard import GUARD, Guard
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.data_api.stream.broadcast import Broadcast
from workloads.data_api.stream.settings import StreamSettings
from workloads.data_api.told import TOLD, Told, ToldSettings
from workloads.kit.contracts import env
from workloads.kit.settings import load

_running: Flask | None = None


def application() -> Flask:
    """Called by gunicorn in each worker, after the fork: a pool's threads do not survive one."""
    global _running
    settings = load(DataApiSettings)
    kafka = bool(os.environ.get(env.KAFKA_BOOTSTRAP))
    streams = Broadcast(load(StreamSettings)) if kafka else None
    told = Told(load(ToldSettings)) if kafka else None
    _running = create_app(settings, Store(settings), streams=streams, told=told)
    return _running


def ended() -> None:
    """Called in each worker before it ends, after its last request."""
    if _running is not None:
        guard: Guard = _running.extensions[GUARD]
        guard.close()
        told: Told | None = _running.extensions.get(TOLD)
        if told is not None:
            told.close()
