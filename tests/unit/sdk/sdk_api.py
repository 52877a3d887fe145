"""A data-api of a few lines, as a transport: it answers what a test gives it, and notes what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx
from carbon_client import AsyncClient, Client

KEY = "ck_0123456789ab_c2VjcmV0"
URL = "https://api.example.org"

Answer = httpx.Response | Exception


def price(number: float, **others: Any) -> dict[str, Any]:
    """A price of the hour of that number."""
    return {
        "symbol": "DE-LU",
        "source": "auction",
        "market": "power",
        "product": "day-ahead",
        "resolution": "PT1H",
        "delivery_start": "2026-03-01T00:00:00Z",
        "delivery_end": "2026-03-01T01:00:00Z",
        "published_at": "2026-02-28T12:00:00Z",
        "price": number,
        "currency": "EUR",
        "unit": "MWh",
        "provenance": "market",
        "correction": False,
        "withdrawn": None,
        "replayed_from": None,
    } | others


def page(prices: Iterable[float], following: str | None = None, **others: Any) -> httpx.Response:
    """A page of prices."""
    told = {
        "items": [price(one) for one in prices],
        "as_of": "2026-03-02T00:00:00Z",
        "next": following,
        "conversion": [],
    }
    return httpx.Response(200, json=told | others)


def problem(status: int, *errors: dict[str, Any], **headers: str) -> httpx.Response:
    """A refusal."""
    told = {
        "title": "No",
        "status": status,
        "detail": "it is so",
        "remedy": "do otherwise",
        "request_id": "r-1",
        "errors": list(errors),
    }
    return httpx.Response(status, json=told, headers={k.replace("_", "-"): v for k, v in headers.items()})


class Api:
    """Answers in turn."""

    def __init__(self, *answers: Answer) -> None:
        self._answers: Iterator[Answer] = iter(answers)
        self.asked: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **others: Any) -> Client:
        """A client of it."""
        given: dict[str, Any] = {"key": KEY, "transport": httpx.MockTransport(self._answer)}
        return Client(URL, **(given | others))

    def async_client(self, **others: Any) -> AsyncClient:
        """The same, asynchronous."""

        async def answer(request: httpx.Request) -> httpx.Response:
            return self._answer(request)

        given: dict[str, Any] = {"key": KEY, "transport": httpx.MockTransport(answer)}
        return AsyncClient(URL, **(given | others))

    @property
    def queries(self) -> list[dict[str, str]]:
        """Parameters of what it was asked."""
        return [dict(one.url.params) for one in self.asked]


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that ends before it is whole."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def event(identity: str, number: float, *, kind: str = "price", **others: Any) -> bytes:
    """An event of the stream."""
    return f"id: {identity}\nevent: {kind}\ndata: {json.dumps(price(number, **others))}\n\n".encode()
