"""Files and answers as people have them: each the right value, or a refusal with its line and reason."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import structlog
from pyarrow import parquet
from pydantic import ValidationError

from tests.unit.price_pipeline.api import Answer, Api
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import CsvSource, HttpSource, ParquetSource
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import Refused, Unobserved
from workloads.price_pipeline.sources import SourceError, http
from workloads.price_pipeline.sources.file import FileSource

Make = Callable[..., CsvSource]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

BERLIN: dict[str, Any] = {
    "resolution": "PT1H",
    "time_zone": "Europe/Berlin",
    "product": "day-ahead",
    "publication": {"day": -1, "at": "12:57"},
}
HOURS: dict[str, Any] = BERLIN | {
    "labels": "hour_ending",
    "columns": {"event_time": "date", "hour": "h", "prices": {"price": "WTI"}},
}
QUOTES: dict[str, Any] = {"resolution": "PT0S"}


def told(found: list[Message | Refused | Unobserved]) -> list[Any]:
    """Of each row: start and price, or line and reason, or that there is no price."""
    return [
        (f"{one.delivery_start:%Y-%m-%d %H:%M}", one.price)
        if isinstance(one, Price)
        else (one.line, one.reason)
        if isinstance(one, Refused)
        else None
        for one in found
    ]


def of_file(config: CsvSource) -> list[Any]:
    return told([check(row) for row in FileSource(config, lambda: NOW).rows(None, None)])


MINUS = ["(5.20)", "5.20-", "\u22125.2", "- 5", "5%"]

FILES: dict[str, tuple[str | bytes, dict[str, Any], list[Any]]] = {
    "a mark of bytes within, where files were put together": (
        "\ufeffdate;price\n2025-01-01;5\n\ufeff2025-01-02;6\n\ufeffdate;price\n",
        {},
        [("2025-01-01 00:00", 5), ("2025-01-02 00:00", 6), (4, "'date' is not an ISO 8601 date or time")],
    ),
    "a mark before a name in quotes": (
        '\ufeff"date";"price"\n"2025-01-01";"5"\n',
        {},
        [("2025-01-01 00:00", 5)],
    ),
    "columns without a name": ("date;;price;\n2025-01-01;;5;\n", {}, [("2025-01-01 00:00", 5)]),
    "units and totals around the rows": (
        "date;price\n;EUR\n2025-01-01;5\nTotal;5\n",
        {},
        [
            (2, "'' is not an ISO 8601 date or time"),
            ("2025-01-01 00:00", 5),
            (4, "'Total' is not an ISO 8601 date or time"),
        ],
    ),
    "a minus in any dress but its own": (
        "date;price\n" + "".join(f"2025-01-0{n + 1};{text}\n" for n, text in enumerate(MINUS)),
        {},
        [(n + 2, f"{text!r} is not a number") for n, text in enumerate(MINUS)],
    ),
    "groups of two digits": (
        "date;price\n2025-01-01;1,00,000.00\n2025-01-02;100,000.00\n",
        {"thousands": ","},
        [(2, "'1,00,000.00' is not a number"), ("2025-01-02 00:00", 100_000)],
    ),
    "marks of no price in other letters and as other numbers": (
        "date;price\n2025-01-01;-999.0\n2025-01-02;-999\n2025-01-03;N/A\n2025-01-04;-9990\n",
        {"no_price": ["-999", "n/a"]},
        [None, None, None, ("2025-01-04 00:00", -9990)],
    ),
    "serials of a sheet with a decimal comma": (
        "date;price\n45444,25;5,5\n45444,5;6\n45444.5;7\n",
        QUOTES | {"decimal": ",", "time_format": "excel_days"},
        [("2024-06-01 06:00", 5.5), ("2024-06-01 12:00", 6), ("2024-06-01 12:00", 7)],
    ),
    "midnight and noon by halves of the day": (
        "date;price\n01/02/2025 12:00 AM;5\n01/02/2025 12:00 PM;6\n01/02/2025 1:00 pm;7\n",
        QUOTES | {"time_format": "%m/%d/%Y %I:%M %p"},
        [("2025-01-02 00:00", 5), ("2025-01-02 12:00", 6), ("2025-01-02 13:00", 7)],
    ),
    "years of two digits": (
        "date;price\n02.01.25;5\n02.01.2025;6\n",
        {"time_format": "%d.%m.%y"},
        [("2025-01-02 00:00", 5), (3, "'02.01.2025' is not %d.%m.%y")],
    ),
    "months in another language": (
        "date;price\n3 März 2025;5\n3 Mar 2025;6\n",
        {"time_format": "%d %b %Y"},
        [(2, "'3 März 2025' is not %d %b %Y"), ("2025-03-03 00:00", 6)],
    ),
    "hours and days that lost their zeros": (
        "date;price\n2025-01-02 100;5\n2025-01-02 1000;6\n2025-01-02 0100;7\n2025-01-2 0100;8\n",
        QUOTES | {"time_format": "%Y-%m-%d %H%M"},
        [
            (2, "'2025-01-02 100' is not %Y-%m-%d %H%M"),
            ("2025-01-02 10:00", 6),
            ("2025-01-02 01:00", 7),
            ("2025-01-02 01:00", 8),
        ],
    ),
    "months that lost theirs": (
        "date;price\n2025112;5\n20251102;6\n",
        {"time_format": "%Y%m%d"},
        [(2, "'2025112' is not %Y%m%d"), ("2025-11-02 00:00", 6)],
    ),
    "a month by its name within a day": (
        "date;price\n2JAN2025  1:05;5\n",
        QUOTES | {"time_format": "%d%b%Y %H:%M"},
        [("2025-01-02 01:05", 5)],
    ),
    "seconds among milliseconds": (
        "date;price\n1717153020;5\n1717153020000;6\n0;7\n",
        QUOTES | {"time_format": "epoch_milliseconds"},
        [
            (2, "'1717153020' is not epoch_milliseconds"),
            ("2024-05-31 10:57", 6),
            ("1970-01-01 00:00", 7),
        ],
    ),
    "offsets of hours alone": (
        "date;price\n2025-10-26 02:00+02;7\n2025-10-26 02:00+01;8\n",
        BERLIN,
        [("2025-10-26 00:00", 7), ("2025-10-26 01:00", 8)],
    ),
    "clocks by their names": (
        "date;price\n26.10.2025 02:00 CEST;7\n26.10.2025 02:00 CET;8\n26.10.2025 02:00UTC;9\n"
        "01.07.2025 12:00 CET;1\n01.07.2025 12:00 EDT;2\n30.03.2025 02:00 CET;3\n01.07.2025 CEST;4\n",
        BERLIN | {"time_format": "%d.%m.%Y %H:%M"},
        [
            ("2025-10-26 00:00", 7),
            ("2025-10-26 01:00", 8),
            ("2025-10-26 02:00", 9),
            (5, "'01.07.2025 12:00 CET': in Europe/Berlin the clock is not called CET then"),
            (6, "'01.07.2025 12:00 EDT': in Europe/Berlin the clock is not called EDT then"),
            (7, "'30.03.2025 02:00 CET': in Europe/Berlin the clock is not called CET then"),
            (8, "'01.07.2025 CEST' is not %d.%m.%Y %H:%M"),
        ],
    ),
    "an offset and a name": (
        "date;price\n2025-10-26 02:00+01:00 CET;8\n2025-10-26 02:00 UTC;9\n",
        BERLIN,
        [
            (2, "'2025-10-26 02:00+01:00 CET': in Europe/Berlin the clock is not called CET then"),
            ("2025-10-26 02:00", 9),
        ],
    ),
    "dates with an offset, as in XML": (
        "date;price\n2025-03-02+01:00;5\n2025-03-03Z;6\n2025-07-04+02:00;7\n",
        {"time_zone": "Europe/Berlin", "time_of_day": "06:00"},
        [("2025-03-02 05:00", 5), ("2025-03-03 06:00", 6), ("2025-07-04 04:00", 7)],
    ),
    "a date and a time with anything between": (
        "date;price\n2025-03-02x10:00;5\n2025-03-02t10:00;6\n2025-03-02-10:00:00;7\n",
        QUOTES,
        [
            (2, "'2025-03-02x10:00' is not an ISO 8601 date or time"),
            ("2025-03-02 10:00", 6),
            (4, "'2025-03-02-10:00:00' is not an ISO 8601 date or time"),
        ],
    ),
    "periods by their start and end": (
        "date;price\n2025-03-02 00:00-01:00;5\n2025-03-02 13:00-14:00;6\n2025-03-02 10:00-05:00;7\n",
        BERLIN,
        [
            (
                line,
                f"{of} is the period's start and end, or an offset that Europe/Berlin has not: have the start"
                " given alone",
            )
            for line, of in ((2, "00:00-01:00"), (3, "13:00-14:00"))
        ]
        + [("2025-03-02 15:00", 7)],
    ),
    "an offset of the zone's own that looks like a period": (
        "date;price\n2025-07-02 04:00-05:00;5\n",
        BERLIN | {"time_zone": "America/Chicago"},
        [("2025-07-02 09:00", 5)],
    ),
    "hours as nobody counts them": (
        "date;h;price\n"
        + "".join(f"2025-01-01;{h};1\n" for h in ["2:00 (2)", "00-01", "0100", "1:00 AM", "h5"]),
        HOURS,
        [
            (2, "hour '2:00 (2)' is no number of an hour"),
            (3, "hour '00-01' is no number of an hour"),
            (
                4,
                "hour '0100' is not within 1 and 24: where the hours of a day are numbered through a clock"
                " change, to 23 or 25, say labels: position",
            ),
            (5, "hour '1:00 AM' is no number of an hour"),
            ("2025-01-01 03:00", 1),
        ],
    ),
    "the second of two hours before the first": (
        "date;h;price\n2025-10-26;3B;2\n2025-10-26;3A;1\n",
        HOURS,
        [("2025-10-26 01:00", 2), ("2025-10-26 00:00", 1)],
    ),
    "symbols filled up with blanks": (
        "date;id;price\n2025-01-01;WTI   ;5\n2025-01-01;W TI;6\n",
        {"columns": {"event_time": "date", "symbol": "id", "price": "price"}},
        [
            ("2025-01-01 00:00", 5),
            (
                3,
                r"Expected `str` matching regex '^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\\n)' - at `$.symbol`"
                " (symbol 'W TI')",
            ),
        ],
    ),
    "quotes behind a blank, and quotes by a backslash": (
        'date;price;note\n2025-01-01; "5";x\n2025-01-02;6;"a \\"b\\" c"\n2025-01-03;7;x\n',
        {},
        [(2, "' \"5\"' is not a number"), (3, "line 3 ';' expected after '\"'"), ("2025-01-03 00:00", 7)],
    ),
    "lines of two systems, one of them within the other": (
        b"date;price\r\n2025-01-01;5\r2025-01-02;6\r\n2025-01-03;7\r\n",
        {},
        [
            (
                2,
                "line 2 new-line character seen in unquoted field - do you need to open the file in"
                " universal-newline mode?",
            ),
            ("2025-01-03 00:00", 7),
        ],
    ),
    "a footer that did not come": (
        "date;price\n2025-01-01;5\n2025-01-02;6\n",
        {"footer_lines": 1},
        [
            ("2025-01-01 00:00", 5),
            (3, "line 3 is a row like all others: is `footer_lines: 1` right?"),
        ],
    ),
    "a footer that came": (
        "date;price\n2025-01-01;5\n1 row;\n",
        {"footer_lines": 1},
        [("2025-01-01 00:00", 5)],
    ),
    "a remark among the rows": (
        "# made today\ndate;price\n# of the second auction\n2025-01-01;5\n",
        {"skip_lines": 1},
        [(3, "line 3 has 1 fields where the header has 2"), ("2025-01-01 00:00", 5)],
    ),
    "a currency by its sign, and pence": (
        "date;price;c\n2025-01-01;5;€\n2025-01-02;5;GBp\n2025-01-03;5;\n",
        {"columns": {"event_time": "date", "currency": "c", "prices": {"price": "WTI"}}, "currency": "EUR"},
        [
            (line, r"Expected `str` matching regex '^[A-Z]{3}$(?!\\n)' - at `$.currency` (symbol 'WTI')")
            for line in (2, 3)
        ]
        + [("2025-01-03 00:00", 5)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_row_gives_the_right_price_or_says_why_it_gives_none(csv_source: Make, kind: str) -> None:
    content, changed, expected = FILES[kind]
    assert of_file(csv_source(content, delimiter=";", **changed)) == expected


@pytest.mark.parametrize(
    ("content", "changed", "words"),
    [
        ("date;price\n2025-01-01;5\n".encode("utf-16"), {}, "has no column 'date', 'price'; it has"),
        (b"PK\x05\x06", {}, "cannot be unpacked"),
        (b"\r\n", {}, "is empty: there is not even a header"),
        (gzip.compress(b"date;price\n2025-01-01;5\n", mtime=0) + b"xx", {}, "cannot be unpacked"),
        (b"BZh91AY&SY", {}, "has no column 'date', 'price'"),
        (b"Date;Price\n2025-01-01;5\n", {}, "has no column 'date', 'price'; it has 'Date', 'Price'"),
        (b"date;price;price \n2025-01-01;5;6\n", {}, "more than one column 'price'"),
        (b"date;price\x00\n2025-01-01;5\n", {}, r"it has 'date', 'price\\x00'"),
    ],
)
def test_a_file_that_is_of_another_kind_is_refused_by_name(
    csv_source: Make, content: bytes, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=rf"\.csv.*{words}"):
        of_file(csv_source(content, delimiter=";", **changed))


def test_files_of_an_archive_that_hold_no_rows_are_left_out_by_name(csv_source: Make) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("out/2025.csv", "date,price\n2025-01-01,5\n")
        archive.writestr("README.txt", "Prices of the year.\n")
    packed = held.getvalue()

    assert of_file(csv_source(packed, members="*.csv")) == [("2025-01-01 00:00", 5)]
    with pytest.raises(SourceError, match=r"README\.txt has no column 'date', 'price'.*Prices of the year"):
        of_file(csv_source(packed))
    with pytest.raises(
        SourceError, match=r"no file '\*\.tsv', but 'out/2025\.csv', 'README\.txt': .*`members`"
    ):
        of_file(csv_source(packed, members="*.tsv"))


def test_dates_as_whole_numbers_and_hours_as_times_are_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    days, hours = [20250701, 20250702, 20250732, 20250703], [clock(1), clock(23), clock(2), clock(2, 30)]
    parquet.write_table(pa.table({"day": days, "h": hours, "price": [5.0, 6.0, 7.0, 8.0]}), path)
    columns = {"event_time": "day", "hour": "h", "prices": {"price": "WTI"}}
    config = ParquetSource.model_validate(
        {"kind": "parquet", "name": "p", "path": path, "market": "power", "columns": columns}
        | BERLIN
        | {"labels": "hour_starting", "time_format": "%Y%m%d"}
    )
    found = told([check(row) for row in FileSource(config, lambda: NOW).rows(None, None)])
    assert found == [
        ("2025-06-30 23:00", 5),
        ("2025-07-02 21:00", 6),
        (0, "20250732 is not %Y%m%d"),
        (0, "hour datetime.time(2, 30) is no number of an hour"),
    ]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("%m/%d/%Y %H:%M %p", "%I with %p"),  # 01:00 PM would be one in the morning
        ("%m/%d/%Y %I:%M", "%I with %p"),
        ("%d.%m.", "'28.03.' would be read as 1900-03-28"),
        ("%Y-%W", "'2024-13' would be read as 2024-01-01"),
        ("%H:%M", "read as 1900-01-01"),
    ],
)
@pytest.mark.parametrize("setting", ["time_format", "published_format"])
def test_a_format_that_reads_another_time_than_is_written_is_refused(
    csv_source: Make, setting: str, written: str, words: str
) -> None:
    columns = {"event_time": "date", "published_at": "known", "prices": {"price": "WTI"}}
    with pytest.raises(ValidationError, match=f"(?s){setting}.*{words}"):
        csv_source("date,price\n", columns=columns, **{setting: written})


@pytest.mark.parametrize(
    "written", ["%Y-%m", "%y%m%d", "%m/%d/%Y %I:%M %p", "%Y%j", "%G-W%V-%u", "%a, %d %b %Y %H:%M:%S %z", "%c"]
)
def test_a_format_that_says_the_day_is_taken(csv_source: Make, written: str) -> None:
    assert csv_source("date,price\n", time_format=written).time_format == written


def asked(api: Api, answer: Answer | Callable[[str, dict[str, str]], Answer], **changed: Any) -> list[Any]:
    api.answer = answer if callable(answer) else lambda _, __: answer
    values: dict[str, Any] = {
        "kind": "http",
        "name": "api",
        "url": f"{api.url}/p",
        "market": "crude",
        "columns": {"event_time": "d", "prices": {"v": "WTI"}},
        "requests_per_second": 1000,
    }
    config = HttpSource.model_validate(values | changed)
    return told([check(row) for row in http.HttpSource(config).rows(None, None)])


ROW = '{"d": "2026-01-01", "v": 1}'
GIVEN = [("2026-01-01 00:00", 1)]


def test_a_mark_of_no_price_is_met_as_a_number_too(api: Api) -> None:
    values = ["-999", "-999.0", '"-999.00"', '"N/A"', "-99"]
    rows = [f'{{"d": "2026-01-0{n + 1}", "v": {value}}}' for n, value in enumerate(values)]
    found = asked(api, (200, {}, f"[{', '.join(rows)}]"), no_price=["-999", "n/a"])
    assert found == [None, None, None, None, ("2026-01-05 00:00", -99)]


XML: dict[str, Any] = {
    "format": "xml",
    "rows": "price",
    "columns": {"event_time": "@d", "prices": {"@v": "WTI"}},
}


@pytest.mark.parametrize("order", ["x:d='2020-01-01' d='2026-01-01'", "d='2026-01-01' x:d='2020-01-01'"])
def test_an_attribute_of_another_name_space_is_not_taken_for_the_elements_own(api: Api, order: str) -> None:
    body = f"<r xmlns:x='urn:x'><price {order} xmlns:v='urn:v' x:v='2' v='1'/></r>"
    assert asked(api, (200, {}, body), **XML) == GIVEN


def test_a_page_of_html_is_no_answer_without_rows(api: Api) -> None:
    with pytest.raises(SourceError, match=r"it is a page of HTML\): <html>.*log in"):
        asked(api, (200, {}, "<html><body>Please log in</body></html>"), **XML)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_packed_answer_without_its_end_is_asked_for_again_and_never_taken_for_all(
    api: Api, form: str
) -> None:
    """Of a table the rows until then would be read, and the last one's price cut."""
    body = f"[{ROW}]" if form == "json" else "d,v\n2026-01-01,1\n"
    whole = gzip.compress(body.encode())
    answers = iter([whole[:-12], whole])
    packed = {"Content-Encoding": "gzip"}
    assert asked(api, lambda *_: (200, packed, next(answers)), format=form) == GIVEN
    with pytest.raises(SourceError, match="/p gave a part of its answer alone"):
        asked(api, (200, packed, whole[:-12]), format=form)
    with pytest.raises(SourceError, match="cannot be reached: DecodingError"):
        asked(api, (200, packed, body), format=form)


