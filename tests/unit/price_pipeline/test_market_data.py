"""The export of the real price series into the image."""

import gzip
import zipfile
from pathlib import Path

import pytest

from workloads.price_pipeline.market_data.export import DAILY, MONTHLY, export

DAILY_SOURCE = "Date,DCOILWTICO\r\n1/2/1986,25.56\r\n1/3/1986,26\r\n2/17/1986,.\r\n12/31/1985,24.9\r\n"
MONTHLY_SOURCE = "\ufeffDate,Brent,WTI\r\n1987-05-15,18.58,19.44\r\n"


def wheel(directory: Path, daily: str = DAILY_SOURCE, monthly: str = MONTHLY_SOURCE) -> Path:
    file = directory / "arch-8.0.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as package:
        package.writestr(DAILY, gzip.compress(daily.encode()))
        package.writestr(MONTHLY, gzip.compress(monthly.encode()))
        package.writestr("arch-8.0.0.dist-info/licenses/LICENSE.md", "# License\n")
    return file


def test_dates_are_iso_and_in_order_and_absent_values_stay_absent(tmp_path: Path) -> None:
    export(wheel(tmp_path), tmp_path / "market")
    daily = (tmp_path / "market" / "crude-daily.csv").read_bytes()
    assert daily == b"date,price\n1985-12-31,24.9\n1986-01-02,25.56\n1986-01-03,26\n1986-02-17,\n"
    monthly = (tmp_path / "market" / "crude-monthly.csv").read_bytes()
    assert monthly == b"date,brent,wti\n1987-05-01,18.58,19.44\n"


def test_the_licence_goes_with_the_data(tmp_path: Path) -> None:
    export(wheel(tmp_path), tmp_path / "market")
    assert (tmp_path / "market" / "LICENSE.md").read_text() == "# License\n"


def test_another_layout_of_the_source_is_refused(tmp_path: Path) -> None:
    turned = "Date,WTI,Brent\n1987-05-15,19.44,18.58\n"
    with pytest.raises(ValueError, match="the columns are"):
        export(wheel(tmp_path, monthly=turned), tmp_path / "market")
