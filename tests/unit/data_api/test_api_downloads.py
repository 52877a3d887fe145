"""Files without a database: their forms, what they say of themselves, and questions that are refused."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data_api.conftest import SETTINGS, MemoryStore, StaticRegister, _KnownClient, price
from workloads.data_api.app import create_app
from workloads.data_api.downloads import as_arrow, as_parquet, route
from workloads.data_api.downloads.columns import Column
from workloads.data_api.downloads.datasets import DATASETS
from workloads.data_api.downloads.forms import Block, File
from workloads.data_api.downloads.question import last
from workloads.data_api.guard import Guard
from workloads.data_api.problems import Refused
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store, StoreAway

DOWNLOADS = "/v1/downloads"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NASTY = ("=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)", 'a"b,c', "http://x.example", "007", "1e5", "ü")

NEEDED = {
    "prices": {"symbol": "A"},
    "indicators": {"zone": "A", "name": "load"},
    "predictions": {"symbol": "A"},
}


@pytest.fixture
def api(app: OpenAPI) -> FlaskClient:
    return app.test_client()


def table(data: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(data))


def test_parquet_is_typed_and_says_what_it_is(api: FlaskClient, store: MemoryStore) -> None:
    store.found = [
        price(0, -500.0),
        price(1, 0.1) | {"unit": "=MWh", "replayed_from": price(9)["delivery_end"]},
    ]
    answer = api.get(f"{DOWNLOADS}?format=parquet&symbol=DE-LU&as_of=2026-03-05T00:00:00Z")
    assert answer.content_type == "application/vnd.apache.parquet"
    assert answer.headers["X-As-Of"] == "2026-03-05T00:00:00Z"
    found = table(answer.data)
    # To the microsecond, with their zone, and texts as they are: nothing here is a spreadsheet.
    assert found.to_pylist() == store.found
    kinds = {name: str(found.schema.field(name).type) for name in found.schema.names}
    assert kinds["delivery_start"] == "timestamp[us, tz=UTC]"
    assert (kinds["price"], kinds["correction"]) == ("double", "bool")
    assert kinds["symbol"].startswith("dictionary<values=string")
    told = found.schema.field("price").metadata
    assert told == {b"description": b"May be zero or negative.", b"unit": b"`currency` per `unit`"}
    assert not found.schema.field("price").nullable
    whole = {key.decode(): value.decode() for key, value in found.schema.metadata.items()}
    assert whole["carbon.as_of"] == "2026-03-05T00:00:00+00:00"
    assert json.loads(whole["carbon.question"])["symbol"] == "DE-LU"
    columns = api.get(f"{DOWNLOADS}/columns?dataset=prices").get_json()["items"]
    assert json.loads(whole["carbon.columns"]) == columns
    assert [one["name"] for one in columns] == found.schema.names


def test_a_parquet_file_without_rows_has_its_columns(api: FlaskClient) -> None:
    found = table(api.get(f"{DOWNLOADS}?format=parquet&dataset=predictions").data)
    assert found.num_rows == 0
    assert found.schema.names == [one.name for one in DATASETS["predictions"].columns]


def test_a_text_that_is_null_is_none_and_one_that_is_empty_is_empty() -> None:
    columns = [
        Column(name="said", type="text", nullable=True, unit=None, meaning=""),
        Column(name="number", type="number", nullable=True, unit=None, meaning=""),
    ]
    file = File(dataset="prices", columns=columns, as_of=datetime.now(UTC), question="{}", named=True, most=9)
    lines = [b",\n", b'"",1\n', b"x,2\n"]
    assert as_arrow.table(lines, as_arrow.schema(file)).to_pylist() == [
        {"said": None, "number": None},
        {"said": "", "number": 1.0},
        {"said": "x", "number": 2.0},
    ]


def test_parquet_comes_a_row_group_after_the_other_and_a_part_of_it_is_no_file() -> None:
    lines, taken = 2 * 65_536 + 5, 0

    def rows() -> Iterator[bytes]:
        nonlocal taken
        for at in range(lines):
            taken = at + 1
            yield (
                f"S{at % 3},s,m,spot,PT1H,2026-03-01 00:00:00+00,2026-03-01 01:00:00+00,"
                f"2026-02-28 00:00:00.25+00,{at}.5,EUR,t,market,false,,\n"
            ).encode()

    file = File(
        dataset="prices",
        columns=DATASETS["prices"].columns,
        as_of=datetime(2026, 3, 1, tzinfo=UTC),
        question="{}",
        named=True,
        most=1,
    )
    sent, held = b"", []
    for block in as_parquet.blocks(rows(), file):
        held.append((block.rows, taken))
        if block.rows == 5:
            with pytest.raises(pa.ArrowInvalid):
                table(sent + block.data)
        sent += block.data
    # A block is sent before the next row is read.
    assert held == [(65_536, 65_536), (65_536, 131_072), (5, lines), (0, lines)]
    found = table(sent)
    assert found["price"].to_pylist() == [at + 0.5 for at in range(lines)]
    assert found["symbol"].to_pylist()[:4] == ["S0", "S1", "S2", "S0"]
    assert found["published_at"][0].as_py() == datetime(2026, 2, 28, 0, 0, 0, 250_000, tzinfo=UTC)


def cells(data: bytes, sheet: int = 1) -> list[dict[str, tuple[str, str]]]:
    """Rows of a sheet, column letters → type and text of a cell; a formula fails."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert book.testzip() is None
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
        assert not [name for name in book.namelist() if "rels" in name and "sheet" in name]
    assert root.find(f".//{SHEET}f") is None
    rows: list[dict[str, tuple[str, str]]] = []
    for row in root.iter(f"{SHEET}row"):
        found: dict[str, tuple[str, str]] = {}
        for cell in row.iter(f"{SHEET}c"):
            letter = cell.attrib["r"].rstrip("0123456789")
            found[letter] = (cell.attrib.get("t", "n"), "".join(cell.itertext()))
        rows.append(found)
    return rows


