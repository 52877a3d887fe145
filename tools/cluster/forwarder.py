"""Program: forwards TCP from 127.0.0.1 on the host into an instance's network.

Runs in the host's network and mount namespaces and in the instance's PID namespace, so it ends with the
instance. Needs nothing but the standard library. A network namespace is chosen when a socket is made and
kept for its life: listeners are made in the host's, outgoing sockets in the instance's.

usage: forwarder.py TABLE CONTROL NETWORK
  TABLE    JSON file, {"127.0.0.1:PORT": "ADDRESS:PORT"}
  CONTROL  Unix socket to listen on; a connection makes the table be read again and is answered with one
           JSON line, {"listening": ["127.0.0.1:PORT"], "failed": {"127.0.0.1:PORT": "reason"}}
  NETWORK  file of the instance's network namespace
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNET = 0x40000000
CHUNK = 1 << 16
BACKLOG = 512
CONNECT_TIMEOUT = 10.0

_libc = ctypes.CDLL(None, use_errno=True)


def _enter(network: int) -> None:
    if _libc.setns(network, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def parse(address: str) -> tuple[str, int]:
    """`HOST:PORT` as a pair. Raises ValueError."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not 0 < int(port) < 1 << 16:
        raise ValueError(f"{address!r} is not ADDRESS:PORT")
    return host, int(port)


class Forwarder:
    """Keeps one listener for each row of the table."""

    def __init__(self, table: Path, network: Path) -> None:
        self._table = table
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._network = os.open(network, os.O_RDONLY)
        self._servers: dict[str, asyncio.Server] = {}
        self._open: set[asyncio.Task[None] | None] = set()
        self._targets: dict[str, tuple[str, int]] = {}

    async def reload(self) -> dict[str, object]:
        """Make the listeners agree with the table; connections that exist go on."""
        wanted: dict[str, str] = json.loads(self._table.read_text())
        failed: dict[str, str] = {}
        for address in [address for address in self._servers if address not in wanted]:
            self._servers.pop(address).close()
            del self._targets[address]
        for address, target in wanted.items():
            try:
                self._targets[address] = parse(target)
                if address not in self._servers:
                    self._servers[address] = await self._listen(address)
            except (OSError, ValueError) as error:
                self._targets.pop(address, None)
                known = isinstance(error, OSError) and error.errno
                failed[address] = os.strerror(known) if known else str(error)
        return {"listening": sorted(self._servers), "failed": failed}

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to the control socket."""
        try:
            answer = await self.reload()
        except (OSError, ValueError) as error:
            answer = {"listening": sorted(self._servers), "failed": {str(self._table): str(error)}}
        with contextlib.suppress(OSError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _listen(self, address: str) -> asyncio.Server:
        host, port = parse(address)
        if host != "127.0.0.1":
            raise ValueError("only 127.0.0.1 is listened on")
        return await asyncio.start_server(
            lambda reader, writer: self._accepted(address, reader, writer),
            host,
            port,
            backlog=BACKLOG,
            limit=CHUNK,
        )

    async def _accepted(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        target = self._targets.get(address)
        task = asyncio.current_task()
        # The loop forgets a task that waits for a half-closed connection: the collector would end it.
        self._open.add(task)
        try:
            if target is None:
                return
            try:
                far_reader, far_writer = await self._connect(*target)
            except (OSError, TimeoutError) as error:
                print(f"{address} -> {target[0]}:{target[1]}: {error or 'timeout'}", flush=True)
                _reset(writer)
                return
            try:
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            finally:
                far_writer.close()
        finally:
            self._open.discard(task)
            writer.close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with self._inside():
            outgoing = socket.socket()
        try:
            outgoing.setblocking(False)
            outgoing.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            loop = asyncio.get_running_loop()
            await asyncio.wait_for(loop.sock_connect(outgoing, (host, port)), CONNECT_TIMEOUT)
            return await asyncio.open_connection(sock=outgoing, limit=CHUNK)
        except BaseException:
            outgoing.close()
            raise

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        _enter(self._network)
        try:
            yield
        finally:
            _enter(self._home)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of one direction and pass that end on; the other direction may go on."""
    try:
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection off, so that its peer cannot take this for an orderly end."""
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main(table: Path, control: Path, network: Path) -> None:
    forwarder = Forwarder(table, network)
    control.unlink(missing_ok=True)
    print(await forwarder.reload(), flush=True)
    server = await asyncio.start_unix_server(forwarder.answer, str(control))
    print("ready", flush=True)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
