"""Server-Sent Events from bytes, and a stream that goes on where it was cut."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing
from itertools import islice

import httpx
import pytest
from carbon_client import BadAnswer, Event, NotAllowed, Patience, Refused, StreamedPrediction, Unavailable
from carbon_client.sse import Block, Parser
from hypothesis import given
from hypothesis import strategies as st
from sdk_api import Api, Broken, event, problem

BEGINNING = b"retry: 3000\nid: p0\n\n"


def parsed(*chunks: bytes) -> list[Block]:
    parser = Parser()
    return [block for chunk in chunks for block in parser.feed(chunk)]


def cut(*blocks: bytes) -> httpx.Response:
    """A connection that breaks after these blocks."""
    return httpx.Response(200, stream=Broken(BEGINNING, *blocks))


def numbers(events: list[Event]) -> list[float]:
    return [one.data.price for one in events]


TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)
BLOCKS = st.lists(
    st.tuples(
        TEXT.filter(bool),
        st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=5),
        st.lists(TEXT, min_size=1, max_size=3).filter(lambda lines: "\n".join(lines) != ""),
    ),
    max_size=5,
)


@given(BLOCKS, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_blocks_are_the_same_however_their_bytes_are_cut(
    blocks: list[tuple[str, str, list[str]]], end: str, data: st.DataObject
) -> None:
    lines: list[str] = []
    for identity, name, texts in blocks:
        lines += [": a comment", f"id: {identity}", f"event:{name}", *(f"data: {text}" for text in texts), ""]
    # A \r alone is known to end a line once what follows is there.
    raw = b"\xef\xbb\xbf" + "".join(f"{line}{end}" for line in lines).encode() + b":"
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    chunks = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    expected = [Block(identity, name, "\n".join(texts), None) for identity, name, texts in blocks]
    assert parsed(*chunks) == expected == parsed(*(raw[at : at + 1] for at in range(len(raw))))


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_no_bytes_break_the_parser(chunks: list[bytes]) -> None:
    parsed(*chunks)


def test_an_id_alone_is_a_place_and_a_cut_block_none() -> None:
    assert parsed(b"id: 1\n\n") == [Block("1", "message", "", None)]
    assert parsed(b"id: 1\nevent: price\ndata: {}\n") == []
    assert parsed(b"retry: 1\nretry: x\n\n") == [Block("", "message", "", 1)]


def test_an_event_without_end_is_not_held() -> None:
    with pytest.raises(BadAnswer, match="16 MiB"):
        parsed(*[b"x" * (1 << 20)] * 18)


def test_a_stream_goes_on_after_what_was_had(waits: list[float]) -> None:
    half = event("p3", 3)[:-20]
    api = Api(
        cut(event("p1", 1), event("p2", 2), half),
        problem(503, Retry_After="9"),
        httpx.ConnectError("refused"),
        cut(b"id: p2b\n\n", event("p3", 3)),
        cut(event("p4", 4)),
    )
    with closing(api.client().stream(symbols="DE-LU", events="prices")) as events:
        found = list(islice(events, 4))
    assert numbers(found) == [1, 2, 3, 4]
    assert [one.id for one in found] == ["p1", "p2", "p3", "p4"]
    assert [one.headers.get("Last-Event-ID") for one in api.asked] == [None, "p2", "p2", "p2", "p3"]
    assert set(map(str, api.queries)) == {"{'symbols': 'DE-LU', 'events': 'prices'}"}
    # The server's three seconds, then what it asked for; a connection that held begins anew.
    assert waits[1] == 9.0
    assert all(1.5 <= wait <= 3.0 for wait in (waits[0], waits[3]))
    assert waits[2] >= 3.0


def test_a_stream_begins_where_another_process_was() -> None:
    api = Api(cut(event("p8", 8)))
    assert next(iter(api.client().stream(last_event_id="p7"))).id == "p8"
    assert api.asked[0].headers["Last-Event-ID"] == "p7"
    assert api.queries == [{}]


def test_a_stream_that_ends_well_is_opened_again() -> None:
    api = Api(httpx.Response(200, content=BEGINNING + event("p1", 1)), cut(event("p2", 2)))
    assert numbers(list(islice(api.client().stream(), 2))) == [1, 2]


@pytest.mark.parametrize(("status", "kind"), [(401, NotAllowed), (403, NotAllowed), (422, Refused)])
def test_a_stream_that_is_refused_ends(status: int, kind: type[Exception]) -> None:
    api = Api(cut(event("p1", 1)), problem(status))
    with pytest.raises(kind):
        list(api.client().stream())
    assert len(api.asked) == 2


def test_a_stream_that_is_away_for_long_is_given_up(waits: list[float]) -> None:
    api = Api(cut(event("p1", 1)), *[httpx.ConnectError("refused")] * 9)
    with pytest.raises(Unavailable):
        list(api.client(patience=Patience(stream_attempts=4, longest=8)).stream())
    assert len(api.asked) == 4
    assert max(waits) <= 8


def test_events_of_a_newer_kind_are_left_out_and_their_place_is_kept() -> None:
    api = Api(cut(event("p1", 1, kind="alert"), b"event: message\ndata: x\nid: p2\n\n"), cut(event("p3", 3)))
    assert [one.id for one in islice(api.client().stream(), 1)] == ["p3"]
    assert api.asked[1].headers["Last-Event-ID"] == "p2"


def test_an_event_that_is_none_is_told() -> None:
    api = Api(cut(b"id: p1\nevent: price\ndata: {}\n\n"))
    with pytest.raises(BadAnswer, match="price"):
        list(api.client().stream())


def test_a_prediction_has_no_outcome_yet() -> None:
    told = b"""{"symbol":"A","source":"s","market":"power","resolution":"PT1H","provenance":"market",
"event_time":"2026-03-01T00:00:00Z","price_published_at":"2026-03-01T00:00:00Z",
"issued_at":"2026-03-01T00:00:00Z","horizon_periods":1,"price":1.0,"prediction":2.0,"lower":0.0,"upper":3.0,
"nominal_level":0.9,"model_name":"m","model_version":1,"model_alias":"champion","skill":"none",
"skill_score":null}""".replace(b"\n", b"")
    api = Api(cut(b"id: p1\nevent: prediction\ndata: " + told + b"\n\n"))
    first = next(iter(api.client().stream()))
    assert isinstance(first.data, StreamedPrediction)
    assert (first.kind, first.data.prediction) == ("prediction", 2.0)


def test_the_asynchronous_stream_does_the_same(waits: list[float]) -> None:
    api = Api(cut(event("p1", 1)), cut(event("p2", 2)), problem(403))

    async def read() -> list[Event]:
        found: list[Event] = []
        async with aclosing(api.async_client().stream()) as events:
            try:
                async for one in events:
                    found.append(one)
            except NotAllowed:
                return found
        raise AssertionError("it ended without an error")

    assert numbers(asyncio.run(read())) == [1, 2]
    assert [one.headers.get("Last-Event-ID") for one in api.asked] == [None, "p1", "p2"]
    assert len(waits) == 2