def test_a_spreadsheet_has_dates_numbers_and_texts_and_no_formula(
    api: FlaskClient, store: MemoryStore
) -> None:
    store.found = [price(at, float(at)) | {"unit": text} for at, text in enumerate(NASTY)]
    answer = api.get(f"{DOWNLOADS}?format=xlsx")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="prices.xlsx"'
    head, *rows = cells(answer.data)
    names = {text: letter for letter, (_, text) in head.items()}
    assert len(rows) == len(NASTY)
    assert [row[names["unit"]] for row in rows] == [("inlineStr", text) for text in NASTY]
    assert [row[names["price"]] for row in rows] == [("n", str(at)) for at in range(len(NASTY))]
    kind, day = rows[1][names["delivery_start (UTC)"]]
    assert kind == "n"
    assert datetime(1899, 12, 30, tzinfo=UTC) + timedelta(days=float(day)) == pytest.approx(
        price(1)["delivery_start"], abs=timedelta(milliseconds=1)
    )
    assert rows[0][names["correction"]] == ("b", "0")
    assert names["replayed_from (UTC)"] not in rows[0]
    said = [[text for _, text in row.values()] for row in cells(answer.data, 2)]
    assert ["price", "number", "`currency` per `unit`", "May be zero or negative."] in said


def test_one_row_more_than_a_spreadsheet_may_have_is_refused(register: StaticRegister) -> None:
    store = MemoryStore()
    app = create_app(
        DataApiSettings.model_validate(SETTINGS.model_dump() | {"xlsx_rows": 3}),
        cast("Store", store),
        Guard(register),
    )
    app.test_client_class = _KnownClient
    api = app.test_client()
    store.found = [price(hour) for hour in range(3)]
    assert api.get(f"{DOWNLOADS}?format=xlsx", buffered=True).status_code == 200
    store.found.append(price(3))
    refused = api.get(f"{DOWNLOADS}?format=xlsx")
    assert refused.status_code == 422
    told = refused.get_json()
    assert "the 3 rows" in told["detail"]
    assert "parquet" in told["remedy"]
    # Its turn is not lost.
    assert api.get(f"{DOWNLOADS}?format=csv", buffered=True).data.count(b"\n") == 5


