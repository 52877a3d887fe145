"""Whom the key is shown to: no proxy in clear, and no error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from carbon_client import AsyncClient, BadInput, Client, Patience, Unavailable
from sdk_api import KEY, URL

NOWHERE = "http://127.0.0.1:1"
"""Nothing listens there."""


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a proxy was asked, which the environment names for all addresses."""
    seen: list[str] = []

    class _Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.path} {self.headers['Authorization']}")
            self.send_error(502)

        def log_message(self, format: str, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), _Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield seen
        server.shutdown()


def test_a_key_without_tls_goes_to_no_proxy(proxied: list[str]) -> None:
    once = Patience(attempts=1)
    with pytest.raises(Unavailable, match="refused"):
        Client(NOWHERE, key=KEY, patience=once).prices("DE-LU").all()

    async def ask() -> None:
        async with AsyncClient(NOWHERE, key=KEY, patience=once) as client:
            await client.prices("DE-LU").all()

    with pytest.raises(Unavailable, match="connection"):
        asyncio.run(ask())
    assert proxied == []


@pytest.mark.parametrize(
    "url",
    [
        KEY,
        f"{KEY}:443",
        f"bearer:{KEY}",
        f"https:/me:{KEY}@api.example.org",
        f"ftp://me:{KEY}@api.example.org",
        f"ftp://api.example.org/{KEY}",
        f"http://api.example.org/{KEY}",
        f"https://1:2/{KEY}@api.example.org",
        f"https://me:1#{KEY}@api.example.org",
    ],
)
def test_a_key_in_place_of_the_address_is_not_shown(url: str) -> None:
    with pytest.raises(BadInput, match=r"^url: ") as caught:
        Client(url, key=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", [b"https://api.example.org", 8080, "https://xn--a.b", "https://\ud800"])
def test_an_address_of_another_type_or_of_no_letters_is_bad_input(url: Any) -> None:
    with pytest.raises(BadInput, match=r"^url: "):
        Client(url, key=KEY)


@pytest.mark.parametrize(
    ("name", "value"), [("HTTPS_PROXY", f"gopher://me:{KEY}@proxy"), ("SSL_CERT_FILE", "/no/such/file")]
)
def test_an_environment_that_httpx_does_not_take_is_bad_input(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=name) as caught:
        Client(URL, key=KEY)
    assert KEY not in str(caught.value)


def test_a_key_of_another_type_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"^key: .*not shown"):
        Client(URL, key=123456)  # type: ignore[arg-type]
