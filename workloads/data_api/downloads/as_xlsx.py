"""XLSX: typed cells, a sheet of rows and one that says what each column is.

A text is written as text, whatever it looks like: nothing in it is a formula or a link. Times are dates in
UTC, which Excel keeps to the millisecond. The file is made in whole before it is sent, a row at a time in
temporary files, which is why it has a limit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import pyarrow as pa
from xlsxwriter import Workbook

from workloads.data_api.downloads import as_arrow
from workloads.data_api.downloads.forms import Block, File, batches, too_many

_BATCH: Final = 4096
_PART: Final = 1 << 16
_OPTIONS: Final[dict[str, Any]] = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_NAIVE: Final = pa.timestamp("us")


def blocks(rows: Iterator[bytes], file: File) -> Iterator[Block]:
    """As `forms.Blocks`. Refused where there are more rows than a spreadsheet may have."""
    found = list(rows)  # at most one more than may be
    if len(found) > file.most:
        raise too_many(file.most)
    count = len(found)
    with tempfile.TemporaryFile() as out:
        _write(out, found, file)
        out.seek(0)
        while part := out.read(_PART):
            yield Block(part, count)
            count = 0


def _write(out: IO[bytes], rows: Sequence[bytes], file: File) -> None:
    made, line = as_arrow.schema(file), 0
    with Workbook(out, _OPTIONS) as book:
        bold = book.add_format({"bold": True})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet(file.dataset)
        sheet.freeze_panes(1, 0)
        for at, column in enumerate(file.columns):
            is_time = column.type == "time"
            sheet.set_column(at, at, 19 if is_time else 12)
            sheet.write_string(0, at, f"{column.name} (UTC)" if is_time else column.name, bold)
        for batch in batches(rows, _BATCH):
            values = [_plain(column) for column in as_arrow.table(batch, made).columns]
            for row in zip(*values, strict=True):
                line += 1
                for at, value in enumerate(row):
                    if value is not None:
                        _WRITERS[file.columns[at].type](sheet, line, at, value, time)
        _describe(book.add_worksheet("columns"), file, bold)


def _plain(column: pa.ChunkedArray) -> Sequence[Any]:
    timed = pa.types.is_timestamp(column.type)
    found: list[Any] = (column.cast(_NAIVE) if timed else column).to_pylist()
    return found


def _number(sheet: Any, row: int, at: int, value: Any, _time: Any) -> None:
    sheet.write_number(row, at, value)


_WRITERS: Final[dict[str, Any]] = {
    "time": lambda sheet, row, at, value, time: sheet.write_datetime(row, at, value, time),
    "number": _number,
    "integer": _number,
    "boolean": lambda sheet, row, at, value, _: sheet.write_boolean(row, at, value),
    "text": lambda sheet, row, at, value, _: sheet.write_string(row, at, value),
}


def _describe(sheet: Any, file: File, bold: Any) -> None:
    for at, line in enumerate(
        [
            ("column", "type", "unit", "meaning"),
            *((one.name, one.type, one.unit or "", one.meaning) for one in file.columns),
            (),
            ("as of", file.as_of.isoformat()),
            ("asked", file.question),
        ]
    ):
        for place, text in enumerate(line):
            sheet.write_string(at, place, text, bold if at == 0 else None)
    sheet.set_column(0, 2, 22)
    sheet.set_column(3, 3, 80)
