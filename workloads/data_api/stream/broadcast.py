"""All clients of a worker: an event loop that sends them what comes, and threads that send them the past."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import structlog
from confluent_kafka import Message

from workloads.data_api import metrics
from workloads.data_api.stream.client import Client, Clients, Wanted
from workloads.data_api.stream.events import DECODERS, KINDS, block
from workloads.data_api.stream.follower import Follower
from workloads.data_api.stream.places import Place, Places
from workloads.data_api.stream.resume import NotReady, Resume, messages_between
from workloads.data_api.stream.settings import StreamSettings
from workloads.kit.log_reader import LeftOut, read_ranges
from workloads.kit.records import decoded

_log: Any = structlog.get_logger(__name__)

_NEAR: Final = 500
"""Messages that may come while a client is sent the last of the past: it waits for them in memory."""
_PIECE: Final = 32_768
"""Bytes of the past that are sent at a time."""


class Full(Exception):
    """The worker has all the clients that it takes."""


class Broadcast:
    """Made in a worker after the fork: it has threads."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._place: Place = {}
        self._places: Places | None = None
        self._clients = Clients()
        self._count = 0
        self._counting = threading.Lock()
        self._left_out = {topic: LeftOut(topic) for topic in KINDS}
        self._closing = threading.Event()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket a client
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="stream-loop", daemon=True)
        self._thread.start()
        self._replays = ThreadPoolExecutor(settings.stream_replays, "stream-replay")
        self._follower = Follower(settings, tuple(KINDS), self._begun, self._arrived)
        self._resume = Resume(self._follower, settings.stream_replay_messages, self._closing)

    def place(self, text: str | None) -> Place | None:
        """Where a client goes on that gives back this text; None: with what comes.

        Raises:
            NotReady: nobody knows yet.
            BadPlace: it is none that was given out, or none to go on from.
        """
        if self._places is None:
            raise NotReady
        if text is None:
            return None
        place = self._places.decode(text)
        self._resume.judge(place, self._place)
        return place

    def take(
        self,
        sock: socket.socket,
        wanted: Wanted,
        place: Place | None,
        request: str,
    ) -> None:
        """Go on with a connection whose question was read.

        Raises:
            Full: it stays the caller's.
        """
        with self._counting:
            if self._count >= self._settings.stream_clients:
                raise Full
            self._count += 1
        limit = self._settings.stream_buffer_bytes
        client = Client(wanted, place, limit=limit, ended=self._ended)
        metrics.STREAM_CLIENTS.inc()
        taken = socket.socket(fileno=sock.detach())
        taken.setblocking(False)
        asyncio.run_coroutine_threadsafe(self._connect(client, taken, request), self._loop)

    def close(self) -> None:
        """End all connections and threads."""
        self._closing.set()
        self._follower.close()
        self._replays.shutdown(wait=True, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        self._loop.create_task(self._beat())
        self._loop.run_forever()
        for client in self._clients:
            client.drop()
        self._loop.run_until_complete(asyncio.sleep(0))

    def _ended(self, client: Client) -> None:
        self._clients.discard(client)
        with self._counting:
            self._count -= 1
        metrics.STREAM_CLIENTS.dec()
        if not self._closing.is_set():
            self._replays.submit(client.wanted.ended, client.events, client.bytes)
        if client.dropped:
            metrics.STREAM_DROPPED.inc()

    async def _connect(self, client: Client, sock: socket.socket, request: str) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: client, sock)
        except OSError:  # it has gone meanwhile
            sock.close()
            self._ended(client)
            return
        client.begin(request, self._text(client.place or self._place))
        if client.place is None or client.place == self._place:
            client.place = None
            self._clients.add(client)
        else:
            self._past_of(client, client.place)

    def _text(self, place: Mapping[tuple[str, int], int]) -> str:
        assert self._places is not None
        return self._places.encode(place)

    async def _beat(self) -> None:
        """An id without data: a browser notes it and shows nothing, and a line that is cut is found out."""
        while True:
            await asyncio.sleep(self._settings.stream_heartbeat_seconds)
            if self._places is not None:
                line = f"id: {self._text(self._place)}\n\n".encode()
                for client in self._clients:
                    if client.place is None and client.has_room(len(line)):
                        client.send(line)
                    # It comes back with its place, and is asked anew who it is and what it may have.
                    if time.monotonic() - client.since > self._settings.stream_life_seconds:
                        client.end()

    # What comes.

    def _begun(self, place: Place) -> None:
        self._place = dict(place)
        self._places = Places(place)

    def _arrived(self, messages: list[Message]) -> None:
        """Called by the follower; it waits until the loop has sent them, so that none pile up there."""
        done = asyncio.run_coroutine_threadsafe(self._fan_out(messages), self._loop)
        while not self._closing.is_set():
            try:
                return done.result(timeout=1.0)
            except TimeoutError:
                continue
            except Exception:  # the thread that follows goes on; who may have missed something comes back
                _log.exception("stream.fan_out")
                self._loop.call_soon_threadsafe(self._drop_all)
                return None
        return None

    def _drop_all(self) -> None:
        for client in self._clients:
            client.drop()

    def _gets(self, client: Client, value: Any) -> bool:
        """Whether it may have it; a client of whom nobody can tell is cut off, and no other is."""
        try:
            return client.wanted.gets(value)
        except Exception as error:
            _log.warning("stream.entitlement", error=f"{type(error).__name__}: {error}")
            client.drop()
            return False

    async def _fan_out(self, messages: list[Message]) -> None:
        sent = unflushed = 0
        for message in messages:
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            before = self._place[topic, partition]
            self._place[topic, partition] = offset + 1
            kind, symbol = KINDS[topic], _text_of(message.key())
            takers = self._clients.wanting(kind, symbol)
            if not takers:
                continue
            try:
                value = decoded(message, topic, DECODERS[topic]).value
                made = block(value)
            except Exception as error:  # its consumers dead-letter it
                self._left_out[topic].add(partition, offset, error)
                continue
            event = f"id: {self._text(self._place)}\n".encode() + made
            takers = [one for one in takers if self._gets(one, value)]
            for client in takers:
                if client.place is not None:
                    if not client.wait(event):  # a burst: it reads on from Kafka, and joins when that is over
                        self._clients.discard(client)
                    continue
                if client.has_room(len(event)):
                    client.send(event)
                else:  # it goes on from Kafka, this one first, at its own pace, and nobody waits for it
                    self._past_of(client, {**self._place, (topic, partition): before})
                    continue
                client.count(len(event))
                sent += 1
            unflushed += len(event) * len(takers)
            if unflushed >= _PIECE:
                unflushed = 0
                await asyncio.sleep(0)
        if sent:
            metrics.STREAM_EVENTS.inc(sent)

    # The past.

    def _past_of(self, client: Client, place: Place) -> None:
        self._clients.discard(client)
        client.place = place
        self._loop.run_in_executor(self._replays, self._replay, client, place)

    def _replay(self, client: Client, place: Place) -> None:
        """Send what came from a place on until now; in a thread of its own, since reading waits."""
        ends = time.monotonic() + self._settings.stream_replay_seconds
        try:
            # What comes meanwhile is read as well, until so little is left that it can wait in memory.
            while self._goes_on(client, ends):
                target, joined = self._ask(self._join, client, place)
                self._past(client, place, target, ends)
                place = target
                while joined and self._goes_on(client, ends):
                    waited, place, joined = self._ask(self._caught_up, client, place)
                    for event in waited:
                        client.count(len(event))
                    metrics.STREAM_EVENTS.inc(len(waited))
                    self._send(client, b"".join(waited))
                    if joined and not waited:
                        return
        except Exception as error:
            if not isinstance(error, TimeoutError):
                _log.warning("stream.replay", error=str(error))
            self._loop.call_soon_threadsafe(client.drop)

    def _goes_on(self, client: Client, ends: float) -> bool:
        if time.monotonic() > ends:
            raise TimeoutError
        return client.open and not self._closing.is_set()

    def _join(self, client: Client, place: Place) -> tuple[Place, bool]:
        """Where the topics are, and whether that is so near that what comes now waits for the client."""
        if (near := messages_between(place, self._place) <= _NEAR) and client.open:
            client.waited()
            self._clients.add(client)
        return dict(self._place), near

    def _caught_up(self, client: Client, place: Place) -> tuple[list[bytes], Place, bool]:
        """What waits for it, where it is with that, and whether it is still told what comes.

        Where nothing waits it has caught up, and is sent from now on what comes."""
        if client not in self._clients:
            return [], place, False
        if not (waited := client.waited()):
            client.place = None
        return waited, dict(self._place), True

    def _past(self, client: Client, place: Place, target: Place, ends: float) -> None:
        place = dict(place)
        piece = bytearray()
        for topic, kind in KINDS.items():
            ranges = {key[1]: (place[key], target[key]) for key in place if key[0] == topic}
            if kind in client.wanted.kinds and any(begin < end for begin, end in ranges.values()):
                stop = partial(_not, self._goes_on, client, ends)
                for batch in read_ranges(self._settings, topic, ranges, DECODERS[topic], stop):
                    for record in batch:
                        place[topic, record.partition] = record.offset + 1
                        if client.wanted.asks(kind, record.value.symbol) and client.wanted.gets(record.value):
                            event = f"id: {self._text(place)}\n".encode() + block(record.value)
                            client.count(len(event))
                            piece += event
                        if len(piece) >= _PIECE:
                            self._send(client, bytes(piece))
                            piece = bytearray()
            place |= {(topic, partition): end for partition, (_, end) in ranges.items()}
        self._send(client, bytes(piece))

    def _send(self, client: Client, data: bytes) -> None:
        async def send() -> None:
            await asyncio.wait_for(client.room(), self._settings.stream_patience_seconds)
            client.send(data)

        if data and client.open:
            asyncio.run_coroutine_threadsafe(send(), self._loop).result()

    def _ask(self, what: Callable[..., Any], *given: Any) -> Any:
        """Do it in the loop's thread."""

        async def call() -> Any:
            return what(*given)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()


def _not(what: Callable[..., bool], *given: Any) -> bool:
    return not what(*given)


def _text_of(key: str | bytes | None) -> str:
    return key if isinstance(key, str) else (key or b"").decode(errors="replace")