@pytest.mark.parametrize("said", ['"success": false', '"ok": false', '"status": "Error"', '"status": "fail"'])
def test_an_answer_without_rows_that_calls_itself_a_failure_is_one(api: Api, said: str) -> None:
    body = f'{{{said}, "message": "no such key", "rows": []}}'
    with pytest.raises(SourceError, match=r"gave no rows and says that it failed: .*no such key"):
        asked(api, (200, {}, body), rows="rows")
    # One with rows has them, whatever its status is of.
    assert asked(api, (200, {}, body.replace("[]", f"[{ROW}]")), rows="rows") == GIVEN
    assert asked(api, (200, {}, '{"success": true, "status": "ok", "rows": []}'), rows="rows") == []


@pytest.mark.parametrize("relations", ["next", "NEXT", "last next", '"next last"'])
def test_the_next_page_is_one_of_a_links_relations(api: Api, relations: str) -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        number = int(query.get("page", "1"))
        link = {"Link": f"</p?page=0>; rel=first, </p?page=2>; rel={relations}"} if number == 1 else {}
        return 200, link, f'[{{"d": "2026-01-0{number}", "v": {number}}}]'

    found = asked(api, answer, paging={"kind": "link"})
    assert found == [("2026-01-01 00:00", 1), ("2026-01-02 00:00", 2)]


