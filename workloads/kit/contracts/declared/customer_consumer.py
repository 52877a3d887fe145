"""customer-consumer: what customers do, to the database of their figures."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.tables import APPEND, UPSERT
from workloads.kit.contracts.topics import CUSTOMER_EVENTS, PLATFORM_AUDIT, dead_letter

CUSTOMER_CONSUMER: Final = Declaration(
    name="customer-consumer",
    about="what customers do, by the hour",
    kind="consumer",
    kafka=KafkaUse(
        reads=(CUSTOMER_EVENTS,),
        writes=(dead_letter(CUSTOMER_EVENTS), PLATFORM_AUDIT),
        group="customer-consumer",
        transactional_ids=("customer-consumer.",),
        quota=REBUILDS,
    ),
    role="customer_consumer",
    tables={tables.CUSTOMER_EVENTS: APPEND, tables.CUSTOMER_HOURS: UPSERT},
    metrics=ports.METRICS,
)
