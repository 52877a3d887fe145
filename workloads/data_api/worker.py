"""What a gunicorn worker runs."""

from __future__ import annotations

import os
import socket

from flask import Flask

from workloads.data_api.app import create_app
from workloads.data_api.guard import GUARD, Guard
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.data_api.stream.broadcast import Broadcast
from workloads.data_api.stream.settings import StreamSettings
from workloads.data_api.told import TOLD, Told, ToldSettings
from workloads.kit.audit import to_topic
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.data_api import REVIEWS_ID
from workloads.kit.settings import KafkaSettings, load

_running: Flask | None = None


def application() -> Flask:
    """Called by gunicorn in each worker, after the fork: a pool's threads do not survive one."""
    global _running
    settings = load(DataApiSettings)
    kafka = bool(os.environ.get(env.KAFKA_BOOTSTRAP))
    streams = Broadcast(load(StreamSettings)) if kafka else None
    told = Told(load(ToldSettings)) if kafka else None
    # A pod's name is its host's, and its workers have numbers of their own.
    reviews = f"{REVIEWS_ID}{socket.gethostname()}.{os.getpid()}"
    record = to_topic(load(KafkaSettings), reviews) if kafka else None
    _running = create_app(settings, Store(settings), streams=streams, told=told, record=record)
    return _running


def ended() -> None:
    """Called in each worker before it ends, after its last request."""
    if _running is not None:
        guard: Guard = _running.extensions[GUARD]
        guard.close()
        told: Told | None = _running.extensions.get(TOLD)
        if told is not None:
            told.close()