def test_a_price_that_is_made_of_elements_is_refused_and_not_run_together(api: Api) -> None:
    """12 and 2 digits behind the point are not 122."""
    rows = "<p d='2026-01-01'><v><n>12</n><digits>2</digits></v></p><p d='2026-01-02'><v>5</v></p>"
    body = f"\n <?xml version='1.0'?><r>{rows}</r>"
    columns = {"event_time": "@d", "prices": {"v": "WTI"}}
    refused, price = asked(api, (200, {}, body), **XML | {"rows": "p", "columns": columns})
    assert "'v' holds elements and no text alone" in refused[1]
    assert price == ("2026-01-02 00:00", 5)


def test_an_error_of_elements_is_one_where_they_say_something(api: Api) -> None:
    row = "<price d='2026-01-01' v='1'/>"
    for nothing in (
        "<error><count>0</count></error>",
        "<error><a/><b>false</b></error>",
        "<error><a/></error>",
    ):
        assert asked(api, (200, {}, f"<r>{nothing}{row}</r>"), **XML) == GIVEN
    with pytest.raises(SourceError, match=r"says that it failed, at 'error'.*late"):
        asked(api, (200, {}, f"<r><error><a/><b>late</b></error>{row}</r>"), **XML)


@pytest.mark.parametrize("flags", [[0.0, 1.0], [float("nan"), 1.0]])
def test_a_flag_may_be_a_number_of_a_column_in_which_some_are_missing(
    tmp_path: Path, flags: list[float]
) -> None:
    path = tmp_path / "prices.parquet"
    times = ["2024-10-27 01:00", "2024-10-27 02:00"]
    parquet.write_table(pa.table({"t": times, "f": flags, "price": [5.0, 6.0]}), path)
    columns = {"event_time": "t", "repeated": "f", "prices": {"price": "WTI"}}
    config = ParquetSource.model_validate(
        {"kind": "parquet", "name": "p", "path": path, "market": "power", "columns": columns} | BERLIN
    )
    found = told([check(row) for row in FileSource(config, lambda: NOW).rows(None, None)])
    assert found == [("2024-10-26 23:00", 5), ("2024-10-27 01:00", 6)]


