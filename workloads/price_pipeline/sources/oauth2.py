"""Tokens of OAuth 2.0 for requests to an API."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Generator
from typing import Final
from urllib.parse import quote_plus

import httpx
import msgspec

from workloads.kit import scrub
from workloads.kit.contracts.sources.http_config import ClientCredentials as Config
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.secret import read_secret

_EARLY: Final = 30
"""Seconds before its end from which on a token is not used: a request takes its time."""


class _Token(msgspec.Struct):
    """An answer of the token's server (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: float | str | None = None


class ClientCredentials(httpx.Auth):
    """Puts a token into each request. Requests for one bear nothing else that the API is given."""

    requires_response_body = True

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises SourceError if the client's secret cannot be read."""
        self._config = config
        self._secret = read_secret(config.client_secret_file, "oauth2.client_secret_file")
        self._clock = clock
        self._token: str | None = None
        self._until: float | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises httpx.HTTPStatusError, of the token's server, where it refuses; SourceError where it gives
        no token."""
        kept = self._token is not None and (self._until is None or self._clock() < self._until)
        if not kept:
            self._take((yield self._asked()))
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if kept and response.status_code == httpx.codes.UNAUTHORIZED:
            # The server may have ended it before its time.
            self._take((yield self._asked()))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _asked(self) -> httpx.Request:
        config = self._config
        form = {"grant_type": "client_credentials", **config.parameters}
        if config.scope is not None:
            form["scope"] = config.scope
        headers = {"Accept": "application/json"}
        if config.sent == "body":
            form |= {"client_id": config.client_id, "client_secret": self._secret}
        else:
            # Each part is encoded for a form before the two are joined: section 2.3.1.
            pair = b64encode(f"{quote_plus(config.client_id)}:{quote_plus(self._secret)}".encode()).decode()
            scrub.hide(pair)
            headers["Authorization"] = f"Basic {pair}"
        return httpx.Request("POST", config.token_url, data=form, headers=headers)

    def _take(self, response: httpx.Response) -> None:
        self._token = None
        response.raise_for_status()
        try:
            token = msgspec.json.decode(response.content, type=_Token)
            lasts = None if token.expires_in is None else float(token.expires_in)
        except (msgspec.DecodeError, ValueError) as error:
            # Of the answer nothing is shown: what is spelled otherwise may still be a token.
            raise SourceError(f"{self._config.token_url} gave no token: {error}") from None
        if token.token_type.lower() != "bearer":
            raise SourceError(
                f"{self._config.token_url} gave a token of type {token.token_type!r}, no bearer's"
            )
        scrub.hide(token.access_token)
        self._token = token.access_token
        self._until = None if lasts is None else self._clock() + lasts - _EARLY
