"""A proxy behind which the markets are: CONNECT for https, whole addresses for http, and no other host.

TLS ends here, with a certificate of an authority that the test makes.
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import subprocess
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.services.tls import Authority
from workloads.kit.contracts import env


@dataclass(frozen=True)
class Asked:
    """One request of a library. Of a parameter that it names twice the last value holds."""

    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a market gives."""

    body: bytes
    kind: str = "text/csv"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


NOT_THERE = Answer(b"not found", "text/plain", 404)

Site = Callable[[Asked], Answer]
Fault = Callable[[Answer], Answer]


def refusing(status: int, **headers: str) -> Fault:
    """An answer of this status, whatever was asked."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(b"refused", "text/plain", status, named)


def half(answer: Answer) -> Answer:
    """The first half, as if it were all."""
    return Answer(answer.body[: len(answer.body) // 2], answer.kind)


def empty(answer: Answer) -> Answer:
    """Nothing, said to be all."""
    return Answer(b"", answer.kind)


class World:
    """The markets, by host. `asked` remembers every request, in order."""

    def __init__(self, sites: Mapping[str, Site], directory: Path) -> None:
        self.sites = dict(sites)
        self.asked: list[Asked] = []
        self.refused: Counter[str] = Counter()
        """Hosts that are no market's → how often they were asked."""
        self.once: deque[Fault] = deque()
        """Faults of the next requests, one each."""
        self.always: Fault | None = None
        self.callers: dict[str, str] | None = None
        """Who may pass, and the password of each; None: everyone."""
        authority = Authority(directory)
        self.ca = authority.ca
        holder = _certificate(authority, directory, list(self.sites))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(holder / env.TLS_CERTIFICATE, holder / env.TLS_KEY)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, context))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def proxy(self) -> str:
        """Its address, of nobody."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def env(self) -> dict[str, str]:
        """Environment of a process that reaches the markets, and nothing else, this way."""
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
        authorities = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
        trusted = dict.fromkeys(authorities, str(self.ca))
        return {**dict.fromkeys(names, self.proxy), **trusted, "NO_PROXY": ""}

    def passes(self, shown: str | None) -> bool:
        """Whether the Proxy-Authorization of a request is that of a caller."""
        if self.callers is None:
            return True
        pairs = (f"{name}:{password}".encode() for name, password in self.callers.items())
        return shown in {f"Basic {base64.b64encode(pair).decode()}" for pair in pairs}

    def answer(self, asked: Asked) -> Answer:
        """What the market, or the fault that is set, gives."""
        self.asked.append(asked)
        given = self.sites[asked.host](asked)
        fault = self.once.popleft() if self.once else self.always
        return fault(given) if fault else given

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _certificate(authority: Authority, directory: Path, hosts: list[str]) -> Path:
    holder = authority.issue("markets")
    extensions = directory / "hosts"
    extensions.write_text(f"subjectAltName={','.join(f'DNS:{host}' for host in hosts)}\n")
    subprocess.run(
        [
            *("openssl", "x509", "-req", "-in", holder / "request", "-CA", authority.ca),
            *("-CAkey", directory / "ca.key", "-CAcreateserial", "-days", "2"),
            *("-extfile", extensions, "-out", holder / env.TLS_CERTIFICATE),
        ],
        check=True,
        capture_output=True,
    )
    return holder


def _handler(world: World, context: ssl.SSLContext) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            if not world.passes(self.headers["Proxy-Authorization"]):
                self.send_error(407)
                return
            host = self.path.rpartition(":")[0]
            if host not in world.sites:
                world.refused[host] += 1
                self.send_error(403)
                return
            self.host = host
            self.send_response_only(200)
            self.end_headers()
            self.connection: Any = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb", -1)
            self.wfile = self.connection.makefile("wb", 0)
            self.close_connection = False

        def do_GET(self) -> None:
            # Of a path that begins with two slashes the first part is no host.
            parts = urlsplit(f"https://{self.host}{self.path}" if self.host else self.path)
            host = self.host or parts.hostname or ""
            if host not in world.sites:
                world.refused[host] += 1
                self.send_error(403)
                return
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode() if length else ""
            said = parse_qs("&".join(filter(None, (parts.query, body))), keep_blank_values=True)
            query = {name: values[-1] for name, values in said.items()}
            given = world.answer(Asked(host, parts.path, query, dict(self.headers)))
            self.send_response(given.status)
            named = {"Content-Type": given.kind, "Content-Length": str(len(given.body)), **given.headers}
            for name, value in named.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked was killed meanwhile, as a test has it
                self.wfile.write(given.body)

        do_POST = do_GET

        def finish(self) -> None:
            super().finish()
            if self.host:
                # TLS is ended before the connection is: else what was sent last may be lost on the way.
                with contextlib.suppress(OSError, ValueError):
                    self.connection.settimeout(2)
                    self.connection.unwrap().close()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
