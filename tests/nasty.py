"""Messages that nobody should send: a corpus and a generator, for every test that sends them.

    for message in nasty.stream(seed=1, count=1000, share=0.05): …

Good prices, or indicators (`make=nasty.indicator`), and bad messages interleaved, with the same share of bad
ones all along, so that a group's guard against dead letters, which allows one in ten of the last thousand,
stays quiet.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from workloads.kit.codec import encode
from workloads.kit.contracts.indicators import Indicator, Message
from workloads.kit.contracts.messages import INSTANT, Price

DEPTH: Final = 5_000
"""Of the nest of brackets that once stopped every consumer: 10 kB."""

_NEST: Final = b"[" * DEPTH + b"]" * DEPTH


@dataclass(frozen=True)
class Sent:
    """One message. `good` is what it holds where it is a good one."""

    kind: str
    key: str
    value: bytes | None
    good: Message | None = None


_OF_INDICATORS: Final = {"price": "value", "symbol": "zone"}
"""Fields of a price -> those of an indicator that are in their place."""


def _named(field: str, message: Message) -> str:
    return _OF_INDICATORS.get(field, field) if isinstance(message, Indicator) else field


def _fields(message: Message) -> dict[str, Any]:
    return json.loads(encode(message))


def _changed(**changes: object) -> Callable[[Message], bytes]:
    return lambda good: json.dumps(
        _fields(good) | {_named(field, good): value for field, value in changes.items()}
    ).encode()


def _spliced(field: str, value: bytes) -> Callable[[Message], bytes]:
    """The message with one more field, as bytes that json would not write."""
    return lambda good: encode(good)[:-1] + b',"' + _named(field, good).encode() + b'":' + value + b"}"


def _without(field: str) -> Callable[[Message], bytes]:
    return lambda good: json.dumps(
        {name: value for name, value in _fields(good).items() if name != _named(field, good)}
    ).encode()


BAD: Final[Mapping[str, Callable[[Message], bytes | None]]] = {
    "tombstone": lambda _: None,
    "empty": lambda _: b"",
    "blank": lambda _: b" \n",
    "null": lambda _: b"null",
    "number": lambda _: b"1",
    "list": lambda price: b"[" + encode(price) + b"]",
    "text": lambda _: b"45.30",
    "truncated": lambda price: encode(price)[:-7],
    "two values": lambda price: encode(price) + encode(price),
    "nest": lambda _: b'{"x": ' + b"[" * DEPTH,
    "closed nest": _spliced("x", _NEST),
    "nest of objects": _spliced("x", b'{"a":' * DEPTH + b"1" + b"}" * DEPTH),
    "nest as a field": _spliced("price", _NEST),
    "avro": lambda _: b"\x00\x00\x00\x00\x07\x06WTI\x9a\x99\x99\x99\x99\x19G@",
    "protobuf": lambda _: b"\x0a\x03WTI\x11\x9a\x99\x99\x99\x99\x19G@",
    "gzip": lambda _: b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "utf-16": lambda price: encode(price).decode().encode("utf-16"),
    "byte order mark": lambda price: b"\xef\xbb\xbf" + encode(price),
    "latin-1": _spliced("unit", b'"\xb0C"'),
    "half a pair": _spliced("unit", b'"\\ud800"'),
    "NUL in the unit": _changed(unit="M\0h"),
    "line end in the unit": _changed(unit="MWh\n"),
    "line end in the symbol": _changed(symbol="SYN-A\n"),
    "slash in the symbol": _changed(symbol="../etc"),
    "huge symbol": _changed(symbol="A" * 200_000),
    "huge unit": _changed(unit="x" * 900_000),
    "huge for its headers": lambda price: b"x" * 999_000,
    "first of time": _changed(delivery_start="0001-01-01T00:00:00+14:00"),
    "last of time": _changed(delivery_end="9999-12-31T23:59:59-05:00"),
    "known in the first of time": _changed(published_at="0001-01-01T00:00:00+01:00"),
    "known in the last of time": _changed(published_at="9999-12-31T23:59:59Z"),
    "before any market": _changed(delivery_start="1899-12-31T23:59:59.999999Z"),
    "without a zone": _changed(delivery_start="2020-01-01T00:00:00"),
    "time as a number": _changed(delivery_start=1_577_836_800),
    "leap day that is none": _changed(delivery_start="2023-02-29T00:00:00Z"),
    "largest double": _changed(price=1.7976931348623157e308),
    "beyond doubles": _spliced("price", b"1e999"),
    "400 digits": _spliced("price", b"9" * 400),
    "5000 digits": _spliced("price", b"9" * 5_000),
    "NaN": _spliced("price", b"NaN"),
    "price as text": _changed(price="46.92"),
    "price as true": _changed(price=True),
    "price as a list": _changed(price=[46.92]),
    "no price": _changed(price=None),
    "price left out": _without("price"),
    "symbol left out": _without("symbol"),
    "later version": _changed(schema_version=3),
    "its version of before, without its fields": _changed(schema_version=1),
    "version as text": _changed(schema_version="2"),
    "version of 30 digits": _spliced("schema_version", b"1" * 30),
    "unknown provenance": _changed(provenance="rumour"),
    "replayed without its date": _changed(provenance="replay"),
    "currency of two letters": _changed(currency="US"),
    "period of another length than its resolution": _changed(
        delivery_end="2150-01-01T00:00:00Z", resolution="PT1H"
    ),
    "period that ends before it starts": _changed(delivery_end="1999-12-31T00:00:00Z"),
    "period without length": _changed(resolution="PT1H"),
    "resolution that is none": _changed(resolution="hourly"),
    "known before it was measured": _changed(published_at="2001-01-01T00:00:00Z"),
    "unknown product": _changed(product="weekly"),
    "synthetic that says market": _changed(provenance="market"),
}
"""What no consumer of prices takes, each made from a good price; nor, but for `_PRICES_ALONE`, one of
indicators, made from a good indicator."""

_PRICES_ALONE: Final = {
    "its version of before, without its fields",
    "currency of two letters",
    "unknown product",
}

BAD_INDICATORS: Final[Mapping[str, Callable[[Message], bytes | None]]] = {
    **{kind: make for kind, make in BAD.items() if kind not in _PRICES_ALONE},
    "unknown kind": _changed(kind="guess"),
    "name in capitals": _changed(name="LOAD"),
    "name left out": _without("name"),
    "forecast known when it is over": _changed(kind="forecast", published_at="2199-01-01T00:00:00Z"),
    "a price": lambda _: encode(price(0)),
}
"""What no consumer of indicators takes, each made from a good one."""

YET_TO_COME: Final[Mapping[str, Callable[[Message], bytes | None]]] = {
    "known in a hundred years": _changed(published_at="2126-01-01T00:00:00Z"),
    "known in the last year": _changed(published_at="2199-12-31T23:59:59Z"),
}
"""What no consumer takes, because of when it was written: a decoder alone does."""

ODD: Final[Mapping[str, Callable[[Message], bytes]]] = {
    "a field that came later": _changed(venue="exchange", curve=[1, {"deep": [None]}]),
    "a field twice": _spliced("currency", b'"USD"'),
    "a huge field that is not read": _changed(note="x" * 500_000),
    "spaces": lambda price: json.dumps(_fields(price), indent=8).encode(),
    "escapes": lambda price: encode(price).replace(b"bbl", b"\\u0062\\u0062l"),
    "another zone": lambda price: encode(price).replace(b'Z"', b'+00:00"'),
}
"""What looks odd and is a price, or an indicator."""

_NOISE: Final = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode(errors="surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=20,
    ).map(lambda value: json.dumps(value).encode()),
)


@st.composite
def bad_messages(draw: st.DrawFn) -> bytes | None:
    """From the corpus, a good price with a field exchanged for anything, or no price at all."""
    if draw(st.booleans()):
        return draw(st.sampled_from(sorted(BAD)).map(lambda kind: BAD[kind](price(draw(st.integers(0, 99))))))
    return draw(_NOISE)


def price(number: int, symbol: str = "SYN-A", source: str = "nasty") -> Price:
    """A good price, one a minute, known when it is made."""
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return Price(
        source=source,
        market="load",
        symbol=symbol,
        product="spot",
        delivery_start=at,
        delivery_end=at,
        resolution=INSTANT,
        published_at=at,
        price=round(60 + 10 * ((number * 37) % 101) / 101, 4),
        currency="EUR",
        unit="bbl",
        provenance="synthetic",
    )


def indicator(number: int, zone: str = "SYN-A", source: str = "nasty") -> Indicator:
    """A good actual, likewise."""
    like = price(number, zone, source)
    return Indicator(
        source=source,
        zone=zone,
        name="load",
        kind="actual",
        delivery_start=like.delivery_start,
        delivery_end=like.delivery_end,
        resolution=like.resolution,
        published_at=like.published_at,
        value=like.price,
        unit="bbl",
        provenance=like.provenance,
    )


def stream(
    seed: int,
    count: int,
    *,
    share: float,
    make: Callable[[int, str, str], Message] = price,
    symbols: tuple[str, ...] = ("SYN-A", "SYN-B", "SYN-C"),
    source: str = "nasty",
    start: datetime | None = None,
) -> Iterator[Sent]:
    """`count` messages, a `share` of them bad, evenly spread, each kind of the corpus as often as another; of
    the good ones one in ten is odd. The same for the same seed.

    Args:
        start: instant of the first; a second on for each. Then what is bad for when it was written is among
            them, too: they are to be written now.
        make: a good message of a number, symbol or zone, and source.
    """
    chance = random.Random(seed)
    kinds = BAD if isinstance(make(0, symbols[0], source), Price) else BAD_INDICATORS
    if start is not None:
        kinds = {**kinds, **YET_TO_COME}
    bad, odd = _cycle(chance, kinds), _cycle(chance, ODD)
    owed = 0.0
    for number in range(count):
        symbol = symbols[number % len(symbols)]
        good = make(number, symbol, source)
        if start is not None:
            at = start + timedelta(seconds=number)
            good = msgspec.structs.replace(good, delivery_start=at, delivery_end=at, published_at=at)
        owed += share
        if owed >= 1:
            owed -= 1
            kind, spoilt = next(bad)
            yield Sent(kind, good.message_key, spoilt(good))
        elif chance.random() < 0.1:
            kind, changed = next(odd)
            yield Sent(kind, good.message_key, changed(good), good)
        else:
            yield Sent("good", good.message_key, encode(good), good)


def _cycle(chance: random.Random, kinds: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    while True:
        names = sorted(kinds)
        chance.shuffle(names)
        yield from ((name, kinds[name]) for name in names)
