"""One client of the stream: a socket on the event loop, with a limit to what waits for it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from workloads.data_api.stream.events import Event, Kind, moment
from workloads.data_api.stream.places import Place

_HEAD: Final = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\nX-Request-Id: {request}\r\n"
    "Connection: close\r\n\r\nretry: 2000\nid: {place}\n\n"
)


_WAITING: Final = 4
"""Times the limit of what waits in the connection."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asked for and may have.

    Args:
        symbols: None is all of them.
        sees: whether it is entitled to what is of a market and an instant.
        ended: told of its events and their bytes when the connection is over; it may wait for other servers.
    """

    symbols: frozenset[str] | None
    kinds: frozenset[Kind]
    sees: Callable[[str, datetime], bool]
    ended: Callable[[int, int], None]

    def asks(self, kind: Kind, symbol: str) -> bool:
        """Whether an event is one that it asked for."""
        return kind in self.kinds and (self.symbols is None or symbol in self.symbols)

    def gets(self, value: Event) -> bool:
        """Whether it may have an event that it asked for."""
        return self.sees(value.market, moment(value))


class Client(asyncio.Protocol):
    """What it asked for, where it is, and its connection; all of it is of the loop's thread.

    Args:
        place: while it is sent the past, where it was when that began; None once it is sent what comes.
        ended: called once when the connection is over.
    """

    def __init__(
        self,
        wanted: Wanted,
        place: Place | None,
        *,
        limit: int,
        ended: Callable[[Client], None],
    ) -> None:
        self.wanted, self.place = wanted, place
        self.since = time.monotonic()
        self.events = self.bytes = 0
        """What it was sent of what it asked for."""
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.dropped = False
        self._limit, self._ended = limit, ended
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._limit // 2)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._writable.set()
        self._ended(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    @property
    def open(self) -> bool:
        """Whether anything can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, request: str, place: str) -> None:
        """Answer that the stream begins, and where."""
        self.send(_HEAD.format(request=request, place=place).encode())

    def count(self, size: int) -> None:
        """An event of so many bytes is on its way."""
        self.events += 1
        self.bytes += size

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may wait for it."""
        transport = self._transport
        return transport is None or transport.get_write_buffer_size() + size <= self._limit

    def send(self, data: bytes) -> None:
        """Send it as soon as it can be."""
        if self._transport is not None:
            self._transport.write(data)

    def end(self) -> None:
        """End the connection when all that was sent has gone out."""
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """End the connection at once, since it is too slow or cannot be served."""
        self.dropped = True
        if self._transport is not None:
            self._transport.abort()

    def wait(self, event: bytes) -> bool:
        """Keep what came while it is sent the past; False, and nothing is kept, where that is too much."""
        if self._waiting_bytes + len(event) > _WAITING * self._limit:
            self._waiting, self._waiting_bytes = [], 0
            return False
        self._waiting.append(event)
        self._waiting_bytes += len(event)
        return True

    def waited(self) -> list[bytes]:
        """What was kept; it is no more."""
        waited, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return waited

    async def room(self) -> None:
        """Wait until what was sent has mostly gone out, or the connection is over."""
        await self._writable.wait()


class Clients:
    """Clients by what they asked for: a message is looked up, not offered to each."""

    def __init__(self) -> None:
        self._all: set[Client] = set()
        self._by_symbol: defaultdict[str | None, set[Client]] = defaultdict(set)

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._all))

    def __contains__(self, client: Client) -> bool:
        return client in self._all

    def add(self, client: Client) -> None:
        """From now on it is among those that are sent what comes."""
        self._all.add(client)
        for symbol in client.wanted.symbols or (None,):
            self._by_symbol[symbol].add(client)

    def discard(self, client: Client) -> None:
        """No more."""
        self._all.discard(client)
        for symbol in client.wanted.symbols or (None,):
            self._by_symbol[symbol].discard(client)
            if not self._by_symbol[symbol]:
                del self._by_symbol[symbol]

    def wanting(self, kind: Kind, symbol: str) -> list[Client]:
        """Those that asked for such an event."""
        every, some = self._by_symbol.get(None, ()), self._by_symbol.get(symbol, ())
        return [one for group in (every, some) for one in group if kind in one.wanted.kinds]
