"""customer-consumer: members of a consumer group."""

from __future__ import annotations

from functools import partial
from typing import Final

from infra.workloads import consumers
from infra.workloads.consumers import ConsumerSettings
from infra.workloads.room import Room
from workloads.kit.contracts.declared.customer_consumer import CUSTOMER_CONSUMER

ROOM: Final = Room(
    declared=(CUSTOMER_CONSUMER,),
    settings=ConsumerSettings,
    optional=True,
    deploy=partial(consumers.deploy, CUSTOMER_CONSUMER),
)
