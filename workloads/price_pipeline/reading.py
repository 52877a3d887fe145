"""What a run asks of a source, and what becomes of what it gives before it is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.sources.kinds import (
    HttpSource,
    MySqlSource,
    ReplaySource,
    SourceConfig,
    SqlSource,
    SyntheticSource,
)
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.rows import RawRow, Refused
from workloads.price_pipeline.sources import Incomplete, Source, SourceError

_NO_PRICES = ("refused", "dead_lettered", "unobserved")
"""Counts of rows that gave no price."""

_SAMPLE = 100
"""Rows among which the reason is looked for why all were refused."""


def since(config: SourceConfig, ledger: Ledger, now: datetime) -> datetime | None:
    """From when on the source is asked: `look_back` before the oldest watermark of its live series. Where a
    series that it names has none, a file is read from its first row; of a source that is asked for a range,
    such a series is new once a row of it comes (`Reading`), and until then costs nothing.

    A series is live while its newest price is at most `retired_after` older than the source's newest: one
    that came to its end holds no other back. What is delivered from now on is asked for always: curves of
    forwards change in their near months."""
    if isinstance(config, ReplaySource):
        return None
    if isinstance(config, SyntheticSource):
        named, retired_after = {symbol.symbol for symbol in config.symbols}, None
    else:
        named, retired_after = config.named, config.retired_after
    watermarks = [ledger.newest(config.name, series) for series in ledger.series(config.name) | named]
    marks = [mark for mark in watermarks if mark is not None]
    if not marks or (len(marks) < len(watermarks) and not narrows(config)):
        return None
    newest = min(max(marks), now)
    live = [mark for mark in marks if retired_after is None or newest - mark <= retired_after]
    return min(now, *live) - config.look_back


def narrows(config: SourceConfig) -> bool:
    """Whether the source gives no row from before the time that it is asked from."""
    return isinstance(config, SqlSource | MySqlSource) or (
        isinstance(config, HttpSource) and bool(config.since_parameter)
    )


def _among(series: object, names: Collection[str]) -> bool:
    """Whether a series, of which a cell may hold a list, is one of the names."""
    return isinstance(series, str) and series in names


class Reading:
    """A source read once. Where it ends before its end, what came until then holds; `incomplete` says why.

    `known` holds the prices of all other symbols back and names them in `new`: they have a history that was
    not asked for, and would be taken for late if it followed them. `only` leaves out all other symbols.
    """

    def __init__(
        self, source: Source, *, known: Collection[str] | None = None, only: Collection[str] | None = None
    ) -> None:
        self._source = source
        self._known = known
        self._only = only
        self._first: list[RawRow] = []
        self.new: set[str] = set()
        self.incomplete: Incomplete | None = None

    @property
    def ordered(self) -> bool:
        return self._source.ordered

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        try:
            for row in self._source.rows(since, until):
                if self._only is not None and not _among(row.series, self._only):
                    continue
                if self._is_new(row):
                    self.new.add(str(row.series))
                    continue
                if len(self._first) < _SAMPLE:
                    self._first.append(row)
                yield row
        except Incomplete as error:
            self.incomplete = error

    def _is_new(self, row: RawRow) -> bool:
        if self._known is None or _among(row.series, self._known):
            return False
        return isinstance(check(row), Message)

    def require_prices(self, counts: Counter[str]) -> None:
        """SourceError where rows came and each was refused: then the source, or its settings, are wrong."""
        gave_none = not any(
            count
            for kind, count in counts.items()
            if kind not in _NO_PRICES and not kind.startswith("fault_")
        )
        if counts["refused"] and gave_none and not self.new:
            checked = (check(row) for row in self._first)
            reason = next((f", the first: {row.reason}" for row in checked if isinstance(row, Refused)), "")
            raise SourceError(f"no row gave a price and {counts['refused']} were refused{reason}")
