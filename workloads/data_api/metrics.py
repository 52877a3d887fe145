"""The API's metrics, summed up over its workers (Prometheus multiprocess mode)."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from workloads.kit.contracts import metrics as names

REQUEST_SECONDS: Final = Histogram(
    names.API_REQUEST_SECONDS,
    "Time to answer, by endpoint and status code",
    ("endpoint", "code"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
REFUSED: Final = Counter(
    names.API_REFUSED,
    "Requests not answered: invalid, unknown, undeclared, unauthorized, product, scope, limit, overload, …",
    ("reason",),
)
STREAM_CLIENTS: Final = Gauge(names.API_STREAM_CLIENTS, "Clients of the stream", multiprocess_mode="livesum")
STREAM_EVENTS: Final = Counter(names.API_STREAM_EVENTS, "Events sent, one a client")
STREAM_DROPPED: Final = Counter(names.API_STREAM_DROPPED, "Clients cut off since they read too slowly")
TOLD_DROPPED: Final = Counter(names.API_TOLD_DROPPED, "Events of customers that nobody was told of")
ROWS: Final = Counter(names.API_ROWS, "Rows given out", ("endpoint",))


def exposition() -> bytes:
    """All workers' figures in Prometheus text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
