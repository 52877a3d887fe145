"""CSV and Parquet files, and the years that are withheld from them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource, ParquetSource
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import RawRow, Refused, Terms
from workloads.price_pipeline.sources import SourceError, csv_file, csv_lines, parquet_file
from workloads.price_pipeline.sources.file import FileSource, split

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TERMS = Terms("daily", "crude", "USD", "bbl", "market")


def test_every_row_keeps_the_bytes_that_it_came_from(csv_source: Callable[..., CsvSource]) -> None:
    content = b'\xef\xbb\xbfdate,note,price\r\n2019-01-02,"a ""b"",\r\nc",46.31\r\n\r\n2019-01-03,,46.92'

    rows = list(csv_file.read(csv_source(content)))

    assert [row.raw for row in rows] == [b'2019-01-02,"a ""b"",\r\nc",46.31', b"2019-01-03,,46.92"]
    assert [row.price for row in rows] == ["46.31", "46.92"]
    assert [row.symbol for row in rows] == ["WTI", "WTI"]


def test_a_wide_row_gives_a_price_for_each_of_its_symbols(csv_source: Callable[..., CsvSource]) -> None:
    columns = {"event_time": "date", "prices": {"brent": "BRENT-M", "wti": "WTI-M"}}

    rows = list(csv_file.read(csv_source("date,brent,wti\n2019-01-15,59.4,51.4\n", columns=columns)))

    assert [(row.symbol, row.price) for row in rows] == [("BRENT-M", "59.4"), ("WTI-M", "51.4")]


def test_a_long_row_names_its_symbol(csv_source: Callable[..., CsvSource]) -> None:
    columns = {"event_time": "day", "symbol": "id", "price": "p"}

    (row,) = csv_file.read(csv_source("id;day;p\nWTI;2019-01-15;51.4\n", columns=columns, delimiter=";"))

    assert (row.symbol, row.event_time, row.price) == ("WTI", "2019-01-15", "51.4")


@pytest.mark.parametrize("line", [b"2019-01-02", b"2019-01-02,1,2", b"\xff\xfe,46.31", b"2019-01-02,\xe9"])
def test_a_spoilt_row_is_refused_with_its_bytes_and_the_others_are_read(
    csv_source: Callable[..., CsvSource], line: bytes
) -> None:
    spoilt, sound = map(check, csv_file.read(csv_source(b"date,price\n" + line + b"\n2019-01-03,46.92\n")))

    assert isinstance(spoilt, Refused)
    assert spoilt.raw == line
    assert isinstance(sound, Price)


DAYS = ["2024-01-02,46,fine", "2024-01-03,47,fine", "2024-01-04,48,fine", "2024-01-05,49,fine"]


@pytest.mark.parametrize(
    ("spoilt", "then"),
    [
        ({1: '2024-01-03,47,"prelim'}, "opens a quote that is not closed"),
        ({3: '2024-01-05,49,"prelim'}, "opens a quote that is not closed"),
        ({1: '2024-01-03,47,"prelim', 2: '2024-01-04,48,"prelim"'}, "opens a quote that is not closed"),
        ({1: '2024-01-03,47,"'}, "opens a quote that is not closed"),
        ({1: '2024-01-03,47,"5" pipe"'}, "expected after"),
        ({1: "2024-01-03,47,a,b"}, "has 4 fields where the header has 3"),
    ],
)
def test_an_unclosed_quote_spoils_its_line_alone(
    csv_source: Callable[..., CsvSource], spoilt: dict[int, str], then: str
) -> None:
    lines = [spoilt.get(place, line) for place, line in enumerate(DAYS)]

    found = [check(row) for row in csv_file.read(csv_source("date,price,note\n" + "\n".join(lines) + "\n"))]

    place = min(spoilt)
    refused = found[place]
    assert isinstance(refused, Refused)
    assert refused.raw == spoilt[place].encode()
    assert f"line {place + 2} " in refused.reason
    assert then in refused.reason
    others = [result.price for result in found if isinstance(result, Price)]
    assert others == [46 + other for other in range(4) if other != place]
    assert len(found) == 4


def test_two_quotes_left_open_do_not_hide_the_rows_between_them(csv_source: Callable[..., CsvSource]) -> None:
    lines = ['2024-01-02,46,"', *DAYS[1:3], '2024-01-05,49,"', "2024-01-06,50,fine"]

    found = [check(row) for row in csv_file.read(csv_source("date,price,note\n" + "\n".join(lines)))]

    assert [type(result).__name__ for result in found] == ["Refused", "Price", "Price", "Refused", "Price"]


def test_a_quote_that_is_open_for_too_long_is_given_up(csv_source: Callable[..., CsvSource]) -> None:
    lines = ['2024-01-02,46,"', *["some text"] * 1000, "2024-01-03,47,fine"]

    found = [check(row) for row in csv_file.read(csv_source("date,price,note\n" + "\n".join(lines)))]

    assert [type(result).__name__ for result in found] == ["Refused"] * 1001 + ["Price"]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, max_size=5), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-16"]))
def test_whatever_a_cell_holds_within_quotes_its_row_is_read(
    csv_source: Callable[..., CsvSource], notes: list[str], end: str, encoding: str
) -> None:
    held = io.StringIO()
    writer = csv.writer(held, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["note", "date", "price"])
    writer.writerows([note, "2024-01-02", str(place)] for place, note in enumerate(notes))

    rows = list(csv_file.read(csv_source(held.getvalue().encode(encoding), encoding=encoding)))

    assert [(row.event_time, row.price) for row in rows] == [
        ("2024-01-02", str(place)) for place in range(len(notes))
    ]


PRICES = "Datum;Preis in €\n2024-01-02;46\n2024-01-03;-5\n"
EURO = {"columns": {"event_time": "Datum", "prices": {"Preis in €": "DE"}}, "delimiter": ";"}


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("1.250", 1_250.0),
        ("12.500,5", 12_500.5),
        ("0,250", 0.25),
        ("0.250", None),  # a decimal point after all, and not 250
        ("00.250", None),
        ("-0.250.000", None),
        ("1.25", None),
        ("1.2345", None),
        (".250", None),
        ("12.34,50", None),
        ("1,250.5", None),
    ],
)
def test_beside_a_decimal_comma_a_dot_is_between_groups_or_the_row_is_refused(
    csv_source: Callable[..., CsvSource], written: str, price: float | None
) -> None:
    (row,) = csv_file.read(csv_source(f"date;price\n2025-01-01;{written}\n", delimiter=";", decimal=","))
    found = check(row)
    assert (found.price if isinstance(found, Price) else None) == price
    assert isinstance(found, Price) or written in found.reason  # type: ignore[union-attr]


def _archive(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


@pytest.mark.parametrize("beside", ["__MACOSX/._a.csv", ".DS_Store", "data/.a.csv.swp", "data/"])
def test_what_an_archiver_adds_of_its_own_is_no_file_of_the_archive(
    csv_source: Callable[..., CsvSource], beside: str
) -> None:
    packed = _archive({"data/a.csv": b"date,price\n2025-01-01,5\n", beside: b"\x00\x05\x16\x07"})
    assert [row.price for row in csv_file.read(csv_source(packed))] == ["5"]


@pytest.mark.parametrize("inner", ["zip", "gzip"])
def test_an_archive_in_an_archive_is_refused_by_name(
    csv_source: Callable[..., CsvSource], inner: str
) -> None:
    held = b"date,price\n2025-01-01,5\n"
    packed = _archive({"a.csv": held}) if inner == "zip" else gzip.compress(held)
    with pytest.raises(SourceError, match=r":inner\.bin is an archive in an archive"):
        list(csv_file.read(csv_source(_archive({"inner.bin": packed}))))


def test_a_line_without_an_end_is_not_held_until_the_memory_is_full(
    csv_source: Callable[..., CsvSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lines, "LINE_LIMIT", 1_000_000)
    bomb = gzip.compress(b"date,price\n2025-01-01,5\n" + b"0" * 50_000_000)
    assert len(bomb) < 100_000
    rows = csv_file.read(csv_source(bomb))
    assert next(rows).price == "5"
    with pytest.raises(SourceError, match="line of more than 1000000 bytes"):
        next(rows)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_lines_longer_than_a_piece_that_is_read_at_once_come_whole(
    csv_source: Callable[..., CsvSource], ending: bytes
) -> None:
    long = b"x" * 200_000
    lines = [b"date,price,note", b"2025-01-01,5," + long, b"2025-01-02,6,", b"2025-01-03,7," + long]
    rows = list(csv_file.read(csv_source(ending.join(lines))))
    assert [(row.price, row.raw) for row in rows] == [("5", lines[1]), ("6", lines[2]), ("7", lines[3])]


ODD: dict[str, tuple[bytes, dict[str, Any], list[float], str]] = {
    "a preamble for a sheet": (b"sep=;\ndate;price\n2025-01-01;5,5\n", {"skip_lines": 1}, [5.5], ""),
    "NUL in a number": (b"date;price\n2025-01-01;4\x005\n2025-01-02;5\n", {}, [5.0], "is not a number"),
    "the header again": (b"date;price\n2025-01-01;5\ndate;price\n", {}, [5.0], "'date' is not"),
    "units below the header": (b"date;price\n;EUR/MWh\n2025-01-01;5\n", {}, [5.0], "'' is not"),
    "delimiters alone": (b"date;price\n;\n2025-01-01;5\n;\n", {}, [5.0], ""),
    "one delimiter too many": (b"date;price\n2025-01-01;5;\n2025-01-02;6\n", {}, [6.0], "3 fields"),
    "a sheet's errors": (b"date;price\n2025-01-01;#N/A\n2025-01-02;5\n", {}, [5.0], "'#N/A'"),
    "a formula": (b"date;price\n2025-01-01;=A1\n2025-01-02;5\n", {}, [5.0], "'=A1'"),
    "no such day": (b"date;price\n2025-02-29;5\n2025-02-28;6\n", {}, [6.0], "'2025-02-29'"),
    "a leap second": (b"date;price\n2025-12-31T23:59:60;5\n2025-12-31;6\n", {}, [6.0], "23:59:60"),
    "the name of a clock": (b"date;price\n2025-10-26 02:30 CEST;5\n2025-10-26;6\n", {}, [6.0], "CEST"),
    "an interval": (b"date;price\n2025-01-01/2025-01-02;5\n2025-01-03;6\n", {}, [6.0], "2025-01-01/"),
    "digits of another script": ("date;price\n2025-01-01;٤٥\n2025-01-02;5\n".encode(), {}, [5.0], "number"),
    "a currency's sign": ("date;price\n2025-01-01;5 €\n2025-01-02;5\n".encode(), {}, [5.0], "'5 €'"),
    "a parallel of two zips": (
        gzip.compress(b"date;price\n2025-01-01;5\n") + gzip.compress(b"2025-01-02;6\n"),
        {},
        [5.0, 6.0],
        "",
    ),
    "utf-16": ("date;price\n2025-01-01;5,5\n".encode("utf-16"), {"encoding": "utf-16"}, [5.5], ""),
    "mixed line ends": (b"date;price\r\n2025-01-01;5\n2025-01-02;6\r\n", {}, [5.0, 6.0], ""),
    "cells in blanks": (b"date ; price\n 2025-01-01 ; 5 \n", {}, [5.0], ""),
    "24:00 without a clock's label": (b"date;price\n2025-01-01T24:00;5\n", {}, [5.0], ""),
    "a power of ten": (b"date;price\n2025-01-01;4,55E+1\n", {}, [45.5], ""),
    "beyond doubles": (b"date;price\n2025-01-01;1e400\n2025-01-02;5\n", {}, [5.0], "not finite"),
    "hexadecimal": (b"date;price\n2025-01-01;0x1F\n2025-01-02;5\n", {}, [5.0], "'0x1F'"),
    "Python's groups": (b"date;price\n2025-01-01;1_000\n2025-01-02;5\n", {}, [5.0], "'1_000'"),
    "a quote that never closes": (
        b'date;price;note\n2025-01-01;5;"prelim\n2025-01-02;6;\n',
        {},
        [6.0],
        "a quote that is not closed",
    ),
}
"""Content, settings, the prices that it has, and what is said of the row that is none."""


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_spoils_its_row_alone_and_is_named(
    csv_source: Callable[..., CsvSource], kind: str
) -> None:
    content, changed, good, said = ODD[kind]
    found = [check(row) for row in csv_file.read(csv_source(content, delimiter=";", decimal=",", **changed))]
    assert [one.price for one in found if isinstance(one, Price)] == good
    refused = [one.reason for one in found if isinstance(one, Refused)]
    assert len(refused) == (said != "")
    assert all(said in reason for reason in refused)


def zipped(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.csv"), content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        (PRICES.encode("cp1252"), {"encoding": "cp1252"}),
        (PRICES.encode("utf-16"), {"encoding": "utf-16"}),
        (PRICES.replace("\n", "\r\n").encode("utf-16-be"), {"encoding": "utf-16-be"}),
        (PRICES.encode("utf-8-sig"), {"encoding": "utf-8"}),
        (PRICES.encode(), {}),
        (PRICES.replace("\n", "\r").encode(), {}),
        (PRICES.replace("\n", "\r\n").encode(), {}),
        (gzip.compress(PRICES.encode(), mtime=0), {}),
        (zipped(a=PRICES.encode()), {}),
        (('Auction of "DE\n\n' + PRICES).encode(), {"skip_lines": 2}),
        ((PRICES + '2 rows;\n(c) "Exchange\n').encode(), {"footer_lines": 2}),
        (
            ("x\n" + PRICES + "y\n").encode("utf-16"),
            {"encoding": "utf-16", "skip_lines": 1, "footer_lines": 1},
        ),
        (PRICES.split("\n", 1)[1].encode(), {"header": ["Datum", "Preis in €"]}),
    ],
)
def test_files_are_read_as_they_are_written(
    csv_source: Callable[..., CsvSource], content: bytes, changed: dict[str, Any]
) -> None:
    found = [check(row) for row in csv_file.read(csv_source(content, **EURO, **changed))]

    assert [(p.symbol, p.delivery_start.day, p.price) for p in found if isinstance(p, Price)] == [
        ("DE", 2, 46.0),
        ("DE", 3, -5.0),
    ]
    assert len(found) == 2


def test_all_files_of_an_archive_are_read_each_with_its_header(csv_source: Callable[..., CsvSource]) -> None:
    archive = zipped(b=b"price,date\n2,2024-01-02\n", a=b"date,price\n2024-01-01,1\n")

    assert [row.price for row in csv_file.read(csv_source(archive))] == ["1", "2"]


def test_a_file_that_quotes_nothing_keeps_its_quotes(csv_source: Callable[..., CsvSource]) -> None:
    content = 'date,price,note\n2024-01-02,46,"5 inch\n2024-01-03,47,x\n'

    assert [row.price for row in csv_file.read(csv_source(content, quote=None))] == ["46", "47"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(PRICES.encode(), mtime=0)[:-12], "cannot be unpacked"),
        (zipped(), "zip archive without a file"),
        (zipped(a=b"date,price\n")[:40], "cannot be unpacked"),
        (b"date,price,price\n2024-01-02,1,2\n", "more than one column 'price'"),
        (b'date,"price\n2024-01-02,1,2\n', "has no header: line 1 opens a quote"),
    ],
)
def test_a_file_that_is_spoilt_as_a_whole_says_how(
    csv_source: Callable[..., CsvSource], content: bytes, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        list(csv_file.read(csv_source(content)))


def test_an_encoding_that_there_is_not_is_refused_by_the_settings(
    csv_source: Callable[..., CsvSource],
) -> None:
    with pytest.raises(ValidationError, match="is no encoding of text"):
        csv_source(b"", encoding="cp125")


def test_a_missing_column_is_named_with_those_that_there_are(csv_source: Callable[..., CsvSource]) -> None:
    with pytest.raises(SourceError, match=r"no column 'price'.*'date', 'value'"):
        list(csv_file.read(csv_source("date,value\n2019-01-03,46.92\n")))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_missing_file_is_named(tmp_path: Path, kind: str, clock: Callable[[], datetime]) -> None:
    values = {"kind": kind, "name": "x", "path": tmp_path / "none", "market": "crude"}
    values["columns"] = {"event_time": "date", "prices": {"price": "WTI"}}
    config = (CsvSource if kind == "csv" else ParquetSource).model_validate(values)

    with pytest.raises(SourceError, match=str(tmp_path / "none")):
        list(FileSource(config, clock).rows(None, None))


def parquet_source(tmp_path: Path, columns: dict[str, Any]) -> ParquetSource:
    path = tmp_path / "prices.parquet"
    parquet.write_table(pa.table(columns), path)
    return ParquetSource.model_validate(
        {
            "kind": "parquet",
            "name": "p",
            "path": path,
            "market": "crude",
            "columns": {"event_time": "day", "prices": {"price": "WTI"}},
        }
    )


def test_parquet_rows_are_typed_and_null_is_no_observation(tmp_path: Path) -> None:
    days = [date(2019, 1, 2), date(2019, 1, 3), date(2019, 1, 4)]
    config = parquet_source(tmp_path, {"day": days, "price": [46.31, None, float("nan")], "other": [1, 2, 3]})

    rows = list(parquet_file.read(config))

    first, second, third = map(check, rows)
    assert isinstance(first, Price)
    assert (first.delivery_start, first.price) == (datetime(2019, 1, 2, tzinfo=UTC), 46.31)
    assert type(second).__name__ == "Unobserved"
    assert isinstance(third, Refused)
    assert json.loads(rows[0].raw) == {"day": "2019-01-02", "price": 46.31}


def test_nanoseconds_are_cut_and_a_cell_that_has_no_value_here_is_refused_with_its_row(
    tmp_path: Path,
) -> None:
    second = 1_700_000_000
    times = pa.array([second * 10**9, second * 10**9 + 1_001, None], pa.timestamp("ns", "UTC"))
    config = parquet_source(tmp_path, {"day": times, "price": [1.0, 2.0, 3.0]})

    whole, cut, none = map(check, parquet_file.read(config))

    assert isinstance(whole, Price)
    assert isinstance(cut, Price)
    assert cut.delivery_start - whole.delivery_start == timedelta(microseconds=1)
    assert isinstance(none, Refused)

    config = parquet_source(
        tmp_path, {"day": pa.array([second * 10**6, 10**18], pa.timestamp("us")), "price": [1.0, 2.0]}
    )
    sound, refused = map(check, parquet_file.read(config))
    assert isinstance(sound, Price)
    assert isinstance(refused, Refused)
    assert "cannot be read: day: 1000000000000000000 as timestamp[us]" in refused.reason


def test_a_parquet_file_without_the_column_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column 'price'.*'day', 'cost'"):
        list(parquet_file.read(parquet_source(tmp_path, {"day": [date(2019, 1, 2)], "cost": [1.0]})))


def test_what_is_no_parquet_file_says_so(tmp_path: Path) -> None:
    config = parquet_source(tmp_path, {"day": [date(2019, 1, 2)], "price": [1.0]})
    config.path.write_text("day,price\n")

    with pytest.raises(SourceError, match="cannot be read"):
        list(parquet_file.read(config))


def raw_rows(days: list[tuple[str, date]]) -> list[RawRow]:
    return [
        RawRow(TERMS, f"{symbol} {day} {place}".encode(), symbol, day.isoformat(), "50")
        for place, (symbol, day) in enumerate(days)
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["WTI", "BRENT"]), st.dates(date(1986, 1, 1), date(2026, 11, 20)))),
    st.integers(1, 6),
)
def test_history_and_withheld_part_the_rows_and_nothing_is_in_both(
    days: list[tuple[str, date]], years: int
) -> None:
    rows = raw_rows(days)

    history, withheld = split(iter(rows), years, NOW)

    assert sorted([*history, *(row for _, row in withheld)], key=lambda row: row.raw) == sorted(
        rows, key=lambda row: row.raw
    )
    for symbol in {symbol for symbol, _ in days}:
        last = max(day for name, day in days if name == symbol)
        leap_day = (last.month, last.day) == (2, 29)
        cut = last.replace(year=last.year - years, day=28 if leap_day else last.day)
        kept = [date.fromisoformat(str(row.event_time)) for row in history if row.symbol == symbol]
        held = [price.delivery_start.date() for price, row in withheld if row.symbol == symbol]
        assert last in held
        # A 29 February has no day of its own in most years: a day either way.
        assert all(day <= cut + timedelta(days=1) for day in kept)
        assert all(day >= cut - timedelta(days=1) for day in held)
        assert not kept or max(kept) < min(held)


def test_the_cut_is_the_last_price_s_day_four_years_before_which_is_history() -> None:
    days = [date(2015, 1, 2), date(2015, 1, 3), date(2015, 1, 4), date(2019, 1, 3)]

    history, withheld = split(iter(raw_rows([("WTI", day) for day in days])), 4, NOW)

    assert [row.event_time for row in history] == ["2015-01-02", "2015-01-03"]
    assert [price.delivery_start.date() for price, _ in withheld] == days[2:]


def test_a_date_in_the_future_or_a_refused_row_does_not_move_the_cut() -> None:
    rows = raw_rows([("WTI", date(2010, 1, 4)), ("WTI", date(2019, 1, 3)), ("WTI", date(2119, 1, 3))])
    spoilt = RawRow(TERMS, b"spoilt", "WTI", "2026-01-01", "n/a")

    history, withheld = split(iter([*rows, spoilt]), 4, NOW)

    assert history == [rows[0], spoilt]
    assert [row for _, row in withheld] == rows[1:]


def test_a_row_that_withdraws_a_price_is_histories_and_does_not_move_the_cut() -> None:
    terms = replace(TERMS, withdrawn=frozenset({""}))
    rows = raw_rows([("WTI", date(2010, 1, 4)), ("WTI", date(2019, 1, 3))])
    withdrawn = [RawRow(terms, b"", "WTI", day, "") for day in ("2018-01-03", "2024-01-03")]

    history, withheld = split(iter([*rows, *withdrawn]), 4, NOW)

    assert history == [rows[0], *withdrawn]
    assert [row for _, row in withheld] == rows[1:]


def test_a_file_source_gives_history_only(
    csv_source: Callable[..., CsvSource], clock: Callable[[], datetime]
) -> None:
    content = "date,price\n" + "".join(f"{year}-01-03,{year - 1990}\n" for year in range(2000, 2020))
    source = FileSource(csv_source(content, withhold_years=4), clock)

    history = [row.event_time for row in source.rows(None, None)]

    assert history == [f"{year}-01-03" for year in range(2000, 2016)]
    assert [price.delivery_start.year for price, _ in source.withheld()] == [2016, 2017, 2018, 2019]
