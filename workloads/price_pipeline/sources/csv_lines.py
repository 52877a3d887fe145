"""The records of a CSV file, each with the bytes that it came from.

A quote that is never closed would take all that follows into its cell. It spoils its own line alone: where a
record does not end, or a line within one of its cells is a row by itself, its first line is given back as
malformed and reading goes on with the line after it.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import IO, NamedTuple

from workloads.kit.contracts.sources.csv_config import CsvLayout

# Python's own limit of 131,072 characters would end the file at one cell that is longer.
csv.field_size_limit(64 * 1024 * 1024)

_LONGEST = 200
"""Lines of one record: a quote open for longer was meant to close before."""

_CHUNK = 64 * 1024

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one line: one that is longer is of no table, and archives that grow without end hold such."""


class LineTooLong(Exception):
    """A line that nothing could be read from but by holding all of it."""


class Record(NamedTuple):
    """A row of cells, or the `problem` of a line that is none. `line` counts from 1."""

    line: int
    raw: bytes
    cells: list[str]
    problem: str | None = None


class _Line(NamedTuple):
    number: int
    raw: bytes
    text: str


IsRow = Callable[[list[str], int, bytes], bool]
"""Whether the cells of a line are a row by itself, given that the first so many of them are its own: behind
these a quote may close that an earlier line opened. And the line's bytes."""


def records(file: IO[bytes], layout: CsvLayout, is_row: IsRow) -> Iterator[Record]:
    """The records of a file without its first `skip_lines` and its last `footer_lines`; empty lines are left
    out. A line at the end that is a row all the same is given back as malformed: the file ends otherwise than
    it is said to."""
    ahead: deque[_Line] = deque()
    footer: deque[_Line] = deque()
    lines = _trimmed(_lines(file, layout.encoding), layout, footer)

    def following() -> _Line | None:
        return ahead.popleft() if ahead else next(lines, None)

    while (first := following()) is not None:
        held = [first]
        while True:
            try:
                cells = _parse([line.text for line in held], layout)
            except csv.Error as error:
                more = following() if _open(error) and len(held) < _LONGEST else None
                if more is not None:
                    held.append(more)
                    if not is_row(*_alone(more, layout), more.raw):
                        continue
                ahead.extendleft(reversed(held[1:]))
                why = "opens a quote that is not closed" if _open(error) else str(error)
                yield Record(first.number, _raw([first]), [], f"line {first.number} {why}")
            else:
                if cells:
                    yield Record(first.number, _raw(held), cells)
            break
    for line in footer:
        if is_row(*_alone(line, layout), line.raw):
            why = f"is a row like all others: is `footer_lines: {layout.footer_lines}` right?"
            yield Record(line.number, _raw([line]), [], f"line {line.number} {why}")


def _parse(texts: list[str], layout: CsvLayout, *, strict: bool = True) -> list[str]:
    if layout.quote is None:
        reader = csv.reader(texts, delimiter=layout.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    else:
        reader = csv.reader(texts, delimiter=layout.delimiter, quotechar=layout.quote, strict=strict)
    return next(reader, [])


def _open(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error)


def _alone(line: _Line, layout: CsvLayout) -> tuple[list[str], int]:
    """The cells of a line that follows an open quote, as if it began a record, and how many are certain."""
    try:
        cells = _parse([line.text], layout)
    except csv.Error as error:
        cells = _parse([line.text], layout, strict=False) if _open(error) else []
    before, quote, _ = line.text.partition(layout.quote or '"')
    if not quote or not before or before.endswith(layout.delimiter):
        return cells, len(cells)
    return cells, before.count(layout.delimiter)


def _raw(lines: Iterable[_Line]) -> bytes:
    return b"".join(line.raw for line in lines).rstrip(b"\r\n")


def _trimmed(lines: Iterator[_Line], layout: CsvLayout, footer: deque[_Line]) -> Iterator[_Line]:
    """The lines between; those at the end are left in `footer`."""
    for line in lines:
        if line.number > layout.skip_lines:
            footer.append(line)
        if len(footer) > layout.footer_lines:
            yield footer.popleft()


def _lines(file: IO[bytes], encoding: str) -> Iterator[_Line]:
    # Where a line's end is no byte of its own, lines are those of the text, and their bytes are its UTF-8.
    if "\n".encode(encoding).removeprefix(b"\xef\xbb\xbf") != b"\n":
        text = io.TextIOWrapper(file, encoding, errors="replace")
        for number, line in enumerate(text, 1):
            yield _Line(number, line.encode(errors="replace"), line)
        text.detach()
        return
    for number, raw in enumerate(_ended(file), 1):
        # Bytes that are no text stay apart from all text, so that the row is refused and not the file.
        yield _Line(number, raw, raw.decode(encoding, errors="surrogateescape"))


def _ended(file: IO[bytes]) -> Iterator[bytes]:
    """Lines that end as the file's first one does: by LF, after a CR or not, or by CR alone."""
    start = file.read(_CHUNK)
    end = b"\r" if b"\r" in start and b"\n" not in start else b"\n"
    rest: list[bytes] = []
    held = 0
    while start:
        first, *others = start.split(end)
        rest.append(first)
        held += len(first)
        if others:
            yield b"".join(rest) + b"\n"
            for line in others[:-1]:
                yield line + b"\n"
            rest, held = [others[-1]], len(others[-1])
        if held > LINE_LIMIT:
            raise LineTooLong(f"has a line of more than {LINE_LIMIT} bytes: it is no CSV, or another archive")
        start = file.read(_CHUNK)
    if held:
        yield b"".join(rest)
