"""What runs: each workload, how it is started, whom it calls. The one place that says so here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from workloads.kit.contracts import env


class Service(Enum):
    """What a workload is told the address of."""

    KAFKA = auto()
    POSTGRES = auto()
    REDIS = auto()
    MLFLOW = auto()
    MODEL_SERVER = auto()
    SOURCES = auto()
    """The list of price sources, a file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Workload:
    """A workload as a process.

    Args:
        name: as `make status` shows it.
        command: what follows `python -m`.
        calls: the services that it needs.
        role: its role in the database, where it has one.
        job: it ends by itself; the others run on.
        settings: environment beside the addresses.
    """

    name: str
    command: tuple[str, ...]
    calls: frozenset[Service]
    role: str | None = None
    job: bool = False
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


PIPELINE = Workload(
    name="price-pipeline",
    command=("workloads.price_pipeline", "run"),
    calls=frozenset({Service.KAFKA, Service.POSTGRES, Service.SOURCES}),
    role="price_pipeline",
    job=True,
)
ANALYTICS = Workload(
    name="analytics-consumer",
    command=("workloads.analytics_consumer",),
    calls=frozenset({Service.KAFKA, Service.POSTGRES}),
    role="analytics_consumer",
)
TRAINING = Workload(
    name="model-training",
    command=("workloads.model_training", "train"),
    calls=frozenset({Service.POSTGRES, Service.MLFLOW}),
    role="model_training",
    job=True,
)
SERVER = Workload(
    name="model-server",
    command=("workloads.model_server",),
    calls=frozenset({Service.POSTGRES, Service.MLFLOW, Service.REDIS}),
    role="model_server",
    # It is up before the first models are: a person should not wait for it to look again.
    settings={env.WORKERS: "1", "REGISTRY_POLL_SECONDS": "1"},
)
PREDICTION = Workload(
    name="prediction-consumer",
    command=("workloads.prediction_consumer",),
    calls=frozenset({Service.KAFKA, Service.POSTGRES, Service.MODEL_SERVER}),
    role="prediction_consumer",
)
REPLAY = Workload(
    name="price-replay",
    command=("workloads.price_pipeline", "replay"),
    calls=frozenset({Service.KAFKA, Service.SOURCES}),
    settings={env.REPLAY_INTERVAL_SECONDS: "5"},
)

WORKLOADS = (PIPELINE, ANALYTICS, TRAINING, SERVER, PREDICTION, REPLAY)
"""In the order in which they are needed."""
