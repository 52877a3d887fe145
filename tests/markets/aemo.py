"""AEMO's nemweb: a month's trading prices and a day's report, each a CSV of tables in a ZIP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from tests.markets.america import zipped
from tests.markets.truth import Market
from tests.markets.world import NOT_THERE, Answer, Asked

HOST = "nemweb.com.au"
_PAGE = "/Reports/Current/Daily_Reports/"
_ARCHIVE = re.compile(
    r"/Data_Archive/Wholesale_Electricity/MMSDM/(\d{4})/MMSDM_\1_(\d\d)/MMSDM_Historical_Data_SQLLoader/DATA/(.+)\.zip"
)
_OLD_NAME, _NEW_NAME = "PUBLIC_DVD_TRADINGPRICE_{}010000", "PUBLIC_ARCHIVE#TRADINGPRICE#FILE01#{}010000"
_RENAMED = "202408"
_LISTED = timedelta(days=60)
_LAST = 'C,"END OF REPORT",{}\r\n'
_DAY_ENDS = timedelta(hours=4)
"""Of market time, when a trading day ends."""

_PRICES = "SETTLEMENTDATE,RUNNO,REGIONID,PERIODID,RRP,EEP,INVALIDFLAG,LASTCHANGED,ROP,PRICE_STATUS"
_REGIONS = (
    "SETTLEMENTDATE,RUNNO,REGIONID,INTERVENTION,RRP,EEP,ROP,APCFLAG,MARKETSUSPENDEDFLAG,TOTALDEMAND,"
    "DEMANDFORECAST,DISPATCHABLEGENERATION,DISPATCHABLELOAD,NETINTERCHANGE"
)


class Aemo:
    """Args:
    regions: name → what AEMO has of it. All have one zone, that of market time.
    archived_days: how old a month has to be for its archive to be there.
    """

    def __init__(self, regions: Mapping[str, Market], archived_days: int = 20) -> None:
        self._regions = dict(regions)
        self._archived = timedelta(days=archived_days)

    def __call__(self, asked: Asked) -> Answer:
        path = re.sub(r"^/+", "/", asked.path).replace("%23", "#")
        if path == _PAGE:
            return self._page()
        if path.startswith(_PAGE):
            return self._report(date.fromisoformat(re.sub(r".*PUBLIC_DAILY_(\d{8}).*", r"\1", path)))
        if found := _ARCHIVE.fullmatch(path):
            return self._month(int(found[1]), int(found[2]), found[3])
        return NOT_THERE

    def _today(self) -> date:
        market = next(iter(self._regions.values()))
        return datetime.now(UTC).astimezone(market.zone).date()

    def _month(self, year: int, month: int, name: str) -> Answer:
        first, after = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        wanted = _NEW_NAME if f"{year}{month:02}" >= _RENAMED else _OLD_NAME
        if name != wanted.format(f"{year}{month:02}") or after > self._today() - self._archived:
            return NOT_THERE
        rows = [
            f'D,TRADING,PRICE,3,"{_stamp(end)}",1,{region},{number},{price},0,0,"{_stamp(end)}",{price},FIRM\r\n'
            for region, day in self._each(first, after)
            for number, (end, price) in enumerate(self._day(region, day), 1)
        ]
        head = f"C,SETP.WORLD,DVD_TRADINGPRICE,AEMO,PUBLIC\r\nI,TRADING,PRICE,3,{_PRICES}\r\n"
        return _archive(f"{name}.CSV", [head, *rows])

    def _page(self) -> Answer:
        today = self._today()
        days = [today - _LISTED + timedelta(days=n) for n in range(_LISTED.days)]
        names = [_file(day) for day in days if self._has(day)]
        links = "".join(f'<A HREF="{_PAGE}{name}.zip">{name}.zip</A><br>' for name in names)
        return Answer(f"<html><body><pre>{links}</pre></body></html>".encode(), "text/html")

    def _has(self, day: date) -> bool:
        two = (day, day + timedelta(days=1))
        return any(market.has(one) for market in self._regions.values() for one in two)

    def _report(self, day: date) -> Answer:
        rows = self._rows(day)
        if not rows or day >= self._today():
            return NOT_THERE
        rest = ",0,0,7000,0,7000,0,0"
        prices = [
            f'D,DREGION,,3,"{_stamp(end)}",1,{region},{run},{price + 1000 * run:.2f},0,{price}{rest}\r\n'
            for end, region, price in rows
            # Now and then the operator intervenes: what was dispatched is not what sets the price.
            for run in ((0, 1) if end.hour == 18 else (0,))
        ]
        head = "C,NEMP.WORLD,DAILY,AEMO,PUBLIC\r\nI,DUNIT,,3,SETTLEMENTDATE,RUNNO,DUID,INITIALMW\r\n"
        unit = f'D,DUNIT,,3,"{_stamp(rows[0][0])}",1,BW01,500\r\n'
        trading = "I,TREGION,,2,SETTLEMENTDATE,RUNNO,REGIONID,PERIODID,RRP\r\n"
        return _archive(f"{_file(day)}.CSV", [head, unit, f"I,DREGION,,3,{_REGIONS}\r\n", *prices, trading])

    def _rows(self, day: date) -> list[tuple[datetime, str, float]]:
        """(end, region, price) of a trading day, which goes from 04:00 to 04:00."""
        opens = datetime.combine(day, datetime.min.time()) + _DAY_ENDS
        return [
            (end, region, price)
            for region, local in self._each(day, day + timedelta(days=2))
            for end, price in self._day(region, local)
            if opens < end <= opens + timedelta(days=1)
        ]

    def _each(self, first: date, after: date) -> Iterable[tuple[str, date]]:
        days = [first + timedelta(days=n) for n in range((after - first).days)]
        return [(region, day) for day in days for region in self._regions]

    def _day(self, region: str, day: date) -> list[tuple[datetime, float]]:
        market = self._regions[region]
        rows = market.day(region, day)
        return [(end.astimezone(market.zone).replace(tzinfo=None), price) for _, end, price in rows]


def _file(day: date) -> str:
    return f"PUBLIC_DAILY_{day:%Y%m%d}0000_{day + timedelta(days=1):%Y%m%d}040503"


def _stamp(end: datetime) -> str:
    return f"{end:%Y/%m/%d %H:%M:%S}"


def _archive(name: str, lines: list[str]) -> Answer:
    return Answer(
        zipped(name, "".join([*lines, _LAST.format(len(lines) + 1)])), "application/x-zip-compressed"
    )