def warned(api: Api, answer: Any, **changed: Any) -> list[Any]:
    with structlog.testing.capture_logs() as logs:
        asked(api, answer, **changed)
    return [line for line in logs if line["log_level"] == "warning"]


@pytest.mark.parametrize(
    ("setting", "more"),
    [("status", {"withdrawn": ["W"]}), ("currency", {"currency": "EUR"}), ("unit", {"unit": "MWh"})],
)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_field_that_no_row_has_is_told_by_its_setting(
    api: Api, form: str, setting: str, more: dict[str, Any]
) -> None:
    own = "W" if setting == "status" else {"currency": "PLN", "unit": "t"}[setting]
    json_rows = [{"d": "2026-01-01", "v": 1}, {"d": "2026-01-02", "v": 2, "own": own}]
    xml_rows = f"<r><price d='2026-01-01' v='1'/><price d='2026-01-02' v='2' own='{own}'/></r>"
    body = json.dumps(json_rows) if form == "json" else xml_rows
    at, columns = (
        ("", {"event_time": "d", "prices": {"v": "WTI"}}) if form == "json" else ("@", XML["columns"])
    )
    settings = (XML if form == "xml" else {}) | more

    told_of: list[list[Any]] = []
    for path in (f"{at}own", f"{at}owm"):
        told_of.append(warned(api, (200, {}, body), **settings | {"columns": columns | {setting: path}}))
    assert told_of[0] == []
    ((line,),) = told_of[1:]
    assert (line["event"], line["source"], line["rows"]) == ("fields_not_found", "api", 2)
    assert line["fields"] == [f"{setting} at '{at}owm'"]
    assert "`columns`" in line["remedy"]


