"""What AWS asks for an item, from docs/prices.csv."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from tools import paths
from tools.errors import ToolError

PRICES: Final = paths.ROOT / "docs" / "prices.csv"
HOURS: Final = 730
"""Hours of a month."""
EVERYWHERE: Final = "*"
COMPARED: Final = "us-east-1"
"""Region whose prices are shown where those of a stack's own are not known."""


@dataclass(frozen=True)
class Price:
    """What a unit costs in a region; without `usd` it is not known."""

    item: str
    unit: str
    region: str
    usd: Decimal | None
    source: str
    date: str


@dataclass(frozen=True)
class Line:
    """So many of an item, all month.

    Attributes:
        item: as the price table has it.
        note: what they are.
    """

    item: str
    quantity: int
    note: str


@dataclass(frozen=True)
class Priced:
    """A line with its price.

    Attributes:
        monthly: US dollars in the stack's region; None where its price is not known.
        compared: the same in us-east-1.
    """

    line: Line
    monthly: Decimal | None
    compared: Decimal | None


def prices(file: Path = PRICES) -> dict[tuple[str, str], Price]:
    """(item, region) → price.

    Raises:
        ToolError: a row stands there twice, or has a price without source or date, or no number.
    """
    found: dict[tuple[str, str], Price] = {}
    with file.open(newline="", encoding="utf-8") as rows:
        for number, row in enumerate(csv.DictReader(rows), start=2):
            where = f"{file.name}:{number}"
            if row["usd"] and not (row["source"] and re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])):
                raise ToolError(
                    f"{where}: {row['item']} has a price and no source or date", remedy="Add them."
                )
            if row["usd"] and not re.fullmatch(r"\d+(\.\d+)?", row["usd"]):
                raise ToolError(f"{where}: {row['usd']!r} is no price", remedy="Leave unknown ones blank.")
            if row["unit"] not in _PER_MONTH:
                known = ", ".join(_PER_MONTH)
                raise ToolError(f"{where}: {row['unit']!r} is no unit", remedy=f"The units are: {known}.")
            key = row["item"], row["region"]
            if key in found:
                raise ToolError(f"{where}: {' in '.join(key)} stands there twice", remedy="Keep the newer.")
            usd = Decimal(row["usd"]) if row["usd"] else None
            found[key] = Price(*key[:1], row["unit"], row["region"], usd, row["source"], row["date"])
    return found


def priced(line: Line, region: str, table: Mapping[tuple[str, str], Price]) -> Priced:
    """A line with its price in a region.

    Raises:
        ToolError: the item has no row in the table, not even a blank one.
    """
    if not any(item == line.item for item, _ in table):
        raise ToolError(
            f"docs/prices.csv has no row for {line.item}", remedy="Add one; leave the price blank if need be."
        )
    return Priced(line, _monthly(line, region, table), _monthly(line, COMPARED, table))


def _monthly(line: Line, region: str, table: Mapping[tuple[str, str], Price]) -> Decimal | None:
    price = table.get((line.item, region)) or table.get((line.item, EVERYWHERE))
    if price is None or price.usd is None:
        return None
    return price.usd * _PER_MONTH[price.unit] * line.quantity


_PER_MONTH: Final = {"hour": HOURS, "month": 1, "GiB": 1, "GiB-month": 1}
