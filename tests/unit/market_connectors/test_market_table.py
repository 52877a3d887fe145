"""The table of markets, and the page that shows it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import yaml

from tools.paths import ROOT
from workloads.kit.contracts.declared.market_connectors import MARKET_JOBS
from workloads.kit.contracts.markets import MARKETS, hosts
from workloads.kit.periods import Resolution
from workloads.market_connectors.feeds import FORECASTS, feeds
from workloads.market_connectors.page import table


def test_the_page_has_the_table_of_the_code() -> None:
    page = (ROOT / "docs" / "markets.md").read_text(encoding="utf-8")
    assert table(MARKETS.values()) in page, "put in what `python -m workloads.market_connectors list` prints"


def test_the_first_page_says_how_many_there_are_and_how_many_production_reads() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    stack = yaml.safe_load((ROOT / "stacks" / "base" / "eks.yaml").read_text(encoding="utf-8"))
    reads = stack["config"]["carbon:market_connectors"]["markets"]
    assert f"Production reads {len(reads)} of the [{len(MARKETS)} power markets]" in readme


def test_every_row_can_be_a_message() -> None:
    for name, market in MARKETS.items():
        assert market.name == name
        assert market.group in MARKET_JOBS
        for feed in feeds(market):
            terms = feed.terms(Resolution.parse(market.resolution), "job")
            assert terms.zone == ZoneInfo(market.zone)
            # What is known before its delivery is an auction's, and no other product may be.
            ahead = feed.publication is not None and feed.publication_day < 0
            assert ahead == (market.product == "day-ahead"), feed.name
            assert len(terms.source) <= 64
            assert all(len(series) <= 64 for series in feed.series if feed.of == "prices")
            assert set(market.forecasts) <= set(FORECASTS)


def test_no_two_markets_are_one_series() -> None:
    assert len({market.symbol for market in MARKETS.values()}) == len(MARKETS)
    assert len({market.source for market in MARKETS.values()}) == len(MARKETS)


def test_hosts_are_names_that_a_proxy_can_allow() -> None:
    assert hosts([MARKETS["PL"], MARKETS["GB-INDEX"]]) == ("data.elexon.co.uk", "web-api.tp.entsoe.eu")
    for host in hosts(MARKETS.values()):
        assert host == host.lower()
        assert ":" not in host
        assert "/" not in host
