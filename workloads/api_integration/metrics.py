"""The workload's metrics, summed up over its workers (Prometheus multiprocess mode)."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from workloads.kit.contracts import metrics as names

REQUEST_SECONDS: Final = Histogram(
    names.INTEGRATION_REQUEST_SECONDS,
    "Time to answer, by provider, what the cache had (hit, stale, miss, revalidated, none) and status",
    ("provider", "cache", "code"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
CALLS: Final = Counter(names.INTEGRATION_CALLS, "Calls of providers", ("provider", "outcome"))
CALL_SECONDS: Final = Histogram(
    names.INTEGRATION_CALL_SECONDS,
    "Time until a provider's last byte",
    ("provider",),
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
COST: Final = Counter(names.INTEGRATION_COST, "Units of providers' own count", ("provider",))
NOT_CALLED: Final = Counter(
    names.INTEGRATION_NOT_CALLED,
    "Calls that were not made: limit, circuit, rest, retries, busy",
    ("provider", "reason"),
)
CIRCUIT_OPEN: Final = Gauge(
    names.INTEGRATION_CIRCUIT_OPEN,
    "1 while a provider is not called",
    ("provider",),
    multiprocess_mode="livemax",
)
DROPPED: Final = Counter(names.INTEGRATION_DROPPED, "Records of calls that were dropped", ("outlet",))
REDIS_AWAY: Final = Counter(names.INTEGRATION_REDIS_AWAY, "Times that Redis did not answer")
FENCED: Final = Counter(names.INTEGRATION_FENCED, "Answers not kept because a later call's was there")


def exposition() -> bytes:
    """All workers' figures in Prometheus text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
