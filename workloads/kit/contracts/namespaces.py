"""Kubernetes namespaces of the platform."""

from __future__ import annotations

from typing import Final

PLATFORM: Final = "carbon"
"""Kafka, PostgreSQL, Redis, MLflow and the workloads."""

MONITORING: Final = "carbon-monitoring"
"""Prometheus, Alertmanager and the exporters."""
