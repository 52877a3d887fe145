"""What a gunicorn worker runs: the application, and the threads that keep what it serves fresh."""

from __future__ import annotations

from typing import Any

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

    # Not within the start, for which gunicorn has a limit and many models take long. Until it has read them a
    # worker answers 503: one that replaces another must not serve naive forecasts meanwhile.
    Repeater("registry", settings.registry_poll_seconds, models.refresh, at_once=True)
    Repeater("coverage", settings.coverage_refresh_seconds, refresh_coverage, at_once=True)
    return create_app(settings, models, forecaster)
