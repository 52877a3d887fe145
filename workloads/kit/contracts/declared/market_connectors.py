"""market-connectors: four jobs that bring power markets' prices and forecasts, each at its own hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.market import Group
from workloads.kit.contracts.tables import UPSERT
from workloads.kit.contracts.topics import COMMODITY_PRICES, MARKET_INDICATORS, dead_letter

_TOPICS: Final = tuple(
    name for topic in (COMMODITY_PRICES, MARKET_INDICATORS) for name in (topic, dead_letter(topic))
)
"""What is new is decided from all that was published and refused before: they are read, too."""


def _job(name: str, about: str, *, image: str = "", section: str = "") -> Declaration:
    return Declaration(
        name=name,
        about=about,
        kind="job",
        image=image,
        part_of=section,
        kafka=KafkaUse(reads=_TOPICS, writes=_TOPICS, transactional_ids=(name,), quota=REBUILDS),
        role="market_connectors",
        tables={tables.JOB_RUNS: UPSERT},
        calls=(EGRESS_PROXY.name,),
    )


MARKET_CONNECTORS: Final = _job("market-connectors", "publishes day-ahead prices and forecasts of Europe")
MARKET_AMERICA: Final = _job(
    "market-america",
    "publishes day-ahead prices of North America",
    image=MARKET_CONNECTORS.name,
    section=MARKET_CONNECTORS.section,
)
MARKET_AUSTRALIA: Final = _job(
    "market-australia",
    "publishes yesterday's prices of Australia",
    image=MARKET_CONNECTORS.name,
    section=MARKET_CONNECTORS.section,
)
MARKET_LIVE: Final = _job(
    "market-live",
    "publishes power prices as they are made",
    image=MARKET_CONNECTORS.name,
    section=MARKET_CONNECTORS.section,
)

MARKET_JOBS: Final[Mapping[Group, Declaration]] = {
    "europe": MARKET_CONNECTORS,
    "america": MARKET_AMERICA,
    "australia": MARKET_AUSTRALIA,
    "live": MARKET_LIVE,
}
"""Group of markets → the job that brings it."""
