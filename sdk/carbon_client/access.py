"""Whom to ask, and with which key: the address is checked, the key is shown to nobody else."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Final

import httpx

from carbon_client.errors import BadInput

URL: Final = "CARBON_URL"
KEY_FILE: Final = "CARBON_KEY_FILE"
"""Environment variables that are asked where no argument is given."""

_INSIDE: Final = (".svc", ".cluster.local")
"""How names end that only a cluster's own network resolves."""
_KEY: Final = re.compile(r"[\x21-\x7e]+")
_HEADER: Final = re.compile(r"authorization:\s*bearer\s+", re.IGNORECASE)


def address(given: object, *, insecure: bool) -> str:
    """The API's address, without a slash at its end.

    Raises:
        BadInput: it is none, holds a credential, or would show the key to the network. The error shows no
            part of what may be a key or a password.
    """
    text = given if given is not None else os.environ.get(URL, "")
    if not isinstance(text, str):
        raise BadInput(f"url: it is of type {type(text).__name__}: give text such as https://api.example.org")
    if not text:
        raise BadInput(f"url: it is missing: give Client(url), or set {URL}")
    try:
        url = httpx.URL(text)
        host = url.host
    except (httpx.InvalidURL, UnicodeError):
        raise BadInput("url: it is none: give one such as https://api.example.org") from None
    if "@" in text or url.query or url.fragment:
        # Not shown: it may be a credential.
        raise BadInput("url: it has a user, a query or a fragment: give the address alone, a key as key=")
    if "://" not in text:
        raise BadInput(
            "url: it (not shown) is no address: give one such as https://api.example.org, a key as key="
        )
    if url.scheme not in ("http", "https") or not host:
        shown = f"{url.scheme}://{host}"
        raise BadInput(f"url: {shown!r} is no address: give one such as https://api.example.org")
    if url.scheme == "http" and not insecure and not _inside(host):
        shown = f"http://{host}"
        raise BadInput(
            f"url: {shown!r} would show the key to the network: use https,"
            " or say insecure=True where the network is your own"
        )
    return str(url).rstrip("/")


def through_proxies(address: str) -> bool:
    """Whether proxies that the environment names may be used: without TLS they would see the key."""
    return address.startswith("https:")


def bad_environment() -> BadInput:
    """The error where httpx takes none of what the environment says: not shown, it may be a password."""
    return BadInput(
        "environment: a proxy or certificates that it names are none: correct HTTPS_PROXY or SSL_CERT_FILE"
    )


def _inside(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", *_INSIDE))


class Bearer(httpx.Auth):
    """Shows a key in the header of each request, and nowhere else.

    A file is read for each request, so that a key that is rotated is taken at once. It holds the key alone,
    or the header `Authorization: Bearer <key>` that curl reads.
    """

    def __init__(self, key: str | None, key_file: Path | str | None) -> None:
        if key is not None and key_file is not None:
            raise BadInput("key: it is given twice: give key= or key_file=")
        if key is None and key_file is None:
            key_file = os.environ.get(KEY_FILE)
            if not key_file:
                raise BadInput(f"key: it is missing: give key= or key_file=, or set {KEY_FILE}")
        self._key = None if key is None else _checked(key, "key")
        self._file = None if key_file is None else Path(key_file)
        self._now()

    def _now(self) -> str:
        if self._file is None:
            return self._key or ""
        try:
            text = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise BadInput(f"key_file: {self._file} cannot be read: {why}") from None
        return _checked(_HEADER.sub("", text.strip(), count=1), f"key_file: {self._file}")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """httpx's own way to add a header."""
        request.headers["Authorization"] = f"Bearer {self._now()}"
        yield request


def _checked(key: object, what: str) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise BadInput(f"{what}: it is no key (not shown): one has printable ASCII characters and no spaces")
    return key
