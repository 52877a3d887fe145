"""Great Britain, from Elexon's Insights by elexonpy."""

from __future__ import annotations

import os
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import load
from workloads.market_connectors.points import Days, Point

_PERIOD: Final = timedelta(minutes=30)


def read(feed: Feed, days: Days, key: str | None) -> list[Point]:  # noqa: ARG001  # it needs none
    """Points of the market index of one data provider, a settlement period each."""
    library = load("elexonpy")
    client = library.ApiClient()
    client.rest_client.pool_manager = _way_out(client.configuration.host)
    api = load("elexonpy.api.market_index_api").MarketIndexApi(client)
    answer = api.balancing_pricing_market_index_get(
        # From and to are inclusive.
        f"{days.start:%Y-%m-%dT%H:%MZ}",
        f"{days.end - _PERIOD:%Y-%m-%dT%H:%MZ}",
        data_providers=[feed.market.place],
        format="json",
    )
    found: list[Point] = []
    for row in answer.data or ():
        start: datetime = row.start_time.astimezone(UTC)
        # A price of 0 without volume says that nobody traded.
        found.append(Point(start, start + _PERIOD, feed.market.symbol, row.price if row.volume else None))
    return found


def _way_out(host: str) -> Any:
    """The environment's, which the library's own client does not follow, as the others do."""
    urllib3 = load("urllib3")
    authorities = os.environ.get("SSL_CERT_FILE") or load("certifi").where()
    proxy = urllib.request.getproxies().get(urlsplit(host).scheme)
    if proxy is None or urllib.request.proxy_bypass(urlsplit(host).hostname or ""):
        return urllib3.PoolManager(ca_certs=authorities)
    told = urlsplit(proxy)
    headers = None
    if told.username is not None:
        named = f"{unquote(told.username)}:{unquote(told.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=named)
    return urllib3.ProxyManager(proxy, ca_certs=authorities, proxy_headers=headers)
