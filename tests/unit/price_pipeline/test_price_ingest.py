"""What a file by hand would publish, and the word that stands for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline.ingest import look
from workloads.price_pipeline.ledger import Ledger

Make = Callable[..., CsvSource]
DAY = datetime(2026, 11, 1, tzinfo=UTC)


def price(day: int, currency: str) -> Price:
    start = DAY + timedelta(days=day)
    return Price(
        source="daily",
        market="crude",
        symbol="WTI",
        product="spot",
        delivery_start=start,
        delivery_end=start + timedelta(days=1),
        resolution="P1D",
        published_at=start + timedelta(days=1),
        price=50.0,
        currency=currency,
        unit="bbl",
        provenance="market",
    )


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[Price]:
    """What the topic holds, in the order in which it is read."""
    prices: list[Price] = []

    def read(*_: object, **__: object) -> Ledger:
        ledger = Ledger()
        for one in prices:
            ledger.note(one)
        return ledger

    monkeypatch.setattr(Ledger, "read", read)
    return prices


def word(config: CsvSource, clock: Callable[[], datetime]) -> Any:
    return look(cast(KafkaSettings, None), config, clock)["confirm"]


FILE = "date,price\n2026-11-01,51\n2026-11-02,52\n2026-11-03,53\n"


def test_the_word_is_the_same_in_whatever_order_partitions_are_read(
    csv_source: Make, clock: Callable[[], datetime], held: list[Price]
) -> None:
    held += [price(0, "USD"), price(1, "EUR")]
    config = csv_source(FILE)
    first = word(config, clock)
    held.reverse()
    assert word(config, clock) == first
    assert word(config, lambda: clock() + timedelta(hours=1)) == first


@pytest.mark.parametrize("changed", [{"currency": "EUR"}, {"unit": "MWh"}, {"resolution": "P1W"}])
def test_the_word_is_another_where_the_settings_make_other_prices_of_the_file(
    csv_source: Make, clock: Callable[[], datetime], held: list[Price], changed: dict[str, str]
) -> None:
    assert held == []
    assert word(csv_source(FILE), clock) != word(csv_source(FILE, **changed), clock)
