"""Export the price series that the `arch` package ships; run while the image is built.

export.py WHEEL DIRECTORY writes
  crude-daily.csv    date,price        WTI spot, US dollars a barrel, daily
  crude-monthly.csv  date,brent,wti    US dollars a barrel, monthly
  LICENSE.md         the licence of the package that they come from
with ISO dates in their order and nothing where the source has no value. A month's mean, which the source
dates to its middle, has the date at which its month begins.
"""

import csv
import gzip
import io
import sys
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from zipfile import ZipFile

DAILY = "arch/data/wti/wti.csv.gz"
MONTHLY = "arch/data/crude/crude.csv.gz"
ABSENT = "."


def export(wheel: Path, directory: Path) -> None:
    """Write the two series and the licence.

    Raises:
        KeyError, ValueError: the wheel does not hold what is expected.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with ZipFile(wheel) as package:
        (licence,) = (name for name in package.namelist() if name.endswith(".dist-info/licenses/LICENSE.md"))
        (directory / "LICENSE.md").write_bytes(package.read(licence))
        daily = _rows(package.read(DAILY), ["Date", "DCOILWTICO"])
        monthly = _rows(package.read(MONTHLY), ["Date", "Brent", "WTI"])
    _write(directory / "crude-daily.csv", ["date", "price"], daily)
    months = [[_month(day), *values] for day, *values in monthly]
    _write(directory / "crude-monthly.csv", ["date", "brent", "wti"], months)


def _rows(compressed: bytes, header: list[str]) -> list[list[str]]:
    text = gzip.decompress(compressed).decode("utf-8-sig")
    found, *rows = csv.reader(io.StringIO(text, newline=""))
    if found != header:
        raise ValueError(f"the columns are {found}, not {header}")
    return sorted(
        [_day(day).isoformat(), *("" if v == ABSENT else v for v in values)] for day, *values in rows
    )


def _day(text: str) -> date:
    """ISO, or month/day/year."""
    return datetime.strptime(text, "%m/%d/%Y").date() if "/" in text else date.fromisoformat(text)


def _month(day: str) -> str:
    return date.fromisoformat(day).replace(day=1).isoformat()


def _write(file: Path, header: list[str], rows: Iterable[list[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
