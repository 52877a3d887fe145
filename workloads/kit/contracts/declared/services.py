"""Services of other projects that the platform runs on, and those that watch it."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, Reach
from workloads.kit.contracts.namespaces import MONITORING
from workloads.kit.contracts.tables import READ

_MONITORING: Final = "monitoring"
"""The section of a stack file that brings what watches."""

KAFKA: Final = Declaration(
    name="kafka",
    about="brokers",
    kind="server",
    third_party=True,
    port=ports.KAFKA,
    reach=Reach(scheme="kafka", about="broker", slot=5, replicas=3, port=ports.KAFKA_EXTERNAL),
)

POSTGRES: Final = Declaration(
    name="postgres",
    about="PostgreSQL: the feature store, and the model registry's records",
    kind="server",
    third_party=True,
    port=ports.POSTGRES,
    reach=Reach(scheme="postgresql", about="feature store", slot=4),
)

REDIS: Final = Declaration(
    name="redis",
    about="the model server's cache",
    kind="server",
    third_party=True,
    port=ports.REDIS,
)

MLFLOW: Final = Declaration(
    name="mlflow",
    about="the model registry",
    kind="server",
    third_party=True,
    role="mlflow",
    port=ports.MLFLOW,
    reach=Reach(scheme="http", about="models, runs, metrics of training", slot=1),
)

OBJECT_STORE_KEY: Final = "secret-key"
"""Name of the secret key of its one account."""

OBJECT_STORE: Final = Declaration(
    name="object-store",
    about="S3, over a volume: the Iceberg tables, and uploads",
    kind="server",
    image="versitygw",
    third_party=True,
    secrets=(OBJECT_STORE_KEY,),
    port=ports.OBJECT_STORE,
    reach=Reach(scheme="http", about="S3 of the lake", slot=11),
)

TRINO: Final = Declaration(
    name="trino",
    about="SQL over the warehouse's layers and the Iceberg tables",
    kind="server",
    third_party=True,
    role="trino",
    layers={"cleaned": "read", "analytics": "read", "etl": "read", "lake": "write"},
    calls=(OBJECT_STORE.name,),
    port=ports.TRINO,
    reach=Reach(scheme="http", about="SQL over the warehouse and the lake", slot=12),
)

PROMETHEUS: Final = Declaration(
    name="prometheus",
    about="metrics, and alerts on them",
    kind="server",
    namespace=MONITORING,
    third_party=True,
    part_of=_MONITORING,
    port=ports.PROMETHEUS,
    reach=Reach(scheme="http", about="metrics and alerts", slot=2),
)

ALERTMANAGER: Final = Declaration(
    name="alertmanager",
    about="who is told of which alert",
    kind="server",
    namespace=MONITORING,
    third_party=True,
    part_of=_MONITORING,
    port=ports.ALERTMANAGER,
    metrics=ports.ALERTMANAGER,
    reach=Reach(scheme="http", about="alerts sent", slot=3),
)

POSTGRES_EXPORTER: Final = Declaration(
    name="postgres-exporter",
    about="figures of the database",
    kind="server",
    namespace=MONITORING,
    third_party=True,
    part_of=_MONITORING,
    role="postgres_exporter",
    tables={
        tables.COMMODITY_PRICES_DAILY: READ,
        tables.ML_PREDICTIONS: READ,
        tables.PREDICTION_OUTCOMES: READ,
        tables.JOB_RUNS: READ,
        tables.MODEL_EVENTS: READ,
    },
    port=ports.POSTGRES_EXPORTER,
    metrics=ports.POSTGRES_EXPORTER,
)

KUBE_STATE_METRICS: Final = Declaration(
    name="kube-state-metrics",
    about="figures of Kubernetes' objects",
    kind="server",
    namespace=MONITORING,
    third_party=True,
    part_of=_MONITORING,
    port=ports.KUBE_STATE_METRICS,
    metrics=ports.KUBE_STATE_METRICS,
    kubernetes_api=True,
)
