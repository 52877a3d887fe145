"""A file whose last years may be withheld, so that only a replay publishes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeGuard

from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource, ParquetSource
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.labels import Seen
from workloads.price_pipeline.repeated import told_apart
from workloads.price_pipeline.rows import RawRow, Refused, Unobserved
from workloads.price_pipeline.sources import csv_file
from workloads.price_pipeline.sources.order import arranged


class FileSource:
    """History of a CSV or Parquet file: each series but its last `withhold_years`."""

    def __init__(self, config: CsvSource | ParquetSource, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock

    @property
    def ordered(self) -> bool:
        return self._config.ordered

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:  # noqa: ARG002
        """The history, whole: what a file holds is cheap to compare."""
        rows = iter(self._split()[0]) if self._config.withhold_years else self._read()
        return arranged(rows, str(self._config.path), ordered=self.ordered)

    def withheld(self) -> list[tuple[Price, RawRow]]:
        """The withheld prices under their true dates, each with its row."""
        return self._split()[1]

    def _read(self) -> Iterator[RawRow]:
        if isinstance(self._config, CsvSource):
            return csv_file.read(self._config)
        from workloads.price_pipeline.sources import parquet_file

        return parquet_file.read(self._config)

    def _split(self) -> tuple[list[RawRow], list[tuple[Price, RawRow]]]:
        rows = told_apart(self._read(), ordered=False)
        return split(rows, self._config.withhold_years, self._clock())


def split(
    rows: Iterator[RawRow], years: int, now: datetime
) -> tuple[list[RawRow], list[tuple[Price, RawRow]]]:
    """History and the withheld prices: of each symbol those later than `years` before its last price.

    A row that gives no price is history's, where it is counted or refused. A date after `now` is no price's
    and does not move the cut.
    """
    seen = Seen()
    checked = [(row, check(row, seen)) for row in rows]
    last: dict[str, datetime] = {}
    for _, price in checked:
        if _is_price(price) and price.delivery_start <= now:
            last[price.symbol] = max(last.get(price.symbol, price.delivery_start), price.delivery_start)
    cuts = {symbol: _years_before(newest, years) for symbol, newest in last.items()}
    history: list[RawRow] = []
    withheld: list[tuple[Price, RawRow]] = []
    for row, price in checked:
        if _is_price(price) and price.delivery_start > cuts.get(price.symbol, _NEVER):
            withheld.append((price, row))
        else:
            history.append(row)
    return history, withheld


def _is_price(checked: Message | Unobserved | Refused) -> TypeGuard[Price]:
    """Whether it is one to replay: a row that withdraws one is history's, too."""
    return isinstance(checked, Price) and checked.withdrawn is None


_NEVER = datetime.max.replace(tzinfo=UTC)


def _years_before(instant: datetime, years: int) -> datetime:
    try:
        return instant.replace(year=instant.year - years)
    except ValueError:
        return instant.replace(year=instant.year - years, day=28)
