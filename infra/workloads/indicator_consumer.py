"""indicator-consumer: members of a consumer group."""

from __future__ import annotations

from functools import partial
from typing import Final

from infra.workloads import consumers
from infra.workloads.consumers import ConsumerSettings
from infra.workloads.room import Room
from workloads.kit.contracts.declared.indicator_consumer import INDICATOR_CONSUMER

ROOM: Final = Room(
    declared=(INDICATOR_CONSUMER,),
    settings=ConsumerSettings,
    deploy=partial(consumers.deploy, INDICATOR_CONSUMER),
)
