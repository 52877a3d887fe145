"""Metrics of consumers and readers, under the names that alerts and dashboards know (`contracts.metrics`)."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from workloads.kit.contracts import metrics as names

LAG: Final = Gauge(
    names.CONSUMER_LAG, "Committed messages not processed yet", ("group", "topic", "partition")
)
RECORDS: Final = Counter(
    names.CONSUMER_RECORDS,
    "Records by outcome: processed, dead_letter, retried",
    ("group", "topic", "outcome"),
)
DEAD_LETTERS: Final = Counter(
    names.CONSUMER_DEAD_LETTERS, "Records refused, by topic and error class", ("group", "topic", "error")
)
BATCH_SECONDS: Final = Histogram(
    names.CONSUMER_BATCH_SECONDS,
    "From a batch's first record in hand to its effects durable",
    ("group", "topic"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LATENCY_SECONDS: Final = Histogram(
    names.CONSUMER_LATENCY_SECONDS,
    "From the timestamp of a batch's oldest record to its effects durable",
    ("group", "topic"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
RESTORED: Final = Counter(names.CONSUMER_RESTORED, "Records that state was rebuilt from", ("group", "topic"))
LEFT_OUT: Final = Counter(
    names.READER_LEFT_OUT,
    "Messages that a reader of the past could not take, by topic and error class",
    ("topic", "error"),
)
PAUSED: Final = Gauge(
    names.CONSUMER_PAUSED, "1 while a transient error holds the consumer back", ("group", "topic")
)
