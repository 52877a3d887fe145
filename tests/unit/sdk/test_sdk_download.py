"""A download that breaks off: it goes on where it can, and says where it cannot."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from carbon_client import AsyncClient, Client, Patience, Refused, Unavailable
from hypothesis import given
from hypothesis import strategies as st
from sdk_api import Api, Broken, problem

AS_OF = "2026-03-02T00:00:00.000001Z"
NAMES = b"symbol,price\n"


def cut(*blocks: bytes) -> httpx.Response:
    """An answer that breaks off after these bytes."""
    return httpx.Response(200, stream=Broken(*blocks), headers={"X-As-Of": AS_OF})


def whole(content: bytes) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"X-As-Of": AS_OF})


def test_a_csv_goes_on_after_its_last_whole_line_as_of_the_same_instant(
    tmp_path: Path, waits: list[float]
) -> None:
    api = Api(
        cut(NAMES + b"A,1\nB", b"+B,2\nC,"), problem(503, Retry_After="3"), cut(b"C,3"), whole(b"C,3\nD,4\n")
    )
    target = api.client().download(tmp_path / "prices.csv", symbol="A", as_of="2027-01-01T00:00:00Z")
    assert target.read_bytes() == NAMES + b"A,1\nB+B,2\nC,3\nD,4\n"
    first = {"symbol": "A", "as_of": "2027-01-01T00:00:00Z"}
    assert api.queries == [first, *[{"symbol": "A", "as_of": AS_OF, "after": "B+B,2"}] * 3]
    assert len(waits) == 3


def test_a_csv_that_lacked_its_end_alone_is_whole(tmp_path: Path) -> None:
    api = Api(cut(NAMES + b"A,1\n"), whole(b""))
    assert api.client().download(tmp_path / "prices.csv").read_bytes() == NAMES + b"A,1\n"


@pytest.mark.parametrize("begun", [b"", b"sym", NAMES, NAMES + b"A,"])
def test_a_csv_without_a_row_begins_anew(tmp_path: Path, begun: bytes) -> None:
    api = Api(cut(begun), whole(NAMES + b"A,1\n"))
    assert api.client().download(tmp_path / "prices.csv").read_bytes() == NAMES + b"A,1\n"
    assert api.queries == [{}, {}]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=4),
    st.lists(st.integers(0, 10**6), max_size=9),
)
def test_no_row_is_lost_or_doubled_wherever_it_breaks(
    cuts: list[tuple[int, int]], numbers: list[int]
) -> None:
    lines = [NAMES, *(f"r{at},{number}\n".encode() for at, number in enumerate(numbers))]
    left = iter(cuts)

    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        at = lines.index(f"{after}\n".encode()) + 1 if after else 0
        text = b"".join(lines[at:])
        if (broken := next(left, None)) is None:
            return whole(text)
        upto, size = broken
        return cut(*(text[:upto][i : i + size] for i in range(0, upto, size)))

    with TemporaryDirectory() as folder:
        client = Client("https://api.example.org", key="k", transport=httpx.MockTransport(answer))
        assert client.download(Path(folder) / "prices.csv").read_bytes() == b"".join(lines)


@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_another_form_is_asked_for_again_until_bytes_have_come_and_then_no_more(
    form: str, tmp_path: Path, waits: list[float]
) -> None:
    api = Api(cut(), cut(b"PAR1", b"abc"), whole(b"PAR1"))
    with pytest.raises(Unavailable, match=r"peer closed .*7 bytes had come.* as csv"):
        api.client().download(tmp_path / "prices", format=form)  # type: ignore[arg-type]
    assert (len(api.asked), len(waits)) == (2, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_csv_whose_instant_is_unknown_is_not_fetched_twice(tmp_path: Path) -> None:
    api = Api(httpx.Response(200, stream=Broken(NAMES + b"A,1\n")), whole(NAMES))
    with pytest.raises(Unavailable, match="had come"):
        api.client().download(tmp_path / "prices.csv")
    assert len(api.asked) == 1


def test_a_csv_that_is_given_up_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "prices.csv"
    target.write_bytes(b"before")
    with pytest.raises(Unavailable, match="peer closed"):
        Api(cut(NAMES + b"A,1\n"), cut(b"B,"), cut(b"B,")).client(patience=Patience(attempts=2)).download(
            target
        )
    with pytest.raises(Refused):
        Api(cut(NAMES + b"A,1\n"), problem(422)).client().download(target)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("prices.csv", b"before")]


def test_a_csv_that_goes_on_is_not_given_up(tmp_path: Path) -> None:
    rows = [f"{number},1\n".encode() for number in range(9)]
    api = Api(cut(NAMES + rows[0]), *(cut(row) for row in rows[1:-1]), whole(rows[-1]))
    got = api.client(patience=Patience(attempts=2)).download(tmp_path / "prices.csv")
    assert got.read_bytes() == NAMES + b"".join(rows)


def test_the_place_to_go_on_is_the_clients_own() -> None:
    for client in (Client, AsyncClient):
        assert not {"after", "cursor"} & inspect.signature(client.download).parameters.keys()


def test_the_asynchronous_client_goes_on_as_well(tmp_path: Path) -> None:
    api = Api(cut(NAMES + b"A,1\nB"), whole(b"B,2\n"))

    async def ask() -> Path:
        async with api.async_client() as client:
            return await client.download(tmp_path / "prices.csv")

    assert asyncio.run(ask()).read_bytes() == NAMES + b"A,1\nB,2\n"
    assert api.queries[1] == {"as_of": AS_OF, "after": "A,1"}