def test_every_column_says_what_it_is(api: FlaskClient) -> None:
    for dataset in DATASETS:
        for one in api.get(f"{DOWNLOADS}/columns?dataset={dataset}").get_json()["items"]:
            assert one["meaning"], (dataset, one["name"])
            assert one["unit"] is not None or one["type"] in ("text", "boolean", "integer"), one["name"]
        asked = api.get(f"/v1/{dataset}", query_string={"format": "csv"} | NEEDED[dataset])
        assert asked.text.splitlines()[0].split(",") == [one.name for one in DATASETS[dataset].columns]
    assert api.get(f"{DOWNLOADS}/columns?format=csv").text.startswith("name,type,nullable,unit,meaning")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"dataset": "curves"}, "dataset"),
        ({"dataset": "indicators", "symbol": "A"}, "symbol"),
        ({"zone": "DE-LU"}, "zone"),
        ({"dataset": "predictions", "kind": "actual"}, "kind"),
        ({"dataset": "predictions", "revisions": "all"}, "revisions"),
        ({"after": "x"}, "as_of"),
        ({"after": "x", "as_of": "2026-03-01T00:00:00Z"}, "after"),
        ({"after": "x", "as_of": "2026-03-01T00:00:00Z", "format": "parquet"}, "after"),
        ({"after": "x,\0" * 7, "as_of": "2026-03-01T00:00:00Z"}, "after"),
        ({"after": "", "as_of": "2026-03-01T00:00:00Z"}, "after"),
        ({"limit": "5"}, "limit"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(api: FlaskClient, query: dict[str, Any], field: str) -> None:
    refused = api.get(DOWNLOADS, query_string=query)
    assert refused.status_code == 422, refused.text
    assert [one["field"] for one in refused.get_json()["errors"]] == [field]
    assert refused.get_json()["remedy"]


def test_what_goes_on_has_no_line_of_names_and_what_is_new_has(api: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(0), price(1)]
    first = api.get(f"{DOWNLOADS}?as_of=2026-03-05T00:00:00Z")
    assert "header=present" in first.content_type
    names, one, _ = first.text.splitlines()
    assert names == ",".join(price(0))
    store.found = store.found[1:]
    rest = api.get(DOWNLOADS, query_string={"as_of": first.headers["X-As-Of"], "after": one})
    assert "header=absent" in rest.content_type
    assert rest.text.splitlines() == first.text.splitlines()[2:]
    assert store.asked[-1]["after_delivery_start"] == price(0)["delivery_start"]
    assert "after_published_at" not in store.asked[-1]
    store.found = []
    assert api.get(DOWNLOADS, query_string={"as_of": "2026-03-05T00:00:00Z", "after": one}).data == b""


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))


@given(source=TEXTS, symbol=TEXTS, start=TIMES, published=TIMES, unit=TEXTS)
def test_the_key_of_a_row_is_read_from_its_line(
    source: str, symbol: str, start: datetime, published: datetime, unit: str
) -> None:
    row = price(0) | {
        "source": source,
        "symbol": symbol,
        "unit": unit,
        "delivery_start": start,
        "published_at": published,
    }
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="").writerow(
        one.isoformat() if isinstance(one, datetime) else one for one in row.values()
    )
    found = last(line.getvalue(), DATASETS["prices"], list(row)[:8])
    assert found == {name: row[name] for name in list(row)[:8]}


@given(st.text(max_size=300))
def test_no_line_but_a_row_is_taken(line: str) -> None:
    with pytest.raises(Refused):
        last(line, DATASETS["prices"], ["source", "delivery_start"])


def test_a_turn_is_given_back_though_its_end_fails() -> None:
    class Source:
        def close(self) -> None:
            raise StoreAway("lost while it was being closed")

    ended: list[tuple[int, int]] = []
    sent = route._Sent(cast("Any", Source()), lambda: iter([Block(b"a", 1)]), lambda *of: ended.append(of))
    assert next(sent) == b"a"
    with pytest.raises(StoreAway):
        sent.close()
    assert ended == [(1, 1)]
