from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import codec
from workloads.kit.contracts.messages import PRICE_LIMIT, Price

_NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_TIMES = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))

_prices = st.builds(
    lambda **fields: Price(
        **fields, provenance="replay" if fields["replayed_from"] is not None else "market"
    ),
    source=_NAMES,
    market=_NAMES,
    symbol=_NAMES,
    event_time=_TIMES,
    available_time=_TIMES,
    price=st.floats(-PRICE_LIMIT, PRICE_LIMIT),
    currency=st.from_regex(r"\A[A-Z]{3}\Z"),
    unit=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=16),
    correction=st.booleans(),
    replayed_from=st.none() | _TIMES,
)

_GOOD: dict[str, Any] = {
    "source": "crude-daily",
    "market": "crude",
    "symbol": "WTI",
    "event_time": "2019-01-02T00:00:00Z",
    "available_time": "2019-01-03T00:00:00Z",
    "price": 46.5,
    "currency": "USD",
    "unit": "bbl",
    "provenance": "market",
}


@given(_prices)
def test_a_message_comes_back_as_it_went(price: Price) -> None:
    assert codec.decoder(Price)(codec.encode(price)) == price


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"price": "46.5"}, "price"),
        ({"price": None}, "price"),
        ({"symbol": ""}, "symbol"),
        ({"event_time": "2019-01-02T00:00:00"}, "event_time"),  # no zone
        ({"provenance": "rumour"}, "provenance"),
        ({"schema_version": 2}, "schema_version"),
        ({"symbol": "WTI\n"}, "symbol"),
        ({"currency": "USD\n"}, "currency"),
        ({"unit": "M\0h"}, "unit"),
        ({"unit": "MWh\n"}, "unit"),
        ({"price": 1.7976931348623157e308}, "price"),
        ({"price": -1.01e12}, "price"),
        ({"event_time": "0001-01-01T00:00:00+14:00"}, "event_time"),
        ({"event_time": "1899-12-31T23:59:59Z"}, "event_time"),
        ({"available_time": "9999-12-31T23:59:59-05:00"}, "available_time"),
        ({"available_time": "2200-01-01T00:00:00Z"}, "available_time"),
        ({"replayed_from": "0001-01-01T00:00:00Z", "provenance": "replay"}, "replayed_from"),
        ({"replayed_from": "2001-01-01T00:00:00Z"}, "replayed_from"),
        ({"provenance": "replay"}, "replayed_from"),
    ],
)
def test_what_is_not_the_message_is_refused_by_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(codec.DecodeError, match=named):
        codec.decoder(Price)(msgspec.json.encode(_GOOD | change))


def test_a_field_that_is_not_known_is_ignored() -> None:
    raw = msgspec.json.encode(_GOOD | {"colour": "black"})
    assert codec.decoder(Price)(raw) == codec.decoder(Price)(msgspec.json.encode(_GOOD))


def test_a_nest_that_is_too_deep_is_refused_as_any_other_message() -> None:
    nest = b"[" * 5_000
    for raw in (b'{"x":' + nest, msgspec.json.encode(_GOOD)[:-1] + b',"x":' + nest + b"]" * 5_000 + b"}"):
        with pytest.raises(codec.DecodeError, match="deep"):
            codec.decoder(Price)(raw)


def test_not_a_number_is_no_price() -> None:
    price = codec.decoder(Price)(msgspec.json.encode(_GOOD))
    with pytest.raises(codec.DecodeError, match="price"):
        codec.decoder(Price)(codec.encode(msgspec.structs.replace(price, price=float("nan"))))
