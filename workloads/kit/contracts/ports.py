"""Ports of the platform's services, as seen inside the cluster."""

from __future__ import annotations

from typing import Final

KAFKA: Final = 9092
KAFKA_CONTROLLER: Final = 9093
KAFKA_EXTERNAL: Final = 9094
POSTGRES: Final = 5432
REDIS: Final = 6379
MLFLOW: Final = 5000
MODEL_SERVER: Final = 8080
DATA_API: Final = 8090
API_INTEGRATION: Final = 8095
SUPERSET: Final = 8088
EGRESS_PROXY: Final = 3128
PROMETHEUS: Final = 9090
ALERTMANAGER: Final = 9093
POSTGRES_EXPORTER: Final = 9187
KUBE_STATE_METRICS: Final = 8081
OBJECT_STORE: Final = 7070
TRINO: Final = 8060
KEYCLOAK: Final = 8085
WAREHOUSE_CONNECT: Final = 8083
STAND_IN: Final = 8443
"""Of the pods that stand in for a market where the stack says so: their service answers at 443."""
METRICS: Final = 9100
"""Health and metrics of every workload that is not a web server: /healthz /readyz /metrics."""
