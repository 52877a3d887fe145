"""How a source's API is asked: its key, its pages, and which of its answers mean what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, model_validator

from workloads.kit.contracts.sources import paths
from workloads.kit.contracts.sources.strict import Strict

Status = Annotated[int, Field(ge=100, le=599)]

_OF_A_KEY: Final = re.compile(
    r"authori[sz]ation|authenticat|bearer|cookie|credential|jwt|passphrase|passw|secret|sess(ion)?[-_]?id"
    r"|signature|token"
    r"|(api|access|account|app|auth|function|functions|licence|license|private|subscription)[-_.]?key"
    r"|key[^a-z0-9]*$"
    r"|(^|[^a-z])(auth|pass|pw|pwd|sig)([^a-z]|$)"
    r"|^(appid|(x-)?session)$",
    re.IGNORECASE,
)
"""Names under which APIs take keys: each that ends in `key` is one, unless it is of `_NO_KEYS`."""
_NO_KEYS: Final = frozenset(
    {"foreign_key", "partition_key", "primary_key", "row_key", "sort_key", "sortkey", "turkey"}
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BEARER: Final = re.compile(r"\s*bearer\s+\S", re.IGNORECASE)
_BASIC: Final = re.compile(r"\s*basic\s+\S", re.IGNORECASE)
"""How values begin that are a key whatever their name; the second in a header, elsewhere it is a word."""
_NO_ADDRESS: Final = "(not shown) is no address: give one that begins with https:// or http:// and a host"
_REMEDY: Final = "give `secret: {file: …, header: …}`, or `parameter` in place of `header`"

HIDDEN: Final = frozenset({"headers", "oauth2", "parameters", "secret", "url"})
"""Settings of a source that a message names without their value: what is refused there may be a key."""


def _no_key(name: str) -> str:
    plain = _HUMP.sub("_", name)
    if _OF_A_KEY.search(plain) and plain.lower().replace("-", "_") not in _NO_KEYS:
        raise ValueError(f"{name!r} looks like a key in clear: {_REMEDY}")
    return name


PlainName = Annotated[str, AfterValidator(_no_key)]
"""Of a header or a query parameter that is no key."""


def no_key_among(values: Mapping[str, str], place: str) -> None:
    """Raises ValueError where a value, by the name of its header or parameter, is a key; it shows none."""
    for name, value in values.items():
        if _BEARER.match(value) or (place == "headers" and _BASIC.match(value)):
            raise ValueError(f"{place}: the value of {name!r} looks like a key in clear: {_REMEDY}")


def no_key_in(url: str, place: str = "url") -> None:
    """Raises ValueError where an address is none of HTTP, or holds a key, a user or a password.

    What it says shows no part of the address but a name of its query. A key within its path is not seen.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        # Not chained: Python's own message shows what is wrong.
        raise ValueError(f"{place}: it {_NO_ADDRESS}") from None
    if "@" in parts.netloc:
        raise ValueError(
            f"{place}: an address holds no user and no password: give `secret: {{file: …, header: …}}`"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{place}: it {_NO_ADDRESS}")
    if parts.fragment:
        raise ValueError(
            f"{place}: it has a fragment, which is sent to no server: leave out the # and what follows"
        )
    query = parse_qsl(parts.query.replace(";", "&"), keep_blank_values=True)
    for name, _ in query:
        try:
            _no_key(name)
        except ValueError as error:
            raise ValueError(f"{place}: its query's {error}") from None
    for pair in query:
        no_key_among(dict([pair]), place)


class HttpSecret(Strict):
    """An API key, read from a file for each run, sent in a header or in a query parameter."""

    file: Path
    header: str | None = None
    parameter: str | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.header is None) == (self.parameter is None):
            raise ValueError("give one of `header` and `parameter`")
        return self


class ClientCredentials(Strict):
    """A token of OAuth 2.0 that the client's own secret gives (RFC 6749, section 4.4): it is asked for before
    the first request, kept while it is valid, and asked for once more where a request is answered 401."""

    token_url: str
    client_id: str
    client_secret_file: Path
    scope: str | None = None
    parameters: dict[PlainName, str] = Field(default_factory=dict[PlainName, str])
    """What the server wants beside, such as `audience` or `resource`."""
    sent: Literal["header", "body"] = "header"
    """Where the client's name and secret stand in the request for a token."""

    @model_validator(mode="after")
    def _without_a_key(self) -> Self:
        no_key_in(self.token_url, "token_url")
        no_key_among(self.parameters, "parameters")
        return self


class NoPaging(Strict):
    kind: Literal["none"] = "none"


class _Counted(Strict):
    """Pages until one is empty: a server may give fewer rows than `size` of any page."""

    size_parameter: str
    size: Annotated[int, Field(gt=0)] = 1000
    total: paths.Path | None = None
    """Where an answer says how many rows all pages have; they are then asked for until so many have come."""


class PagePaging(_Counted):
    """Pages by number."""

    kind: Literal["page"]
    parameter: str = "page"
    first: int = 1
    size_parameter: str = "per_page"


class OffsetPaging(_Counted):
    """Pages by the number of rows to skip."""

    kind: Literal["offset"]
    parameter: str = "offset"
    size_parameter: str = "length"


class CursorPaging(Strict):
    """Pages by the cursor at `field` of each answer, until it is absent, null or empty."""

    kind: Literal["cursor"]
    parameter: str = "cursor"
    field: paths.Path


class LinkPaging(Strict):
    """Pages by the `Link: …; rel="next"` header, or by the address at `field` of each answer."""

    kind: Literal["link"]
    field: paths.Path | None = None


Paging = Annotated[
    NoPaging | PagePaging | OffsetPaging | CursorPaging | LinkPaging, Field(discriminator="kind")
]


class HttpClient(Strict):
    """How requests are made, and what a status means."""

    headers: dict[PlainName, str] = Field(default_factory=dict[PlainName, str])
    secret: HttpSecret | None = None
    oauth2: ClientCredentials | None = None
    requests_per_second: Annotated[float, Field(gt=0)] = 5
    timeout_seconds: Annotated[float, Field(gt=0)] = 20
    attempts: Annotated[int, Field(gt=0)] = 6
    retry_wait_max_seconds: Annotated[float, Field(gt=0)] = 60
    """Longest wait before one retry. A server that asks for more with Retry-After fails the source."""
    retried_statuses: frozenset[Status] = frozenset({408, 425, 429, 500, 502, 503, 504})
    """Statuses of a failure that may pass."""
    no_rows_statuses: frozenset[Status] = frozenset({204})
    """Statuses that say that there are no rows, or no more of them: some servers give 404 for it."""

    @model_validator(mode="after")
    def _headers_without_a_key(self) -> Self:
        no_key_among(self.headers, "headers")
        return self

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        if self.oauth2 and self.secret and (self.secret.header or "").lower() == "authorization":
            raise ValueError("`secret` and `oauth2` would both be the header Authorization: give one")
        return self
