"""Files and APIs as one table's rows."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from tools import paths
from workloads.kit.contracts.sources.legacy import FilesTable, HttpLegacy
from workloads.warehouse_etl.sources.files import FilesReading
from workloads.warehouse_etl.sources.http import HttpReading


def _files(folder: Path) -> FilesReading:
    return FilesReading(
        fs.LocalFileSystem(), str(folder), "source billing", FilesTable(key=("no",), pattern="*"), {}
    )


def _parquet(file: Path, **columns: pa.Array) -> bytes:
    pq.write_table(pa.table(columns), file, compression="snappy", use_dictionary=False)
    return file.read_bytes()


def test_a_file_with_a_damaged_page_is_left_out_and_those_beside_it_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("no,amount\n1,5\n")
    whole = _parquet(tmp_path / "b.parquet", no=pa.array([f"number {n}" for n in range(2000)]))
    at = len(whole) // 3
    (tmp_path / "b.parquet").write_bytes(
        whole[:at] + bytes(b ^ 0xFF for b in whole[at : at + 64]) + whole[at + 64 :]
    )
    (tmp_path / "c.parquet").write_bytes(whole)
    found = _files(tmp_path)
    assert [one.name for one in found.files()] == ["a.csv", "c.parquet"]
    assert list(found.left_out) == ["b.parquet"]
    assert "source billing: b.parquet cannot be read to its end" in found.left_out["b.parquet"]
    assert len(list(found.rows(None))) == 2001


def test_a_value_that_nothing_here_can_hold_leaves_its_file_out(tmp_path: Path) -> None:
    beyond = pa.array([10**16], pa.timestamp("ms"))
    _parquet(tmp_path / "a.parquet", no=pa.array([1]), at=beyond)
    assert list(_files(tmp_path).left_out) == ["a.parquet"]


_WITHOUT_PANDAS = """
import sys
class Without:  # as in the image
    def find_spec(self, name, *_):
        if name == "pandas":
            raise ImportError(name)
sys.meta_path.insert(0, Without())
from pathlib import Path
from tests.unit.warehouse_etl.test_warehouse_reading import _files
print([row["at"] for row in _files(Path(sys.argv[1])).rows(None)])
"""


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_nanoseconds_are_kept_where_there_are_some(tmp_path: Path, zone: str | None) -> None:
    times: list[Any] = [0, 1, -1, 1_000, None]
    _parquet(tmp_path / "a.parquet", no=pa.array(range(5)), at=pa.array(times, pa.timestamp("ns", tz=zone)))
    hour, offset = ("00", "") if zone is None else ("01", "+01:00")
    before = "1969-12-31T23" if zone is None else "1970-01-01T00"
    found = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PANDAS, tmp_path],
        cwd=paths.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert ast.literal_eval(found.stdout) == [
        f"1970-01-01T{hour}:00:00{offset}",
        f"1970-01-01T{hour}:00:00.000000001{offset}",
        f"{before}:59:59.999999999{offset}",
        f"1970-01-01T{hour}:00:00.000001{offset}",
        None,
    ]


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        ("2026-01-05T12:00:00Z", "2026-01-05T11:00:00Z"),
        ("2026-01-05T12:00:00+02:00", "2026-01-05T11:00:00+02:00"),
        ("2026-01-05", "2026-01-04"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("17", "17"),
        ("v-17", "v-17"),
    ],
)
def test_an_api_is_asked_again_for_what_was_dated_shortly_before(after: str, asked: str) -> None:
    assert _asked(after, whole=False) == [None, asked]


def test_an_api_is_asked_for_all_in_a_run_that_compares() -> None:
    assert _asked("2026-01-05T12:00:00Z", whole=True) == [None, None]


def _asked(after: str, *, whole: bool) -> list[str | None]:
    """From where on an API is asked: once what it is like, and then for rows."""
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("since"))
        return httpx.Response(200, json=[{"no": 1, "at": after}])

    table = {"key": ["no"], "path": "/rows", "watermark": "at", "since_parameter": "since"}
    source = HttpLegacy.model_validate(
        {"kind": "http", "name": "metering", "url": "https://api.example", "tables": {"rows": table}}
    )
    with httpx.Client(base_url=source.url, transport=httpx.MockTransport(answer)) as client:
        reading = HttpReading(client, source, "rows", whole=whole)
        assert reading.is_whole is whole
        assert len(list(reading.rows(after))) == 1
    return asked
