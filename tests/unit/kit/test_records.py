"""Which messages of a topic are records."""

from __future__ import annotations

from typing import Any

import pytest

from tests.prices import price
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts.messages import Price
from workloads.kit.records import NoValue, WrongKey, decoded

DECODE = decoder(Price)


class Message:
    """As Kafka's client gives one."""

    def __init__(self, key: bytes | None, value: bytes | None) -> None:
        self._key = key
        self._value = value

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 7

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000


def record(key: bytes | None, value: bytes | None) -> Any:
    message: Any = Message(key, value)
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
