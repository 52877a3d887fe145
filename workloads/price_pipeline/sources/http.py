"""Rows of a JSON API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec
import stamina

from workloads.kit import scrub
from workloads.price_pipeline.config import CursorPaging, LinkPaging, NoPaging, OffsetPaging, PagePaging
from workloads.price_pipeline.config import HttpSource as HttpConfig
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, table

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpSource:
    """Asks page after page, at most `requests_per_second`, each retried with back-off. A row's bytes are
    those of its JSON object in the answer."""

    ordered = False

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._pace = _Pace(config.requests_per_second)

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        config, terms = self._config, table.market_terms(self._config)
        for page in self._pages(since, until):
            for raw in page:
                try:
                    row = msgspec.json.decode(raw)
                    yield from table.split(
                        config.columns, terms, lambda path, row=row: at(row, path), bytes(raw)
                    )
                except LookupError as error:
                    yield from table.malformed(config.columns, terms, bytes(raw), f"has no field {error}")
                except (msgspec.DecodeError, RecursionError) as error:
                    yield from table.malformed(
                        config.columns, terms, bytes(raw), f"cannot be read: {type(error).__name__}"
                    )

    def _pages(self, since: datetime | None, until: datetime | None) -> Iterator[list[msgspec.Raw]]:
        config, paging = self._config, self._config.paging
        parameters = dict(config.parameters)
        for name, value in ((config.since_parameter, since), (config.until_parameter, until)):
            if name and value:
                parameters[name] = value.strftime(config.range_format)
        headers = dict(config.headers)
        secret = self._secret(headers, parameters)
        with httpx.Client(timeout=config.timeout_seconds, headers=headers, follow_redirects=False) as client:
            url = httpx.URL(config.url)
            rows_seen = 0
            for number in range(config.max_pages):
                if isinstance(paging, PagePaging):
                    parameters |= {paging.parameter: str(paging.first + number)}
                elif isinstance(paging, OffsetPaging):
                    parameters |= {paging.parameter: str(rows_seen)}
                if isinstance(paging, PagePaging | OffsetPaging):
                    parameters |= {paging.size_parameter: str(paging.size)}
                response = self._get(client, url.copy_merge_params(parameters))
                page = self._rows(response)
                rows_seen += len(page)
                yield page
                match paging:
                    case NoPaging():
                        return
                    case PagePaging() | OffsetPaging():
                        if len(page) < paging.size:
                            return
                    case CursorPaging():
                        cursor = _optional(response, paging.field)
                        if cursor is None or cursor == "":
                            return
                        parameters[paging.parameter] = str(cursor)
                    case LinkPaging():
                        link = (
                            _optional(response, paging.field)
                            if paging.field
                            else response.links.get("next", {}).get("url")
                        )
                        if not link:
                            return
                        url = self._next(url, str(link))
                        # The address of the next page carries the query; only the key is ours to add.
                        parameters = secret
            raise SourceError(f"{config.url} has more than max_pages={config.max_pages} pages")

    def _secret(self, headers: dict[str, str], parameters: dict[str, str]) -> dict[str, str]:
        """Add the key where it belongs; returns the query parameters that carry it."""
        secret = self._config.secret
        if secret is None:
            return {}
        try:
            key = secret.file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SourceError(f"secret.file {secret.file}: {error.strerror}") from error
        scrub.hide(key)
        value = secret.prefix + key
        if secret.header:
            headers[secret.header] = value
            return {}
        own = {str(secret.parameter): value}
        parameters |= own
        return own

    def _next(self, url: httpx.URL, link: str) -> httpx.URL:
        following = url.join(link)
        if (following.scheme, following.netloc) != (url.scheme, url.netloc):
            raise SourceError(
                f"the next page is at {following.scheme}://{following.host}, another place than {url.host}: "
                "not followed, since the key would go there"
            )
        return following

    def _get(self, client: httpx.Client, url: httpx.URL) -> httpx.Response:
        config = self._config

        def again(error: Exception) -> bool | float:
            if isinstance(error, httpx.TransportError):
                return True
            if not isinstance(error, httpx.HTTPStatusError) or error.response.status_code not in _RETRIED:
                return False
            asked = retry_after(error.response.headers.get("Retry-After"), datetime.now(UTC))
            if asked is None:
                return True
            return asked if asked <= config.retry_wait_max_seconds else False

        where = f"{url.scheme}://{url.host}{url.path}"
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
                    return client.get(url).raise_for_status()
        # Their own texts name the address with its query, where the key may be.
        except httpx.HTTPStatusError as error:
            answer = error.response
            asked = answer.headers.get("Retry-After")
            later = f", try again after {asked}" if asked else ""
            raise SourceError(
                f"{where} answered {answer.status_code} {answer.reason_phrase}{later}"
            ) from None
        except httpx.RequestError as error:
            raise SourceError(f"{where} cannot be reached: {type(error).__name__}") from None
        raise AssertionError("a retried request ends in an answer or an error")

    def _rows(self, response: httpx.Response) -> list[msgspec.Raw]:
        """The rows' own bytes."""
        content: bytes | msgspec.Raw = response.content
        path = [key for key in self._config.rows.split(".") if key]
        try:
            for key in path:
                content = msgspec.json.decode(content, type=dict[str, msgspec.Raw])[key]
            return msgspec.json.decode(content, type=list[msgspec.Raw])
        except (msgspec.DecodeError, KeyError, RecursionError) as error:
            place = f"no list at {self._config.rows!r}" if path else "no list"
            raise SourceError(f"{response.url.host}{response.url.path} gave {place}: {error}") from None


class _Pace:
    """Spaces calls evenly."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def wait(self) -> None:
        """Return when the next call is due."""
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._gap


def at(row: object, path: str) -> object:
    """The value at a dotted path of objects and list places; LookupError names the part that is missing."""
    for key in path.split("."):
        if isinstance(row, Mapping) and key in row:
            row = row[key]
        elif isinstance(row, list) and key.isdecimal() and int(key) < len(row):
            row = row[int(key)]
        else:
            raise LookupError(f"{key!r} of {path!r}")
    return row


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as seconds or as a date; None where it says nothing."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _optional(response: httpx.Response, path: str) -> object:
    try:
        return at(response.json(), path)
    except LookupError:
        return None
