"""Sessions of the hub: a cookie that says with which key a person logged in, and since when.

It is signed with what is kept of the key's secret, so there is no other secret, no replica has to be told of
a session, and one ends with its key. Whoever reads the table of keys could sign one, and still has no key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from typing import Final

from flask import Response, request

from workloads.data_api.keys import Key

COOKIE: Final = "hub"
SECONDS: Final = 12 * 3600
"""How long one holds: a day at the desk."""

_VALUE: Final = re.compile(r"([0-9a-f]{12})\.([0-9]{1,11})\.([0-9a-f]{64})")
_PORT: Final = re.compile(r":[0-9]+$")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


def value(key: Key, since: int) -> str:
    """The cookie of a person who proved to hold `key` at `since`, seconds of the epoch."""
    return f"{key.id}.{since}.{_signature(key, since)}"


def key_id() -> str | None:
    """The key that the request's cookie names, which proves nothing yet; None where it names none."""
    found = _VALUE.fullmatch(request.cookies.get(COOKIE, ""))
    return found[1] if found else None


def proven(key: Key | None) -> bool:
    """Whether the request's cookie was made for `key`, and not too long ago."""
    found = _VALUE.fullmatch(request.cookies.get(COOKIE, ""))
    if key is None or found is None or found[1] != key.id:
        return False
    since = int(found[2])
    return 0 <= time.time() - since < SECONDS and hmac.compare_digest(found[3], _signature(key, since))


def of_this_site() -> bool:
    """Whether a page of ours sent the request, or the person: no other site acts in a person's name."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


def begin(response: Response, text: str, seconds: int = SECONDS) -> None:
    """Log a person in; what the browser kept of the one before is gone.

    Args:
        text: the cookie, as `value` or `people` makes it.
    """
    response.headers["Clear-Site-Data"] = '"cache"'
    response.set_cookie(
        COOKIE, text, max_age=seconds, httponly=True, samesite="Strict", secure=over_https(), path="/"
    )


def over_https() -> bool:
    """Whether a cookie is for HTTPS alone: plain HTTP is spoken on the own machine, and nowhere else."""
    return _PORT.sub("", request.host) not in _LOOPBACK


def end(response: Response) -> None:
    """Log a person out, in this browser."""
    response.headers["Clear-Site-Data"] = '"cache"'
    response.delete_cookie(COOKIE, path="/")


def _signature(key: Key, since: int) -> str:
    return hmac.new(key.digest, f"hub.{key.id}.{since}".encode(), hashlib.sha256).hexdigest()
