"""What a gunicorn worker runs: the application, and the threads that record its calls."""

from __future__ import annotations

from flask import Flask

from workloads.api_integration.app import create_app
from workloads.api_integration.cache import Cache
from workloads.api_integration.calls import Calls
from workloads.api_integration.effects import Effects
from workloads.api_integration.gateway import Gateway
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.api_integration.shared import Shared
from workloads.api_integration.upstream import Upstream
from workloads.kit import egress
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.settings import load

_running: list[Effects] = []


def application() -> Flask:
    """Called by gunicorn in each worker, after the fork: threads and connections do not survive one."""
    settings = load(ApiIntegrationSettings)
    egress.use(API_INTEGRATION.name)
    effects = Effects(settings)
    _running.append(effects)
    shared = Shared.of(settings)
    cache = Cache(shared, memory=settings.memory_answers)
    calls = Calls(settings, shared, Upstream(settings), effects.record)
    return create_app(settings, Gateway(settings, cache, calls), cache)


def close() -> None:
    """Called by gunicorn when the worker has answered its last request: what waits is recorded."""
    while _running:
        _running.pop().close()