def test_one_of_several_prices_that_no_row_has_is_told(api: Api) -> None:
    columns = {"event_time": "d", "prices": {"v": "WTI", "w": "BRENT"}}
    (line,) = warned(api, (200, {}, f"[{ROW}]"), columns=columns)
    assert line["fields"] == ["price at 'w'"]


def test_elements_that_are_nowhere_are_told_where_others_are(api: Api) -> None:
    (line,) = warned(api, (200, {}, "<r><price d='2026-01-01' v='1'/></r>"), **XML | {"rows": "prise"})
    assert (line["event"], line["instead"]) == ("rows_not_found", ["price"])
    assert warned(api, (200, {}, "<r/>"), **XML) == []


@pytest.mark.parametrize("kind", ["cursor", "link"])
def test_pages_that_no_answer_names_are_told(api: Api, kind: str) -> None:
    """Else all but the first page is lost, and nobody knows."""
    more: dict[str, Any] = {"rows": "rows", "paging": {"kind": kind, "field": "meta.next"}}
    (line,) = warned(api, (200, {}, f'{{"rows": [{ROW}], "meta": {{"nxt": "x"}}}}'), **more)
    assert (line["event"], line["field"]) == ("paging_field_not_found", "meta.next")
    assert warned(api, (200, {}, f'{{"rows": [{ROW}], "meta": {{"next": null}}}}'), **more) == []
    assert warned(api, (200, {}, '{"rows": []}'), **more) == []


