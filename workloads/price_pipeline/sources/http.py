"""Rows of an API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import httpx

from workloads.kit import scrub
from workloads.kit.contracts.sources.http_config import (
    CursorPaging,
    LinkPaging,
    NoPaging,
    OffsetPaging,
    PagePaging,
)
from workloads.kit.contracts.sources.kinds import HttpSource as HttpConfig
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import Incomplete, SourceError, table
from workloads.price_pipeline.sources.answers import NO_PAGE, Answers, Page
from workloads.price_pipeline.sources.http_client import HttpClient
from workloads.price_pipeline.sources.order import arranged
from workloads.price_pipeline.sources.pace import Pace


class HttpSource:
    """Asks page after page, at most `requests_per_second`, each retried with back-off. A row's bytes are
    those of its JSON object in the answer."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._pace = Pace(config.requests_per_second)

    @property
    def ordered(self) -> bool:
        return self._config.ordered

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        return arranged(self._rows(since, until), self._config.url, ordered=self.ordered)

    def _rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        answers = Answers(self._config)
        for page in self._pages(answers, since, until):
            yield from page.rows
        answers.require_prices()

    def _pages(self, answers: Answers, since: datetime | None, until: datetime | None) -> Iterator[Page]:
        config, paging = self._config, self._config.paging
        with HttpClient(config, self._pace) as client:
            parameters = config.parameters | self._range(since, until) | client.parameters
            url = httpx.URL(config.url)
            rounds = _Rounds(config.url)
            count = 0
            for number in range(config.max_pages):
                if isinstance(paging, PagePaging):
                    parameters |= {paging.parameter: str(paging.first + number)}
                elif isinstance(paging, OffsetPaging):
                    parameters |= {paging.parameter: str(count)}
                if isinstance(paging, PagePaging | OffsetPaging):
                    parameters |= {paging.size_parameter: str(paging.size)}
                asked = url.copy_merge_params(parameters)
                rounds.ask(asked)
                response = client.get(asked)
                page = NO_PAGE if response is None else answers.page(response)
                rounds.check(page)
                count += page.count
                yield page
                match paging:
                    case NoPaging():
                        return
                    case PagePaging() | OffsetPaging():
                        if self._last(paging, page, count):
                            return
                    case CursorPaging():
                        cursor = page.optional(paging.field)
                        if cursor is None or cursor is False or cursor == "":
                            return
                        parameters[paging.parameter] = str(cursor)
                    case LinkPaging():
                        link = (
                            page.optional(paging.field)
                            if paging.field
                            else response and _named_next(response)
                        )
                        if not link:
                            return
                        url = _next(url, str(link))
                        # The address of the next page carries the query; only the key is ours to add.
                        parameters = client.parameters
            raise SourceError(f"{config.url} has more than max_pages={config.max_pages} pages")

    def _range(self, since: datetime | None, until: datetime | None) -> dict[str, str]:
        config = self._config
        since, until = table.asked(config, since, until)
        asked = ((config.since_parameter, since), (config.until_parameter, until))
        return {name: _written(time, config.range_format) for name, time in asked if name and time}

    def _last(self, paging: PagePaging | OffsetPaging, page: Page, count: int) -> bool:
        """Whether there is nothing behind this page: a short one says nothing, an empty one does."""
        if paging.total is None or (page is NO_PAGE and not count):
            return page.count == 0
        if page is NO_PAGE:
            raise SourceError(f"{self._config.url} said that there were more rows than {count} and gave none")
        said = page.optional(paging.total)
        if not isinstance(said, int | str) or not str(said).isdecimal():
            raise SourceError(
                f"{self._config.url} gave no number of rows at paging.total {paging.total!r}: {said!r}"
            )
        if count < int(said) and page.count == 0:
            raise SourceError(f"{self._config.url} gave {count} rows of {said} and then none")
        return count >= int(said)


class _Rounds:
    """Notices pages that go round."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._asked: set[httpx.URL] = set()
        self._pages: dict[bytes, int] = {}

    def ask(self, url: httpx.URL) -> None:
        """Incomplete where this address was asked before."""
        if url in self._asked:
            query = scrub.scrub(str(url.params))
            raise Incomplete(
                f"{self._where}: page {len(self._asked) + 1} is one that was read before ({query}): "
                "its pages go round; what they gave is published. Once the server is right, "
                "run --backfill over what lies behind"
            )
        self._asked.add(url)

    def check(self, page: Page) -> None:
        """Incomplete where another address gave the same rows."""
        if not page.count:
            return
        first = self._pages.setdefault(page.digest, len(self._asked))
        if first != len(self._asked):
            raise Incomplete(
                f"{self._where}: page {len(self._asked)} has the rows of page {first}: the server does not "
                "look at what is asked, or gives its last page again; what came is published. "
                "Correct `paging` (kind: none, or `total`)"
            )


def _named_next(response: httpx.Response) -> str | None:
    """By its header, of which a link may have several relations, in letters of any size (RFC 8288, 3.3)."""
    links = response.links.values()
    return next((link.get("url") for link in links if "next" in link.get("rel", "").lower().split()), None)


def _next(url: httpx.URL, link: str) -> httpx.URL:
    following = url.join(link)
    if (following.scheme, following.netloc) != (url.scheme, url.netloc):
        raise SourceError(
            f"the next page is at {following.scheme}://{following.host}, another place than {url.host}: "
            "not followed, since the key would go there"
        )
    return following


def _written(time: datetime, form: str) -> str:
    if form == "epoch_seconds":
        return str(int(time.timestamp()))
    if form == "epoch_milliseconds":
        return str(int(time.timestamp() * 1000))
    return time.strftime(form)
