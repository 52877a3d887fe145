"""What a price by hand becomes."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline import inject
from workloads.price_pipeline.inject import BadPrice, Given, _price
from workloads.price_pipeline.ledger import Ledger

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def given(event_time: str | None, product: str = "day-ahead") -> Given:
    terms = ("power", "EUR", "MWh", product, "PT1H", "Europe/Berlin")
    return Given("manual", "DE-LU", "-4.2", event_time, *terms)  # type: ignore[arg-type]


@pytest.mark.parametrize("event_time", [None, "2026-11-22 13:00", "2026-11-21 08:00", "2025-01-01 13:00"])
def test_a_price_by_hand_is_known_from_now_on_whatever_it_is_of(event_time: str | None) -> None:
    assert _price(given(event_time), Ledger(), NOW).published_at == NOW


def test_a_spot_price_of_a_delivery_to_come_is_none() -> None:
    with pytest.raises(BadPrice, match="--product"):
        _price(given("2026-11-22 13:00", "spot"), Ledger(), NOW)


def test_a_price_that_was_taken_back_by_hand_is_not_said_to_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, asked = Ledger(), given("2026-11-21 08:00")
    taken = {"correction": True, "withdrawn": "platform"}
    ledger.note(msgspec.structs.replace(_price(asked, ledger, NOW), **cast("dict[str, Any]", taken)))
    monkeypatch.setattr(Ledger, "read", lambda *_, **__: ledger)
    monkeypatch.setattr(inject, "TransactionalProducer", lambda *_: nullcontext())
    with pytest.raises(BadPrice, match="withdraw --undo"):
        inject.inject(cast("KafkaSettings", None), asked, NOW)