@pytest.mark.parametrize(
    ("body", "changed", "words"),
    [
        (f"{ROW}\n{ROW}\n", {}, "more follows its end"),
        (f"take([{ROW}])", {}, "no list and no object"),
        ('{"data": null}', {"rows": "data.items"}, "gave no list at 'data.items'"),
        ("<r><price d='2026-01-01' v='1'/></r><r/>", XML, "junk after document element"),
        ("<r><price d='2026-01-01' v='1'>&nbsp;</price></r>", XML, "undefined entity"),
        ("", {}, "gave no list"),
    ],
)
def test_an_answer_of_another_form_fails_its_source_with_what_it_is(
    api: Api, body: str, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        asked(api, (200, {}, body), **changed)


@pytest.mark.parametrize(
    "link", ["//evil.example/p", "javascript:alert(1)", "https://127.0.0.1/p", "http://[x"]
)
def test_a_next_page_of_another_place_is_not_asked_for(api: Api, link: str) -> None:
    body = json.dumps({"rows": [json.loads(ROW)], "next": link})
    with pytest.raises(SourceError, match="not followed"):
        asked(api, (200, {}, body), rows="rows", paging={"kind": "link", "field": "next"})
    assert len(api.asked) == 1


def test_what_is_no_time_in_json_is_refused_and_epochs_may_be_text(api: Api) -> None:
    values = ["true", "null", '["2026-01-01"]', '" 1767225600 "', "1767225600.0", "NaN"]
    rows = [f'{{"d": {value}, "v": 1}}' for value in values]
    found = asked(api, (200, {}, f"[{', '.join(rows)}]"), time_format="epoch_seconds")
    assert found[3:5] == GIVEN * 2
    refused = [found[0], found[1], found[2], found[5]]
    assert all(reason.endswith("is not epoch_seconds") for _, reason in refused)
