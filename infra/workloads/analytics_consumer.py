"""analytics-consumer: members of a consumer group."""

from __future__ import annotations

from functools import partial
from typing import Final

from infra.workloads import consumers
from infra.workloads.consumers import ConsumerSettings
from infra.workloads.room import Room
from workloads.kit.contracts.declared.analytics_consumer import ANALYTICS_CONSUMER

ROOM: Final = Room(
    declared=(ANALYTICS_CONSUMER,),
    settings=ConsumerSettings,
    deploy=partial(consumers.deploy, ANALYTICS_CONSUMER),
)
