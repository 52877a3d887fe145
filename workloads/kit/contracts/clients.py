"""Which workload may do what on Kafka: the topics it reads and writes, its consumer group, its transactions.

Where Kafka checks rights they are made from this; a right that is not here does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workloads.kit.contracts.topics import (
    COMMODITY_ANALYTICS,
    COMMODITY_PRICES,
    ML_PREDICTIONS,
    dead_letter,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a client may use of each broker.

    Args:
        produce_bytes, consume_bytes: a second.
        request_percent: of the time of one request thread.
    """

    produce_bytes: int
    consume_bytes: int
    request_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A workload as a client of Kafka.

    Args:
        name: of the workload.
        reads, writes: topics.
        group: its consumer group, where it is a member of one.
        transactional_ids: of its producers, each the start of an id or all of it.
        quota: where the cluster's default does not do.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str | None = None
    transactional_ids: tuple[str, ...] = ()
    quota: Quota | None = None


NO_GROUP: Final = "unused"
"""Consumer group of who reads a topic as a record and commits nothing: a client has to name one, and asks
where it is. Every reader may."""

_REBUILDS: Final = Quota(produce_bytes=20_000_000, consume_bytes=100_000_000, request_percent=200)
"""A consumer that rebuilds its state reads a topic from its start, as fast as it can."""

_REFUSED: Final = dead_letter(COMMODITY_PRICES)

CLIENTS: Final[tuple[Client, ...]] = (
    # What is new at a source is decided from all that was published and refused before.
    Client(
        name="price-pipeline",
        reads=(COMMODITY_PRICES, _REFUSED),
        writes=(COMMODITY_PRICES, _REFUSED),
        transactional_ids=("price-pipeline", "price-inject"),
        quota=_REBUILDS,
    ),
    Client(
        name="price-replay",
        reads=(COMMODITY_PRICES, _REFUSED),
        writes=(COMMODITY_PRICES, _REFUSED),
        transactional_ids=("price-replay", "price-inject"),
        quota=_REBUILDS,
    ),
    Client(
        name="analytics-consumer",
        reads=(COMMODITY_PRICES,),
        writes=(COMMODITY_ANALYTICS, _REFUSED),
        group="analytics-consumer",
        transactional_ids=("analytics-consumer.",),
        quota=_REBUILDS,
    ),
    Client(
        name="prediction-consumer",
        reads=(COMMODITY_PRICES,),
        writes=(ML_PREDICTIONS, _REFUSED),
        group="prediction-consumer",
        transactional_ids=("prediction-consumer.",),
        quota=_REBUILDS,
    ),
)
