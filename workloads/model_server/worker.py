"""What a gunicorn worker runs: the application, and the threads that keep what it serves fresh."""

from __future__ import annotations

import threading
from typing import Any, Final

import structlog
from flask import Flask

from workloads.kit.features import FeatureSpec
from workloads.kit.registry import Registry
from workloads.kit.settings import load
from workloads.model_server.app import create_app
from workloads.model_server.cache import cached
from workloads.model_server.forecaster import Forecaster
from workloads.model_server.models import Models
from workloads.model_server.repeater import Repeater
from workloads.model_server.settings import ModelServerSettings
from workloads.model_server.store import FeatureStore, StoreAway

_log: Any = structlog.get_logger(__name__)

_START_SECONDS: Final = 45.0
"""Well within gunicorn's limit for a worker's start."""


def application() -> Flask:
    """Called by gunicorn in each worker, after the fork: threads and ONNX sessions do not survive one."""
    settings = load(ModelServerSettings)
    registry = Registry(settings.mlflow_tracking_uri, timeout=settings.registry_timeout_seconds, retries=0)
    models = Models(
        registry,
        settings.models_dir,
        FeatureSpec.parse(settings.feature_windows),
        resident=settings.max_resident_models,
    )
    forecaster = Forecaster(models, cached(FeatureStore(settings), settings), settings)

    def refresh_coverage() -> None:
        try:
            forecaster.refresh_coverage()
        except StoreAway as error:
            _log.warning("coverage.not_read", error=str(error))

    read = threading.Event()

    def refresh() -> None:
        try:
            models.refresh()
        finally:
            read.set()

    Repeater("registry", settings.registry_poll_seconds, refresh, at_once=True)
    # Before the first request: a worker that replaces another must not serve naive forecasts meanwhile. Where
    # there are so many models that it takes longer it answers 503 until they are read.
    read.wait(_START_SECONDS)
    Repeater("coverage", settings.coverage_refresh_seconds, refresh_coverage, at_once=True)
    return create_app(settings, models, forecaster)
