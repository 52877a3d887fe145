"""What runs: each workload's declaration, and how it is started as a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workloads.kit.contracts import env
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.analytics_consumer import ANALYTICS_CONSUMER
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY, DATA_QUALITY_INDICATORS
from workloads.kit.contracts.declared.indicator_consumer import INDICATOR_CONSUMER
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.declared.model_training import MODEL_TRAINING
from workloads.kit.contracts.declared.prediction_consumer import PREDICTION_CONSUMER
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE, PRICE_REPLAY
from workloads.kit.contracts.platform import called


@dataclass(frozen=True, kw_only=True, eq=False)
class Workload:
    """A workload as a process.

    Args:
        command: what follows the name of its package.
        sources: whether it is told of the list of price sources.
        settings: environment beside the addresses of what it calls.
    """

    declared: Declaration
    command: tuple[str, ...] = ()
    sources: bool = False
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        """As `make status` shows it."""
        return self.declared.name

    @property
    def module(self) -> str:
        """What `python -m` starts."""
        return f"workloads.{self.declared.of_image.replace('-', '_')}"

    @property
    def argv(self) -> tuple[str, ...]:
        """What follows `python`."""
        return ("-m", self.module, *self.command)

    @property
    def role(self) -> str | None:
        """Its role in the database, where it has one."""
        return self.declared.role

    @property
    def job(self) -> bool:
        """Whether it ends by itself; the others run on."""
        return self.declared.kind == "job"

    @property
    def calls(self) -> frozenset[str]:
        """Names of what it is told the address of."""
        return frozenset(called(self.declared))


PIPELINE = Workload(declared=PRICE_PIPELINE, command=("run",), sources=True)
ANALYTICS = Workload(declared=ANALYTICS_CONSUMER)
INDICATORS = Workload(declared=INDICATOR_CONSUMER)
QUALITY = Workload(declared=DATA_QUALITY)
INDICATOR_QUALITY = Workload(declared=DATA_QUALITY_INDICATORS, command=("indicators",))
TRAINING = Workload(declared=MODEL_TRAINING, command=("train",))
# It is up before the first models are: a person should not wait for it to look again.
SERVER = Workload(declared=MODEL_SERVER, settings={env.WORKERS: "1", "REGISTRY_POLL_SECONDS": "1"})
API = Workload(declared=DATA_API, settings={env.WORKERS: "1"})
INTEGRATION = Workload(declared=API_INTEGRATION, settings={env.WORKERS: "1"})
PREDICTION = Workload(declared=PREDICTION_CONSUMER)
REPLAY = Workload(
    declared=PRICE_REPLAY, command=("replay",), sources=True, settings={env.REPLAY_INTERVAL_SECONDS: "5"}
)

WORKLOADS = (
    PIPELINE,
    ANALYTICS,
    INDICATORS,
    QUALITY,
    INDICATOR_QUALITY,
    TRAINING,
    SERVER,
    API,
    INTEGRATION,
    PREDICTION,
    REPLAY,
)
"""In the order in which they are needed."""
