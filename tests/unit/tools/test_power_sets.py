"""Sets of prices for `make bench forecast`: found, read through the pipeline, refused with a reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.bench.power import sets
from tools.errors import UsageError


def rows(days: int, *, start: str = "2020-02-27") -> list[str]:
    begin = np.datetime64(start, "h")
    return [
        f"{str(begin + hour).replace('T', ' ')}:00:00,{hour - 5.5},{1000 + hour},{hour % 24}"
        for hour in range(24 * days)
    ]


def write(file: Path, header: str, lines: list[str]) -> Path:
    text = "\n".join([header, *lines]) + "\n"
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


def test_a_set_of_other_names_is_read_in_the_order_of_its_columns(tmp_path: Path) -> None:
    found = sets.read(write(tmp_path / "PJM.csv.gz", "Date, Zonal price, System load, Zonal load", rows(30)))
    assert found.name == "PJM"
    assert found.exogenous == ("System load", "Zonal load")
    assert found.days.prices.shape == (30, 24)
    assert found.days.prices[1, 2] == 26 - 5.5
    assert found.days.exogenous[1, :, 2].tolist() == [1026, 2]
    assert found.published == {}
    assert (found.first, found.refused) == (20, 0)
    assert np.all(np.diff(found.days.dates) == np.timedelta64(1, "D"))


def test_named_columns_go_before_their_order(tmp_path: Path) -> None:
    lines = [",".join(reversed(row.split(","))) for row in rows(9)]
    found = sets.read(write(tmp_path / "X.csv", "wind,load,price,time", lines))
    assert found.exogenous == ("wind", "load")
    assert found.days.prices[0, 3] == -2.5


def test_missing_hours_and_values_are_nan_and_what_is_no_number_is_counted(tmp_path: Path) -> None:
    lines = rows(9)
    lines[30] = lines[30].split(",")[0] + ",,NaN,6"
    lines[31] = lines[31].split(",")[0] + ",dear,1031,7"
    del lines[50]
    found = sets.read(write(tmp_path / "X.csv", "time,price,load,wind", lines))
    assert np.argwhere(np.isnan(found.days.prices)).tolist() == [[1, 6], [1, 7], [2, 2]]
    assert np.argwhere(np.isnan(found.days.exogenous[:, 0])).tolist() == [[1, 6], [2, 2]]
    assert found.refused == 1


def test_what_is_published_sets_the_test_period(tmp_path: Path) -> None:
    write(tmp_path / "X.csv", "time,price,load,wind", rows(30))
    write(tmp_path / "X-published.csv", "time,theirs,price,others", rows(5, start="2020-03-18"))
    found = sets.read(tmp_path / "X.csv")
    assert str(found.days.dates[found.first]) == "2020-03-18"
    assert str(found.days.dates[-1]) == "2020-03-22"
    assert list(found.published) == ["theirs", "others"]
    assert found.published["theirs"].shape == (5, 24)
    assert found.published["theirs"][0, 6] == 0.5


def test_published_forecasts_of_another_period_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "X.csv", "time,price,load,wind", rows(30))
    write(
        tmp_path / "X-published.csv",
        "time,theirs",
        [row.rsplit(",", 2)[0] for row in rows(5, start="2021-03-18")],
    )
    with pytest.raises(UsageError, match=r"X-published.csv.*2021-03-18.*2020-03-27"):
        sets.read(tmp_path / "X.csv")


def test_a_directory_gives_its_sets_without_what_is_published(tmp_path: Path) -> None:
    for name in ("B.csv", "A.csv.gz", "A-published.csv.gz", "README.md"):
        (tmp_path / name).touch()
    assert [file.name for file in sets.find(str(tmp_path))] == ["A.csv.gz", "B.csv"]


@pytest.mark.parametrize("data", ["", "nowhere", "."])
def test_data_that_is_not_there_is_named(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="DATA") as error:
        sets.find(data)
    assert "make bench forecast DATA=" in error.value.remedy


@pytest.mark.parametrize(
    ("header", "lines"), [("time", ["2020-01-01 00:00:00"]), ("time,price", ["soon,1.0"])]
)
def test_a_file_of_another_form_is_refused_by_name(header: str, lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"X\.csv: cannot be read as a set of prices"):
        sets.read(write(tmp_path / "X.csv", header, lines))
