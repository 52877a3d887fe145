"""One request to a provider, and what its answer means."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

from workloads.api_integration import weather
from workloads.api_integration.cache import Entry
from workloads.api_integration.questions import Question
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.kit import scrub
from workloads.kit.contracts.api_events import Outcome
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION

_EXCERPT: Final = 200
"""Characters of a provider's own words that are passed on."""
_NEGATIVE: Final = frozenset({204, 400, 404, 410, 422})
"""Statuses that speak of the question: to ask it again brings the same."""
_PASSING: Final = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_HEADERS: Final = {"Accept": "application/json", "User-Agent": f"carbon-platform {API_INTEGRATION.name}"}


class CallFailed(Exception):
    """A call that brought nothing.

    Args:
        passing: whether the same call may bring something in a moment, and so speaks of the provider.
        rest_seconds: how long the provider asked to be left alone, where it did.
    """

    def __init__(self, detail: str, remedy: str, *, passing: bool, rest_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.detail, self.remedy, self.passing, self.rest_seconds = detail, remedy, passing, rest_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came. `body` is JSON where `outcome` is `answered`, the provider's words where `negative`."""

    outcome: Outcome
    status: int
    body: bytes = b""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How a call went, for its record. `outcome` is `refused` or `failed` where `CallFailed` was raised."""

    at: datetime
    milliseconds: float
    outcome: Outcome
    status: int | None
    bytes: int


class Upstream:
    """The providers. Proxies are those of the environment (`HTTPS_PROXY`), redirects are not followed: they
    would lead to hosts that the table does not name."""

    def __init__(self, settings: ApiIntegrationSettings) -> None:
        self._settings = settings
        self._keys: dict[str, str] = {}
        self._client = httpx.Client(
            headers=_HEADERS,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=settings.threads, keepalive_expiry=30),
        )

    def call(
        self, question: Question, last: Entry | None, seconds: float, sent: Callable[[Sent], None]
    ) -> Reply:
        """Ask once, conditionally where `last` has a validator, for `seconds` at most.

        Args:
            sent: is told how it went, whatever comes of it.

        Raises:
            CallFailed: it brought nothing.
        """
        began, at = time.monotonic(), datetime.now(UTC)
        status, count, outcome = None, 0, "failed"
        try:
            key = self._key(question)
            url, query = self._address(question, key)
            timeout = min(seconds, self._settings.call_timeout_seconds)
            with self._client.stream(
                "GET", url, params=query, headers=_conditions(last), timeout=timeout
            ) as response:
                status = response.status_code
                body = self._body(response, began + seconds)
                count = response.num_bytes_downloaded
            reply = _understood(
                question, response, body if not key else body.replace(key.encode(), b"***"), last
            )
            outcome = reply.outcome
            return reply
        except CallFailed as failed:
            outcome = "failed" if failed.passing else "refused"
            raise
        # Their own texts may name the address with its query, where the key is.
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = (
                "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            )
            raise CallFailed(
                f"{question.provider} {what} ({type(error).__name__})", "ask again later", passing=True
            ) from None
        finally:
            spent = 1000 * (time.monotonic() - began)
            sent(Sent(at=at, milliseconds=spent, outcome=outcome, status=status, bytes=count))  # type: ignore[arg-type]

    def close(self) -> None:
        self._client.close()

    def _body(self, response: httpx.Response, deadline: float) -> bytes:
        most, parts, size = self._settings.max_answer_bytes, list[bytes](), 0
        for part in response.iter_bytes():
            size += len(part)
            if size > most:
                raise CallFailed(
                    f"an answer of more than {most} bytes", "ask for less at once", passing=False
                )
            # A timeout is of silence: a provider that drips would be waited for for ever.
            if time.monotonic() > deadline:
                raise CallFailed("the answer took too long", "ask again later", passing=True)
            parts.append(part)
        return b"".join(parts)

    def _address(self, question: Question, key: str) -> tuple[str, Mapping[str, str]]:
        of, query = question.of, dict(question.query)
        base = of.url
        if key and of.key is not None:
            query[of.key.parameter] = key
            base = of.key.url or base
        return self._settings.provider_urls.get(question.provider, base) + question.path, query

    def _key(self, question: Question) -> str:
        """The provider's key as its file holds it now; empty where there is none."""
        key = question.of.key
        if key is None:
            return ""
        file: Path = self._settings.keys_dir / key.secret
        try:
            value = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise CallFailed(
                f"the key of {question.provider} cannot be read ({type(error).__name__})",
                f"mend the secret {key.secret}",
                passing=False,
            ) from None
        if self._keys.get(key.secret) != value:
            scrub.hide(value)
            self._keys[key.secret] = value
        return value


def _conditions(last: Entry | None) -> dict[str, str]:
    if last is None or last.negative:
        return {}
    asked = {"If-None-Match": last.etag, "If-Modified-Since": last.last_modified}
    return {name: value for name, value in asked.items() if value}


def _understood(question: Question, response: httpx.Response, body: bytes, last: Entry | None) -> Reply:
    status, provider = response.status_code, question.provider
    if status == 304 and _conditions(last):
        return Reply(outcome="not-modified", status=status)
    if status == 200:
        try:
            msgspec.json.decode(body)
            if (provider, question.route) == weather.ROUTE:
                weather.rows(body, datetime.now(UTC))
        except (ValueError, RecursionError) as error:
            what = "what is no JSON" if isinstance(error, msgspec.DecodeError) else "otherwise than it should"
            raise CallFailed(f"{provider} answered {what}", "ask again later", passing=True) from None
        validators = (response.headers.get("ETag"), response.headers.get("Last-Modified"))
        return Reply(
            outcome="answered", status=status, body=body, etag=validators[0], last_modified=validators[1]
        )
    said = _excerpt(body)
    if status in _NEGATIVE:
        return Reply(outcome="negative", status=status, body=said.encode())
    words = f": {said}" if said else ""
    if status in (401, 403):
        key = question.of.key
        remedy = f"mend the secret {key.secret}" if key else "look up the provider's terms"
        raise CallFailed(
            f"{provider} refuses us with {status}{words}", remedy, passing=False, rest_seconds=60
        )
    if status == 429:
        asked = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        rest = 60.0 if asked is None else max(1.0, min(asked, 86_400.0))
        raise CallFailed(
            f"{provider} was asked too often{words}", "ask again later", passing=False, rest_seconds=rest
        )
    if status in _PASSING:
        asked = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        raise CallFailed(
            f"{provider} answered {status}{words}",
            "ask again later",
            passing=True,
            rest_seconds=None if asked is None else min(asked, 3600.0),
        )
    raise CallFailed(
        f"{provider} answered {status}{words}",
        "tell those who run the platform: its table of providers may be out of date",
        passing=False,
    )


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as seconds or as a date; None where it says nothing."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def _excerpt(body: bytes) -> str:
    """How a provider's words begin; without secrets."""
    text = scrub.scrub(" ".join(body[: 20 * _EXCERPT].decode(errors="replace").split()))
    printable = "".join(c for c in text if c.isprintable())
    return printable[:_EXCERPT]
