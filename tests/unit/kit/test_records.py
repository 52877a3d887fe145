"""Which messages of a topic are records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests import nasty
from tests.prices import price
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.indicators import Message as Known
from workloads.kit.contracts.messages import CLOCK_SKEW, LATEST, NotKnownYet, Price
from workloads.kit.records import NoValue, WrongKey, decoded

DECODE = decoder(Price)


class Message:
    """As Kafka's client gives one."""

    def __init__(self, key: bytes | None, value: bytes | None, written: int) -> None:
        self._key = key
        self._value = value
        self._written = written

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, self._written


def record(key: bytes | None, value: bytes | None, written: int = 1_700_000_000_000) -> Any:
    message: Any = Message(key, value, written)
    return decoded(message, "commodity-prices", DECODE)


def test_a_price_under_its_symbol_is_a_record() -> None:
    found = record(b"WTI", encode(price(0, 46.5)))
    assert (found.partition, found.offset, found.key, found.value) == (2, 7, b"WTI", price(0, 46.5))


@pytest.mark.parametrize("key", [None, b"", b"BRENT", b"wti"])
def test_a_price_under_another_key_is_none_for_its_series_would_be_in_two_partitions(
    key: bytes | None,
) -> None:
    with pytest.raises(WrongKey, match="of a message of WTI"):
        record(key, encode(price(0, 46.5)))


def test_a_message_without_a_value_says_nothing() -> None:
    with pytest.raises(NoValue):
        record(b"WTI", None)


WRITTEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
OF_A_TOPIC: dict[str, tuple[Callable[[], Known], Any]] = {
    "a price": (lambda: nasty.price(0), DECODE),
    "an indicator": (lambda: nasty.indicator(0), decoder(Indicator)),
}


@pytest.mark.parametrize("kind", OF_A_TOPIC)
@pytest.mark.parametrize(
    ("published", "known"),
    [
        (WRITTEN, True),
        (WRITTEN + CLOCK_SKEW, True),
        (WRITTEN + CLOCK_SKEW + timedelta(milliseconds=1), False),
        (WRITTEN + timedelta(days=1), False),
        (LATEST - timedelta(microseconds=1), False),
    ],
)
def test_what_is_published_after_it_was_written_is_no_record_whenever_it_is_read(
    kind: str, published: datetime, known: bool
) -> None:
    make, decode = OF_A_TOPIC[kind]
    one = msgspec.structs.replace(make(), published_at=published)
    message: Any = Message(one.message_key.encode(), encode(one), int(WRITTEN.timestamp() * 1000))
    if known:
        assert decoded(message, one.topic, decode).value == one
        return
    with pytest.raises(NotKnownYet, match=rf"published_at {published.isoformat()[:19]}.* 2026-11-21T12:00"):
        decoded(message, one.topic, decode)


@pytest.mark.parametrize("written", [-1, 0, 1])
def test_a_client_without_a_clock_is_not_judged_by_it(written: int) -> None:
    assert record(b"WTI", encode(price(0, 46.5)), written).timestamp_ms == written


@pytest.mark.parametrize(("product", "years"), [("forward", 31), ("day-ahead", 1), ("spot", 1)])
def test_no_delivery_is_further_from_its_publication_than_its_product_is_traded(
    product: Any, years: int
) -> None:
    far = WRITTEN.replace(year=WRITTEN.year + years)
    one = msgspec.structs.replace(price(0, 46.5), product=product)
    with pytest.raises(ValueError, match=rf"published_at 2026-11-21.* is before the delivery of a {product}"):
        msgspec.structs.replace(
            one, delivery_start=far, delivery_end=far + timedelta(days=1), published_at=WRITTEN
        )
    ten = WRITTEN.replace(year=WRITTEN.year + 10)
    forward = msgspec.structs.replace(
        one, product="forward", delivery_start=ten, delivery_end=ten + timedelta(days=1), published_at=WRITTEN
    )
    assert record(b"WTI", encode(forward), int(WRITTEN.timestamp() * 1000)).value == forward
