"""What a failure of a market's library is taken for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from workloads.kit.contracts.markets import MARKETS
from workloads.market_connectors import libraries
from workloads.market_connectors.asking import asking
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import elexonpy
from workloads.market_connectors.points import Days, Point
from workloads.market_connectors.settings import MarketSettings
from workloads.market_connectors.transport import Transport
from workloads.price_pipeline.sources import SourceError


@pytest.mark.parametrize(("name", "moved"), [("MISO-INDIANA", False), ("GB-INDEX", True)])
def test_a_404_is_a_day_that_is_not_published_and_of_a_live_market_a_path_that_moved(
    monkeypatch: pytest.MonkeyPatch, name: str, moved: bool
) -> None:
    feed, way = Feed(MARKETS[name]), Transport()

    def read(*_: object) -> list[Point]:
        way.last = 404
        raise ValueError("no such path")

    monkeypatch.setattr(libraries, "reader", lambda _: read)
    ask = asking(MarketSettings(markets=(name,)), way)
    days = Days(date(2026, 1, 15), date(2026, 1, 15), feed.market.time_zone)
    if moved:
        with pytest.raises(SourceError, match="404"):
            ask(feed, days)
    else:
        assert ask(feed, days) == []


def test_a_half_hour_in_which_nobody_traded_has_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 1, 15, tzinfo=UTC)
    rows = [
        SimpleNamespace(start_time=start, price=0.0, volume=0.0),
        SimpleNamespace(start_time=start + timedelta(minutes=30), price=0.0, volume=12.5),
    ]
    api = SimpleNamespace(balancing_pricing_market_index_get=lambda *_, **__: SimpleNamespace(data=rows))
    client = SimpleNamespace(rest_client=SimpleNamespace(), configuration=SimpleNamespace(host="https://h"))
    modules: dict[str, Any] = {
        "elexonpy": SimpleNamespace(ApiClient=lambda: client),
        "elexonpy.api.market_index_api": SimpleNamespace(MarketIndexApi=lambda _: api),
    }
    monkeypatch.setattr(elexonpy, "load", modules.__getitem__)
    monkeypatch.setattr(elexonpy, "_way_out", lambda _: None)
    feed = Feed(MARKETS["GB-INDEX"])
    found = elexonpy.read(feed, Days(start.date(), start.date(), feed.market.time_zone), None)
    assert [one.amount for one in found] == [None, 0.0]
