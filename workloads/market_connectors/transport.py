"""How all libraries reach their markets: paced by host, patient where a server asks, and whole answers only.

The libraries make their own requests, with three clients: requests, urllib3 by itself, and pandas' reader of
addresses, which is urllib; one library is a program by itself. What is sent stays as it is; here is only
when, how often, and what is taken for an answer. The way out is the environment's (`HTTPS_PROXY`,
`REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`).
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import random
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from workloads.market_connectors.libraries import load, program
from workloads.price_pipeline.sources.pace import Pace, retry_after

_log = structlog.get_logger(__name__)

_LONGEST: Final = 86_400.0
"""Seconds for which a host's wish not to be asked is kept; no run is as long."""

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of a failure that may pass."""


class AskedToWait(Exception):
    """A host said when it may be asked again, and that is later than anybody here waits."""


class HalfAnswer(Exception):
    """An answer ended before its end. The library would have taken it for all."""


@dataclass(kw_only=True)
class Transport:
    """Args:
    per_second: questions a second that a host is asked at most, where `hosts` does not say.
    attempts: of one question.
    wait_max: seconds of the longest wait for one host; one that asks for more has refused.
    silence_max: seconds for which a host may say nothing. Most of the libraries' questions have no limit.
    """

    hosts: Mapping[str, float] = field(default_factory=dict[str, float])
    per_second: float = 2
    attempts: int = 4
    wait_max: float = 60
    silence_max: float = 60
    sleep: Callable[[float], None] = time.sleep
    asked: dict[str, int] = field(default_factory=dict[str, int])
    """Host → how often it was asked."""
    last: int | None = None
    """Status of the last answer; None where there was none."""
    retry_after: str | None = None
    """What it said of when to ask again."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _paces: dict[str, Pace] = field(default_factory=dict[str, Pace])
    _closed_until: dict[str, datetime] = field(default_factory=dict[str, datetime])

    @contextlib.contextmanager
    def installed(self) -> Generator[None]:
        """All three clients, and the program, go this way while the block runs."""
        pool = load("urllib3.connectionpool").HTTPConnectionPool
        adapter = load("requests.adapters").HTTPAdapter
        # urllib3 by itself would sleep for as long as any server asks, and then some.
        once = load("urllib3.util.retry").Retry(
            connect=0, read=0, redirect=5, status=0, other=0, respect_retry_after_header=False
        )
        urllib3_open, build, urllib_open = pool.urlopen, adapter.build_response, urllib.request.urlopen
        ask = program.ask

        def paced(itself: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            # Of plain http a proxy's pool is asked, and the address names the host.
            host = urlsplit(url).hostname or itself.host
            ours = {**kwargs, "retries": once, "timeout": self.silence_max}
            return self._pooled(host, lambda: urllib3_open(itself, method, url, *args, **ours))

        def whole(itself: Any, request: Any, answer: Any) -> Any:
            response = build(itself, request, answer)
            if response.ok:
                require_whole(response.content, urlsplit(request.url).hostname or "")
            return response

        def opened(url: Any, *args: Any, **kwargs: Any) -> Any:
            host = urlsplit(getattr(url, "full_url", url)).hostname or ""
            # A copy each: the way through a proxy is written into the request, and one that has been there
            # goes through the tunnel without TLS.
            ours = {**kwargs, "timeout": self.silence_max}
            return self._opened(host, lambda: urllib_open(copy.deepcopy(url), *args, **ours))

        def run(host: str, *args: Any) -> Any:
            return self._opened(host, lambda: ask(host, *args))

        pool.urlopen, adapter.build_response, urllib.request.urlopen = paced, whole, opened
        program.ask = run
        try:
            yield
        finally:
            pool.urlopen, adapter.build_response = urllib3_open, build
            urllib.request.urlopen = urllib_open
            program.ask = ask

    def turn(self, host: str) -> None:
        """Return when the host may be asked again; AskedToWait where it said that this is too far off."""
        until = self._closed_until.get(host)
        if until is not None and self.now() < until:
            raise AskedToWait(f"{host} asked not to be asked again before {until:%Y-%m-%d %H:%M:%S} UTC")
        pace = self._paces.get(host)
        if pace is None:
            pace = self._paces[host] = Pace(self.hosts.get(host, self.per_second), sleep=self.sleep)
        pace.wait()
        self.asked[host] = self.asked.get(host, 0) + 1

    def wait(self, host: str, attempt: int, status: int | None, asked: str | None) -> bool:
        """Wait before the next attempt; False where there is none, or nothing to try again.

        Args:
            status: of the answer; None where there was none.
            asked: what it has as Retry-After.
        """
        if attempt >= self.attempts or (status is not None and status not in PASSING):
            return False
        seconds = retry_after(asked, now := self.now())
        if seconds is None:
            seconds = min(2.0**attempt, self.wait_max) * (0.5 + random.random() / 2)  # noqa: S311  # jitter
        if seconds > self.wait_max:
            _log.warning("asked_to_wait_too_long", host=host, status=status, retry_after=asked)
            # All that this run still wants of it would be one more question each.
            self._closed_until[host] = now + timedelta(seconds=min(seconds, _LONGEST))
            return False
        _log.info("trying_again", host=host, status=status, attempt=attempt, seconds=round(seconds, 1))
        self.sleep(seconds)
        return True

    def _answered(self, status: int | None, asked: str | None) -> None:
        self.last, self.retry_after = status, asked

    def _pooled(self, host: str, ask: Callable[[], Any]) -> Any:
        errors = load("urllib3.exceptions")
        passing = (errors.ProtocolError, errors.TimeoutError, errors.MaxRetryError)
        for attempt in itertools.count(1):
            self.turn(host)
            self._answered(None, None)
            try:
                answer = ask()
            except passing:
                if not self.wait(host, attempt, None, None):
                    raise
                continue
            self._answered(answer.status, answer.headers.get("Retry-After"))
            if not self.wait(host, attempt, answer.status, answer.headers.get("Retry-After")):
                return answer
            answer.drain_conn()
        raise AssertionError("the last attempt returns or raises")

    def _opened(self, host: str, ask: Callable[[], Any]) -> Any:
        for attempt in itertools.count(1):
            self.turn(host)
            self._answered(None, None)
            try:
                answer = ask()
                self._answered(answer.status, None)
                return answer
            except urllib.error.HTTPError as error:
                self._answered(error.code, error.headers.get("Retry-After"))
                if not self.wait(host, attempt, error.code, error.headers.get("Retry-After")):
                    raise
                error.close()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if not self.wait(host, attempt, None, None):
                    raise
        raise AssertionError("the last attempt returns or raises")


def require_whole(content: bytes, host: str) -> None:
    """HalfAnswer where an XML document ends before its end: ENTSO-E's reader would repeat the last price that
    it found to the end of the period that the document's beginning names."""
    if not content.lstrip().startswith(b"<?xml"):
        return
    try:
        ElementTree.fromstring(content)  # noqa: S314  # of the host that was asked, and expat bounds entities
    except ElementTree.ParseError as error:
        raise HalfAnswer(f"{host} gave {len(content)} bytes of XML that are not whole: {error}") from None
