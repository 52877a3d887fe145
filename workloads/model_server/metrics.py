"""The server's metrics, summed up over its workers (Prometheus multiprocess mode)."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from workloads.kit.contracts import metrics as names

REQUEST_SECONDS: Final = Histogram(
    names.REQUEST_SECONDS,
    "Time to answer, by endpoint and status code",
    ("endpoint", "code"),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
REFUSED: Final = Counter(
    names.REQUESTS_REFUSED,
    "Requests not answered: overload, not_ready, store, model, invalid, feature_set, too_large",
    ("reason",),
)
STALE_ANSWERS: Final = Counter(
    names.STALE_ANSWERS, "Forecasts from the last prices read, while the feature store did not answer"
)
MODEL_VERSION: Final = Gauge(
    names.MODEL_VERSION,
    "Version served under the alias; 0 while the symbol is not served under it",
    ("symbol", "alias"),
    multiprocess_mode="livemostrecent",
)
MODEL_SKILL: Final = Gauge(
    names.MODEL_SKILL,
    "Skill of the served model on its last unseen window; real and synthetic symbols apart",
    ("symbol", "provenance"),
    multiprocess_mode="livemostrecent",
)
MODELS_RESIDENT: Final = Gauge(
    names.MODELS_RESIDENT, "Models in memory, over the workers", multiprocess_mode="livesum"
)
MODEL_LOADS: Final = Counter(names.MODEL_LOADS, "Models taken into memory")
REGISTRY_UP: Final = Gauge(
    names.REGISTRY_UP, "1 if the last read of the model registry succeeded", multiprocess_mode="livemin"
)


def exposition() -> bytes:
    """All workers' figures in Prometheus text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
