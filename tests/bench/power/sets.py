"""Sets of prices in the form of the open EPF benchmark, read through the pipeline's own CSV source.

A set is a file `NAME.csv` or `NAME.csv.gz`: a time, a price, then the exogenous series, a row an hour. Beside
it may stand `NAME-published.csv[.gz]`, whose columns are others' forecasts for the test period.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Final, cast

import numpy as np

from tools.errors import UsageError
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource
from workloads.kit.power.days import Days
from workloads.kit.windows import Floats
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources import SourceError, csv_file

_TIME: Final = ("time", "date", "datetime", "timestamp")
_PRICE: Final = ("price", "prices", "day_ahead_price", "dayahead_price")
"""Names, in lower case, by which the two columns are known; else they are the first and the second. All
others are exogenous series in the order of the file."""

_PUBLISHED: Final = "-published"
_SUFFIXES: Final = (".csv.gz", ".csv")
_HOURS: Final = 24
_TEST_DAYS: Final = 728
"""The last 104 weeks, as in the benchmark's paper, where no published forecast says which."""


@dataclass(frozen=True, slots=True)
class Set:
    """`first` is the row of `days` that the test period begins with; `published` has forecasts of shape
    (D - first, H) by name. `refused` counts the cells that the source did not take for a number."""

    name: str
    days: Days
    first: int
    published: dict[str, Floats]
    exogenous: tuple[str, ...]
    refused: int


def find(data: str) -> list[Path]:
    """The sets' files at DATA, a file or a directory of them.

    Raises:
        UsageError: DATA is not given or holds none.
    """
    remedy = (
        "give a file or a directory of files such as DE.csv.gz: make bench forecast DATA=…; docs/forecasts.md"
    )
    if not data:
        raise UsageError("DATA is not set: the forecasts have no prices to be tried on.", remedy=remedy)
    at = Path(data)
    found = [at] if at.is_file() else sorted(at.iterdir()) if at.is_dir() else []
    sets = [file for file in found if file.name.endswith(_SUFFIXES) and _PUBLISHED not in file.name]
    if not sets:
        raise UsageError(f"DATA={data}: there is no .csv or .csv.gz file of prices.", remedy=remedy)
    return sets


def read(file: Path) -> Set:
    """A set with what is published for it.

    Raises:
        UsageError: the file is not in the form of a set; says what is wrong.
    """
    name = _stem(file)
    try:
        time, price, exogenous = _columns(_header(file))
        dates, values, refused = _hours(file, time, [price, *exogenous])
    except (OSError, ValueError, SourceError) as error:
        raise UsageError(
            f"{file}: cannot be read as a set of prices: {error}",
            remedy="its columns are a time, a price, and the series that are known before the auction",
        ) from None
    days = Days(dates, values[:, 0], values[:, 1:])
    beside = [
        other for suffix in _SUFFIXES if (other := file.parent / f"{name}{_PUBLISHED}{suffix}").is_file()
    ]
    published: dict[str, Floats] = {}
    first = len(days) - min(_TEST_DAYS, len(days) // 3)
    if beside:
        time, *forecasts = [one for one in _header(beside[0]) if one.lower() not in _PRICE]
        theirs, found, _ = _hours(beside[0], time, forecasts)
        first = int((theirs[0] - dates[0]).astype(int))
        if not 0 < first < len(days):
            raise UsageError(
                f"{beside[0]}: begins on {theirs[0]}, and {file.name} has {dates[0]} to {dates[-1]}",
                remedy="its first day has to be among the set's, with days before it to learn from",
            )
        aligned = np.full((len(days) - first, len(forecasts), _HOURS), np.nan)
        rows = min(len(aligned), len(found))
        aligned[:rows] = found[:rows]
        published = {one: aligned[:, place] for place, one in enumerate(forecasts)}
        # The test period ends with what is published.
        days = days.before(first + rows)
        published = {one: forecast[:rows] for one, forecast in published.items()}
    return Set(name, days, first, published, tuple(exogenous), refused)


def _stem(file: Path) -> str:
    return next(file.name.removesuffix(suffix) for suffix in _SUFFIXES if file.name.endswith(suffix))


def _header(file: Path) -> list[str]:
    with cast("IO[str]", gzip.open(file, "rt") if file.suffix == ".gz" else file.open()) as lines:
        return [name.strip() for name in next(csv.reader(lines), [])]


def _columns(header: list[str]) -> tuple[str, str, list[str]]:
    """The columns of time, price and exogenous series."""
    if len(header) < 2:
        raise ValueError(f"its header has {len(header)} columns")
    time = next((name for name in header if name.lower() in _TIME), header[0])
    others = [name for name in header if name != time]
    price = next((name for name in others if name.lower() in _PRICE), others[0])
    return time, price, [name for name in others if name != price]


def _hours(file: Path, time: str, columns: list[str]) -> tuple[np.ndarray, Floats, int]:
    """Dates (D,), values (D, C, 24) with NaN where there is none, and the count of refused cells."""
    source = CsvSource.model_validate(
        {
            "kind": "csv",
            "name": "bench",
            "path": file,
            "market": "power",
            "product": "day-ahead",
            "currency": "EUR",
            "unit": "MWh",
            "resolution": "PT1H",
            # The benchmark's clock has 24 hours every day, filled in spring and merged in autumn: UTC's.
            "time_zone": "UTC",
            "publication": {"day": -1, "at": "13:00"},
            "columns": {"event_time": time, "prices": {name: f"S{i}" for i, name in enumerate(columns)}},
            "no_price": ["", ".", "NaN", "nan", "NA", "null"],
        }
    )
    prices: list[Price] = []
    refused = 0
    for row in csv_file.read(source):
        checked = check(row)
        if isinstance(checked, Price):
            prices.append(checked)
        else:
            refused += isinstance(checked, Refused)
    if not prices:
        raise ValueError(f"no row gave a number in {time} and {', '.join(columns)}")
    return (*_grid(prices, len(columns)), refused)


def _grid(prices: Iterable[Price], series: int) -> tuple[np.ndarray, Floats]:
    prices = list(prices)
    start = min(price.delivery_start for price in prices).replace(hour=0)
    count = (max(price.delivery_start for price in prices) - start) // timedelta(days=1) + 1
    values = np.full((count, series, _HOURS), np.nan)
    for price in prices:
        since = price.delivery_start - start
        values[since.days, int(price.symbol[1:]), since.seconds // 3600] = price.price
    return np.datetime64(start.date(), "D") + np.arange(count), values
