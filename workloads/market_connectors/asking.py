"""Asking a market's library, and what a failure of it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workloads.kit import scrub
from workloads.kit.contracts.market import Market
from workloads.market_connectors import libraries
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Partly, Point
from workloads.market_connectors.settings import MarketSettings
from workloads.market_connectors.source import Ask, Closed
from workloads.market_connectors.transport import AskedToWait, Transport
from workloads.price_pipeline.sources import SourceError

_NOTHING: Final = "NoDataFoundException"
"""What gridstatus raises where an answer holds nothing, and where it gave up on one that was refused."""

_CLOSED: Final = frozenset({401, 403, 429})
"""Statuses that it would give of any day."""

_TOLD: Final = 300
"""Characters of a library's own words that a message shows."""


def transport(settings: MarketSettings, markets: Sequence[Market]) -> Transport:
    """The way to these markets."""
    own = settings.requests_per_second
    paces = {host: own or market.per_second for market in markets for host in market.hosts}
    return Transport(
        hosts=paces,
        attempts=settings.attempts,
        wait_max=settings.retry_wait_max_seconds,
        silence_max=settings.silence_max_seconds,
    )


def asking(settings: MarketSettings, way: Transport) -> Ask:
    """What asks each market's library, with its key. Nothing comes of days that the market has not.

    The function raises Partly with what is believed of an answer, where not all of it is; Closed where the
    key cannot be read or is refused, and where the market asks to wait; SourceError where it is away, and
    where the library cannot read what it gave.
    """

    def ask(feed: Feed, days: Days) -> list[Point]:
        market = feed.market
        key = None if market.secret is None else _key(settings, market, market.secret)
        way.last = None
        try:
            return libraries.reader(market.library)(feed, days, key)
        except Partly as error:
            raise Partly(
                error.points,
                [f"of {feed.name} of {days.first} to {days.last} is refused: {_told(error)}"],
            ) from error
        except Exception as error:
            # Where a day is a file, there is none before the day is published.
            unpublished = way.last == 404 and feed.publication is not None
            if unpublished or (way.last == 200 and type(error).__name__ == _NOTHING):
                return []
            closed = way.last in _CLOSED or isinstance(error, AskedToWait)
            raise (Closed if closed else SourceError)(
                f"{market.library} could not read {feed.name} of {days.first} to {days.last}"
                f"{_status(market, way)}: {type(error).__name__}: {_told(error)}"
            ) from error

    return ask


def _told(error: Exception) -> str:
    return scrub.scrub(" ".join(str(error).split()))[:_TOLD]


def _key(settings: MarketSettings, market: Market, name: str) -> str:
    file = settings.secrets_dir / name
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Closed(f"{market.name} needs the secret {name}: {file}: {error.strerror}") from error
    scrub.hide(key)
    return key


def _status(market: Market, way: Transport) -> str:
    if way.last is None or way.last < 400:
        return ""
    if way.last in (401, 403) and market.secret is not None:
        return f": it answered {way.last}: give a key that it takes in the secret {market.secret}"
    later = f", try again after {way.retry_after}" if way.retry_after else ""
    return f": it answered {way.last}{later}"
