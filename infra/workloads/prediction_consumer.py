"""prediction-consumer: members of a consumer group."""

from __future__ import annotations

from typing import Final

import pulumi

from infra.workloads import consumers
from infra.workloads.consumers import ConsumerSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declared.prediction_consumer import PREDICTION_CONSUMER


def _deploy(site: WorkloadSite, s: ConsumerSettings, opts: pulumi.ResourceOptions) -> None:
    consumers.deploy(PREDICTION_CONSUMER, site, s, opts, site.feature_windows)


ROOM: Final = Room(declared=(PREDICTION_CONSUMER,), settings=ConsumerSettings, deploy=_deploy)
