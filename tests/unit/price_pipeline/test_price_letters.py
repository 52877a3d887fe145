"""Dead letters: which are meant, and what is made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from tests.prices import START, price
from workloads.kit.codec import encode
from workloads.price_pipeline.letters import Choice, Letter, NotRepaired, repaired


def letter(place: str = "0@1", key: str = "WTI", **fields: Any) -> Letter:
    whole = msgspec.json.decode(encode(price(3, 50.0))) | fields
    return Letter(place, key, msgspec.json.encode(whole), "DecodeError", "why", 0, cut=False)


NOW = datetime.fromisoformat("2020-03-01T00:00Z")
UNREADABLE = Letter("2@7", "WTI", b"{no json", "DecodeError", "malformed", 0, cut=False)


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (Choice(), ["0@1", "1@1", "2@7"]),
        (Choice(places=["1@1"]), ["1@1"]),
        (Choice(symbol="WTI"), ["0@1", "2@7"]),
        (Choice(symbol="BRENT"), ["1@1"]),
        (Choice(since=datetime.fromisoformat("2020-01-04T00:00Z")), ["0@1", "1@1"]),
        (Choice(since=datetime.fromisoformat("2020-01-04T00:01Z")), ["1@1"]),
        (Choice(until=datetime.fromisoformat("2020-01-04T00:00Z")), ["0@1"]),
        (Choice(symbol="WTI", since=START, places=["2@7"]), []),
    ],
)
def test_letters_are_chosen_by_place_symbol_and_delivery(choice: Choice, meant: list[str]) -> None:
    later = letter("1@1", "BRENT", delivery_start="2020-02-01T00:00:00Z", symbol="BRENT")
    assert [one.place for one in choice.of([letter(), later, UNREADABLE])] == meant


def test_a_field_is_set_or_taken_away_and_the_rest_stays() -> None:
    bad = letter(price=None, note="not of a price")
    with pytest.raises(NotRepaired, match=r"0@1: .*price"):
        repaired(bad, {}, NOW)
    assert repaired(bad, {"price": -4.2}, NOW).price == -4.2
    assert repaired(letter(correction="yes"), {"correction": None}, NOW) == price(3, 50.0)


def test_what_is_still_no_price_is_not_sent() -> None:
    with pytest.raises(NotRepaired, match="no JSON object"):
        repaired(UNREADABLE, {"price": 1.0}, NOW)
    with pytest.raises(NotRepaired, match="start alone"):
        repaired(_cut(), {"price": 1.0}, NOW)
    with pytest.raises(NotRepaired, match="SYN-"):
        repaired(letter(symbol="SYN-X", provenance="market"), {}, NOW)
    with pytest.raises(NotRepaired, match=r"0@1: published_at 2199-01-01.* is later than 2020-03-01"):
        repaired(letter(published_at="2199-01-01T00:00:00Z"), {}, NOW)


def _cut() -> Letter:
    whole = letter()
    whole.cut = True
    return whole


def test_a_message_of_the_version_before_is_chosen_by_its_time_and_sent_as_of_now() -> None:
    old = {
        "schema_version": 1,
        "source": "s",
        "market": "crude",
        "symbol": "WTI",
        "event_time": "2020-01-04T00:00:00Z",
        "available_time": "2020-01-05T00:00:00Z",
        "price": 50.0,
        "currency": "USD",
        "unit": "bbl",
        "provenance": "market",
    }
    one = Letter("0@1", "WTI", msgspec.json.encode(old), "e", "r", 0, cut=False)
    assert Choice(since=datetime.fromisoformat("2020-01-04T00:00Z")).of([one]) == [one]
    assert Choice(since=datetime.fromisoformat("2020-01-05T00:00Z")).of([one]) == []
    assert repaired(one, {}, NOW).delivery_start == datetime.fromisoformat("2020-01-04T00:00Z")
    moved = repaired(one, {"event_time": "2020-01-03T00:00:00Z"}, NOW)
    assert moved.delivery_start == datetime.fromisoformat("2020-01-03T00:00Z")
    with pytest.raises(NotRepaired, match="version 1, which has no delivery_start"):
        repaired(one, {"delivery_start": "2020-01-03T00:00:00Z"}, NOW)


def test_a_price_that_consumers_took_is_corrected_at_its_source_not_sent_again() -> None:
    one = Letter("0@1", "WTI", letter().raw, "Impossible", "above the cap", 0, cut=False)
    with pytest.raises(NotRepaired, match="correct it at its source"):
        repaired(one, {"price": 70.0}, NOW)
