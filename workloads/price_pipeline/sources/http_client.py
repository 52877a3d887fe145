"""Requests to an API: paced, tried again with back-off, and named without their key where they fail."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx
import stamina

from workloads.kit import scrub
from workloads.kit.contracts.sources.http_config import HttpClient as Config
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.oauth2 import ClientCredentials
from workloads.price_pipeline.sources.pace import Pace, retry_after
from workloads.price_pipeline.sources.secret import read_secret

_EXCERPT = 200
"""Characters of an answer that an error shows."""


_REFUSALS = ("403", "407")
"""Of the egress proxy: to ask again changes nothing."""


class HttpClient:
    """One run's connection. `parameters` carry the key where it belongs into the query."""

    def __init__(self, config: Config, pace: Pace) -> None:
        """Raises SourceError if the key cannot be read."""
        self._config = config
        self._pace = pace
        headers = dict(config.headers)
        self.parameters: dict[str, str] = {}
        if config.secret is not None:
            value = config.secret.prefix + read_secret(config.secret.file, "secret.file")
            if config.secret.header:
                headers[config.secret.header] = value
            else:
                self.parameters[str(config.secret.parameter)] = value
        self._client = httpx.Client(
            timeout=config.timeout_seconds,
            headers=headers,
            auth=None if config.oauth2 is None else ClientCredentials(config.oauth2),
            follow_redirects=False,
            event_hooks={"response": [_to_its_end]},
        )

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, error, trace)

    def get(self, url: httpx.URL) -> httpx.Response | None:
        """The answer; None where its status says that there are no rows.

        Raises:
            SourceError: the server is away or refuses.
        """
        config = self._config

        def again(error: Exception) -> bool | float:
            if isinstance(error, httpx.TransportError):
                return not (isinstance(error, httpx.ProxyError) and str(error).startswith(_REFUSALS))
            if not isinstance(error, httpx.HTTPStatusError):
                return False
            if error.response.status_code not in config.retried_statuses:
                return False
            asked = retry_after(error.response.headers.get("Retry-After"), datetime.now(UTC))
            if asked is None:
                return True
            return asked if asked <= config.retry_wait_max_seconds else False

        try:
            for attempt in stamina.retry_context(
                on=again,
                attempts=config.attempts,
                timeout=None,
                wait_initial=0.5,
                wait_max=config.retry_wait_max_seconds,
            ):
                with attempt:
                    self._pace.wait()
                    response = self._client.get(url)
                    if response.status_code in config.no_rows_statuses:
                        return None
                    return response.raise_for_status()
        # Their own texts name the address with its query, where the key may be.
        except httpx.HTTPStatusError as error:
            answer = error.response
            asked = answer.headers.get("Retry-After")
            later = f", try again after {asked}" if asked else ""
            raise SourceError(
                f"{_where(error)} answered {answer.status_code} {answer.reason_phrase}{later}"
                f"{excerpt(answer)}"
            ) from None
        except httpx.ProxyError as error:
            raise SourceError(
                f"{_where(error)}: the egress proxy says {error}: {error.request.url.host} has to be a host"
                " of the stack's sources, and the workload's password at the proxy the newest"
            ) from None
        except _Cut as error:
            raise SourceError(
                f"{_where(error)} gave a part of its answer alone: what it packed with gzip ends too early"
            ) from None
        except httpx.RequestError as error:
            raise SourceError(f"{_where(error)} cannot be reached: {type(error).__name__}") from None
        raise AssertionError("a retried request ends in an answer or an error")


class _Cut(httpx.RemoteProtocolError):
    """What was packed on its way has no end: the rest of it is missing."""


class _ToItsEnd(httpx.SyncByteStream):
    """A body packed with gzip: the client itself takes what there is of it for all."""

    def __init__(self, packed: httpx.SyncByteStream) -> None:
        self._packed = packed

    def __iter__(self) -> Iterator[bytes]:
        looks, came = zlib.decompressobj(wbits=31), False
        try:
            for part in self._packed:
                came = True
                looks.decompress(part)
                yield part
        except zlib.error:
            raise httpx.DecodingError("it is not packed as it says") from None
        if came and not looks.eof:
            raise _Cut("it ends too early")

    def close(self) -> None:
        self._packed.close()


def _to_its_end(response: httpx.Response) -> None:
    packed = response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")
    if packed and isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _ToItsEnd(response.stream)


def _where(error: httpx.HTTPStatusError | httpx.RequestError) -> str:
    """The address that was asked, the API's or that of its tokens, without its query."""
    url = error.request.url
    return f"{url.scheme}://{url.host}{url.path}"


def excerpt(response: httpx.Response) -> str:
    """How an answer's text begins, for the end of an error's text; without secrets."""
    # Drawn through the nets before it is cut: half a secret is none that they know.
    text = scrub.scrub(" ".join(response.text[: 20 * _EXCERPT].split()))
    if not text:
        return ""
    return f": {text[:_EXCERPT]}{'…' if len(text) > _EXCERPT else ''}"
