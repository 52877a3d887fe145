"""What both clients have in common: parameters and bodies as they are sent, answers as they are taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from carbon_client.errors import BadAnswer, BadInput

VERSION: Final = "0.1.0"

T = TypeVar("T")

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
QUIET: Final = httpx.Timeout(45.0, connect=10.0)
"""Of a stream: it is never quiet for longer than 15 seconds."""

HEADERS: Final = {"User-Agent": f"carbon-client/{VERSION}"}


def parameters(given: Mapping[str, Any]) -> dict[str, str]:
    """A question's parameters as text, without those that are not given.

    Raises:
        BadInput: a time without a zone.
    """
    return {name: _text(name, value) for name, value in given.items() if value is not None}


def _text(name: str, value: Any) -> str:
    if not isinstance(value, datetime):
        return str(value)
    if value.tzinfo is None:
        raise BadInput(f"{name}: {value} has no time zone: give datetime(…, tzinfo=UTC), or a ZoneInfo")
    return value.isoformat()


def request(http: httpx.Client | httpx.AsyncClient, method: str, path: str, **others: Any) -> httpx.Request:
    """A request as httpx makes it.

    Raises:
        BadInput: a value is too long for an address, or holds what an address or a header cannot.
    """
    try:
        return http.build_request(method, path, **others)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise BadInput(
            f"{path}: a value that is given cannot be sent: {error}: shorten or correct it"
        ) from None


def named(path: str, names: Mapping[str, str]) -> str:
    """A path with its names filled in.

    Raises:
        BadInput: a name is empty, or no text that an address can hold.
    """
    for name, value in names.items():
        try:
            part = quote(value, safe="")
        except (TypeError, UnicodeError) as error:
            raise BadInput(f"{name}: {value!r} is no name: {error}") from None
        if part in ("", ".", ".."):
            raise BadInput(f"{name}: {value!r} is no name: give one that the API listed")
        path = path.replace(f"{{{name}}}", part)
    return path


def body(given: msgspec.Struct) -> bytes:
    """A request's body.

    Raises:
        BadInput: it holds what JSON does not.
    """
    try:
        text = msgspec.json.encode(given)
        # What was written into a field is looked at by nobody before.
        msgspec.json.decode(text, type=type(given))
    except (msgspec.MsgspecError, TypeError, UnicodeError) as error:
        raise BadInput(f"body: {error}") from None
    return text


def decoded(answer: httpx.Response, kind: type[T]) -> T:
    """What an answer holds.

    Raises:
        BadAnswer: it is not of that kind.
    """
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        path = answer.request.url.path
        raise BadAnswer(
            f"{path}: the answer is not what carbon-client {VERSION} knows: {error}:"
            " is it the address of a data-api, and is there a newer release?",
            request_id=answer.headers.get("X-Request-Id"),
        ) from None
