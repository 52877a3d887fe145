from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    lambda *, length, **fields: Price(
        **fields,
        resolution=length[0],
        delivery_end=fields["delivery_start"] + length[1],
        provenance="replay" if fields["replayed_from"] is not None else "market",
    ),
    source=_NAMES,
    market=_NAMES,
    symbol=_NAMES.filter(lambda name: not name.startswith("SYN-")),
    product=st.sampled_from(["spot", "day-ahead", "settlement"]),
    delivery_start=_TIMES,
    length=st.sampled_from(
        [
            ("PT15M", timedelta(minutes=15)),
            ("PT1H", timedelta(hours=1)),
            ("P1D", timedelta(hours=23)),
            ("P3M", timedelta(days=91)),
        ]
    ),
    published_at=st.datetimes(datetime(2100, 1, 2), datetime(2101, 1, 1), timezones=st.just(UTC)),
    price=st.floats(-PRICE_LIMIT, PRICE_LIMIT),
    currency=st.from_regex(r"\A[A-Z]{3}\Z"),
    unit=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=16),
    correction=st.booleans(),
    replayed_from=st.none() | _TIMES,
)

_INSTRUMENT: dict[str, Any] = {
    "source": "auction",
    "market": "power",
    "symbol": "DE-LU",
    "price": -4.2,
    "currency": "EUR",
    "unit": "MWh",
    "provenance": "market",
}
_GOOD: dict[str, Any] = _INSTRUMENT | {
    "schema_version": 2,
    "product": "day-ahead",
    # Tomorrow's 13:15 to 13:30 in Germany, known since today 12:57.
    "delivery_start": "2025-11-27T12:15:00Z",
    "delivery_end": "2025-11-27T12:30:00Z",
    "resolution": "PT15M",
    "published_at": "2025-11-26T11:57:00Z",
}
_BEFORE: dict[str, Any] = _INSTRUMENT | {
    "schema_version": 1,
    "event_time": "2019-01-02T16:00:00Z",
    "available_time": "2019-01-03T00:00:00Z",
}


@given(_prices)
def test_a_message_comes_back_as_it_went(price: Price) -> None:
    assert codec.decoder(Price)(codec.encode(price)) == price


def test_a_price_of_before_is_read_as_the_spot_price_of_its_day() -> None:
    assert codec.decoder(Price)(msgspec.json.encode(_BEFORE)) == Price(
        **_INSTRUMENT,
        product="spot",
        delivery_start=datetime(2019, 1, 2, 16, tzinfo=UTC),
        delivery_end=datetime(2019, 1, 3, 16, tzinfo=UTC),
        resolution="P1D",
        published_at=datetime(2019, 1, 3, tzinfo=UTC),
    )


_EITHER = [
    ({"price": "46.5"}, "price"),
    ({"price": None}, "price"),
    ({"symbol": ""}, "symbol"),
    ({"provenance": "rumour"}, "provenance"),
    ({"schema_version": 3}, "schema_version"),
    ({"symbol": "WTI\n"}, "symbol"),
    ({"currency": "USD\n"}, "currency"),
    ({"unit": "M\0h"}, "unit"),
    ({"unit": "MWh\n"}, "unit"),
    ({"price": 1.7976931348623157e308}, "price"),
    ({"price": -1.01e12}, "price"),
    ({"replayed_from": "0001-01-01T00:00:00Z", "provenance": "replay"}, "replayed_from"),
    ({"replayed_from": "2001-01-01T00:00:00Z"}, "replayed_from"),
    ({"provenance": "replay"}, "replayed_from"),
    ({"symbol": "SYN-A"}, "SYN-"),
    ({"provenance": "synthetic"}, "SYN-"),
]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *_EITHER,
        ({"delivery_start": "2019-01-02T00:00:00"}, "delivery_start"),  # no zone
        ({"delivery_start": "0001-01-01T00:00:00+14:00"}, "delivery_start"),
        ({"delivery_start": "1899-12-31T23:59:59Z"}, "delivery_start"),
        ({"delivery_end": "9999-12-31T23:59:59-05:00"}, "delivery_end"),
        ({"delivery_end": "2025-11-27T12:14:00Z"}, "delivery_end"),
        ({"delivery_end": "2025-11-27T12:15:00Z"}, "resolution"),
        ({"resolution": "PT0S"}, "resolution"),
        # Hours sent as quarters of them, and the other way round.
        ({"delivery_end": "2025-11-27T13:15:00Z"}, "PT15M .* a period of 1:00:00"),
        ({"resolution": "PT30M"}, "PT30M .* a period of 0:15:00"),
        ({"resolution": "P1D"}, "P1D .* a period of 0:15:00"),
        ({"delivery_end": "2025-11-29T12:15:00Z", "resolution": "P1D"}, "P1D .* a period of 2 days"),
        ({"delivery_end": "2025-11-28T12:15:00Z", "resolution": "PT1H"}, "PT1H .* a period of 1 day"),
        ({"resolution": "15min"}, "resolution"),
        ({"resolution": "PT15M\n"}, "resolution"),
        ({"product": "weekly"}, "product"),
        ({"published_at": "9999-12-31T23:59:59-05:00"}, "published_at"),
        ({"published_at": "2200-01-01T00:00:00Z"}, "published_at"),
        # A day-ahead price is known a day ahead, not years; what is measured is not known before it is.
        ({"published_at": "2021-11-26T11:57:00Z"}, "published_at"),
        ({"product": "real-time"}, "published_at"),
        ({"product": "settlement"}, "published_at"),
        ({"product": "spot"}, "published_at"),
        ({"withdrawn": "nobody", "correction": True}, "withdrawn"),
        ({"withdrawn": "source", "correction": False}, "withdrawn source: only a correction"),
    ],
)
def test_what_is_not_the_message_is_refused_by_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(codec.DecodeError, match=named):
        codec.decoder(Price)(msgspec.json.encode(_GOOD | change))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *_EITHER,
        ({"event_time": "2019-01-02T00:00:00"}, "event_time"),  # no zone
        ({"event_time": "0001-01-01T00:00:00+14:00"}, "event_time"),
        ({"event_time": "1899-12-31T23:59:59Z"}, "event_time"),
        ({"available_time": "9999-12-31T23:59:59-05:00"}, "available_time"),
        ({"available_time": "2200-01-01T00:00:00Z"}, "available_time"),
        ({"available_time": "2015-01-03T00:00:00Z"}, "published_at"),
    ],
)
def test_what_was_not_the_message_of_before_is_refused_by_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(codec.DecodeError, match=named):
        codec.decoder(Price)(msgspec.json.encode(_BEFORE | change))


def test_a_forward_is_known_years_before_its_delivery() -> None:
    forward = {"product": "forward", "published_at": "2021-11-26T11:57:00Z"}
    assert codec.decoder(Price)(msgspec.json.encode(_GOOD | forward)).product == "forward"


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
