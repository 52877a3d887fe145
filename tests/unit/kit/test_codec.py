from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import codec
from workloads.kit.contracts.messages import Price

_NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_TIMES = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))

_prices = st.builds(
    Price,
    source=_NAMES,
    market=_NAMES,
    symbol=_NAMES,
    event_time=_TIMES,
    available_time=_TIMES,
    price=st.floats(allow_nan=False, allow_infinity=False),
    currency=st.from_regex(r"\A[A-Z]{3}\Z"),
    unit=st.text(min_size=1, max_size=16),
    provenance=st.sampled_from(["market", "replay", "synthetic"]),
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
        ({"colour": "black"}, "colour"),
    ],
)
def test_what_is_not_the_message_is_refused_by_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(codec.DecodeError, match=named):
        codec.decoder(Price)(msgspec.json.encode(_GOOD | change))


def test_not_a_number_is_no_price() -> None:
    price = codec.decoder(Price)(msgspec.json.encode(_GOOD))
    with pytest.raises(codec.DecodeError, match="price"):
        codec.decoder(Price)(codec.encode(msgspec.structs.replace(price, price=float("nan"))))
