"""The API source, against a real server on this machine."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import stamina
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from tests.unit.price_pipeline.api import Answer, Api
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import HttpSource as Config
from workloads.kit.contracts.sources.paths import at, parts
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources import Incomplete, SourceError, json_document
from workloads.price_pipeline.sources.http import HttpSource
from workloads.price_pipeline.sources.json_document import Document
from workloads.price_pipeline.sources.pace import Pace, retry_after

ROWS = ['{"d": "2026-01-01", "v":  10.50}', '{"d": "2026-01-02", "v": "11"}', '{"d": "2026-01-03", "v": -1}']


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    with stamina.set_testing(True, attempts=4, cap=True):
        yield server
    server.close()


def source(api: Api, **changed: Any) -> HttpSource:
    values: dict[str, Any] = {
        "kind": "http",
        "name": "api",
        "url": f"{api.url}/v1/prices",
        "market": "crude",
        "columns": {"event_time": "d", "prices": {"v": "WTI"}},
        "requests_per_second": 1000,
    }
    return HttpSource(Config.model_validate(values | changed))


def prices(source: HttpSource, since: datetime | None = None, until: datetime | None = None) -> list[float]:
    found = [check(row) for row in source.rows(since, until)]
    return [price.price for price in found if isinstance(price, Price)]


def page(rows: list[str]) -> str:
    return f"[{','.join(rows)}]"


def test_rows_keep_their_own_bytes_and_are_found_by_path(api: Api) -> None:
    items = ['{"at": {"day": "2026-01-01"}, "of": "WTI", "bids": [ {"p": 10.50} ]}', '{"at": {}}', "7"]
    api.answer = lambda _, __: (200, {}, f'{{"response": {{"data": [{", ".join(items)}]}}}}')
    columns = {"event_time": "at.day", "symbol": "of", "price": "bids.0.p"}

    rows = list(source(api, rows="response.data", columns=columns).rows(None, None))

    assert [row.raw.decode() for row in rows] == items
    sound, lacking, number = map(check, rows)
    assert isinstance(sound, Price)
    assert (sound.symbol, sound.price) == ("WTI", 10.5)
    assert isinstance(lacking, Refused)
    assert "'of' of 'of'" in lacking.reason or "'day' of 'at.day'" in lacking.reason
    assert isinstance(number, Refused)


def paged(limit: int, *, total: bool = False, first: int = 1) -> Any:
    """A server that gives pages by number or by offset, never more than `limit` rows of one."""

    def answer(_: str, query: dict[str, str]) -> Answer:
        asked = int(query.get("per_page") or query["length"])
        skipped = int(query["offset"]) if "offset" in query else (int(query["page"]) - first) * limit
        rows = page(ROWS[skipped:][: min(limit, asked)])
        return 200, {}, f'{{"rows": {rows}, "count": "{len(ROWS)}"}}' if total else rows

    return answer


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_page_shorter_than_asked_is_not_the_last_but_an_empty_one_is(api: Api, size: int) -> None:
    api.answer = paged(limit=min(2, size))

    for kind, parameter in (("page", "per_page"), ("offset", "length")):
        api.asked.clear()
        assert prices(source(api, paging={"kind": kind, "size": size})) == [10.5, 11.0, -1.0]
        assert {query[parameter] for _, query, _ in api.asked} == {str(size)}


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_where_an_answer_says_how_many_rows_there_are_none_is_asked_for_behind_them(
    api: Api, kind: str
) -> None:
    api.answer = paged(limit=2, total=True)
    counted = source(api, rows="rows", paging={"kind": kind, "total": "count"})

    assert prices(counted) == [10.5, 11.0, -1.0]
    assert len(api.asked) == 2

    api.answer = lambda _, query: (200, {}, '{"rows": [], "count": 3}')
    with pytest.raises(SourceError, match="gave 0 rows of 3 and then none"):
        prices(counted)
    api.answer = lambda _, query: (200, {}, '{"rows": [{"d": "2026-01-01", "v": 1}]}')
    with pytest.raises(SourceError, match=r"no number of rows at paging\.total 'count'"):
        prices(counted)


def test_a_status_can_mean_that_there_are_no_more_rows(api: Api) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        if query["page"] == "3":
            return 404, {}, '{"detail": "Invalid page."}'
        return paged(limit=2)(path, query)

    api.answer = answer
    paging = {"kind": "page"}

    with pytest.raises(SourceError, match=r"answered 404 Not Found.*Invalid page"):
        prices(source(api, paging=paging))
    assert prices(source(api, paging=paging, no_rows_statuses=[404])) == [10.5, 11.0, -1.0]
    api.answer = lambda _, __: (204, {}, "")
    assert prices(source(api)) == []


def test_pages_by_cursor_end_without_one(api: Api) -> None:
    pages = {None: (ROWS[:1], '"x"'), "x": (ROWS[1:2], '"y"'), "y": (ROWS[2:], "null")}

    def answer(_: str, query: dict[str, str]) -> Answer:
        rows, following = pages[query.get("after")]
        return 200, {}, f'{{"rows": {page(rows)}, "meta": {{"next": {following}}}}}'

    api.answer = answer
    paging = {"kind": "cursor", "parameter": "after", "field": "meta.next"}

    assert prices(source(api, rows="rows", paging=paging, parameters={"unit": "bbl"})) == [10.5, 11.0, -1.0]
    assert [query["unit"] for _, query, _ in api.asked] == ["bbl"] * 3


@pytest.mark.parametrize("field", [None, "next"])
def test_pages_by_link_carry_the_key_and_are_followed_on_the_same_host_only(
    api: Api, tmp_path: Path, field: str | None
) -> None:
    (tmp_path / "key").write_text("s3cret\n")

    def answer(path: str, query: dict[str, str]) -> Answer:
        number = int(query.get("p", "0"))
        link = f"/v1/prices?p={number + 1}" if number < 2 else ""
        body = page(ROWS[number : number + 1])
        if field:
            return 200, {}, f'{{"rows": {body}, "next": "{link}"}}'
        return 200, {"Link": f'<{link}>; rel="next"'} if link else {}, f'{{"rows": {body}}}'

    api.answer = answer
    secret = {"file": tmp_path / "key", "parameter": "api_key"}
    followed = source(api, rows="rows", paging={"kind": "link", "field": field}, secret=secret)

    assert prices(followed) == [10.5, 11.0, -1.0]
    assert [query["api_key"] for _, query, _ in api.asked] == ["s3cret"] * 3

    api.answer = lambda _, __: (
        200,
        {"Link": '<http://evil.example/>; rel="next"'},
        '{"rows": [], "next": "http://evil.example/"}',
    )
    with pytest.raises(SourceError, match=r"evil\.example.*not followed"):
        prices(followed)


LOOPS: dict[str, tuple[dict[str, Any], dict[str | None, str]]] = {
    "a cursor that stays": ({"kind": "cursor", "field": "next"}, {None: "x", "x": "x"}),
    "cursors that alternate": ({"kind": "cursor", "field": "next"}, {None: "x", "x": "y", "y": "x"}),
    "a link to itself": ({"kind": "link", "field": "next"}, {None: "/v1/prices"}),
    "a link to the first": (
        {"kind": "link", "field": "next"},
        {None: "/v1/prices?cursor=x", "x": "/v1/prices"},
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_pages_that_go_round_end_at_the_first_that_comes_again(api: Api, loop: str) -> None:
    paging, following = LOOPS[loop]

    def answer(_: str, query: dict[str, str]) -> Answer:
        asked = query.get("cursor")
        row = ROWS[list(following).index(asked)]
        return 200, {}, f'{{"rows": [{row}], "next": "{following[asked]}"}}'

    api.answer = answer
    given: list[object] = []
    with pytest.raises(Incomplete, match=r"/v1/prices: page \d is one that was read before.*go round"):
        given.extend(row.price for row in source(api, rows="rows", paging=paging).rows(None, None))
    assert given == [10.5, "11", -1][: len(following)]
    assert len(api.asked) == len(following)


def test_a_server_that_gives_one_page_for_all_is_noticed(api: Api) -> None:
    api.answer = lambda _, query: (200, {}, page(ROWS))

    with pytest.raises(Incomplete, match=r"page 2 has the rows of page 1.*Correct `paging`"):
        prices(source(api, paging={"kind": "page", "size": 3}))
    assert len(api.asked) == 2


def test_endless_pages_are_an_error(api: Api) -> None:
    api.answer = lambda _, query: (200, {}, f'{{"rows": [], "next": "{len(api.asked)}"}}')
    paging = {"kind": "cursor", "field": "next"}

    with pytest.raises(SourceError, match="max_pages=5"):
        prices(source(api, rows="rows", paging=paging, max_pages=5))


def test_the_range_is_asked_for(api: Api) -> None:
    asking = source(api, since_parameter="from", until_parameter="to", range_format="%Y%m%d")

    prices(asking, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC))
    prices(asking)

    assert [query for _, query, _ in api.asked] == [{"from": "20260102", "to": "20260203"}, {}]


@pytest.mark.parametrize(("form", "written"), [("epoch_seconds", "60"), ("epoch_milliseconds", "60000")])
def test_a_range_can_be_asked_for_in_seconds(api: Api, form: str, written: str) -> None:
    prices(source(api, since_parameter="from", range_format=form), datetime(1970, 1, 1, 0, 1, tzinfo=UTC))

    assert [query for _, query, _ in api.asked] == [{"from": written}]


def test_the_key_goes_into_its_header_and_is_read_anew_for_each_run(api: Api, tmp_path: Path) -> None:
    key = tmp_path / "key"
    asking = source(api, secret={"file": key, "header": "Authorization", "prefix": "Bearer "})
    for value in ("one", "two\n"):
        key.write_text(value)
        prices(asking)

    assert [headers["Authorization"] for _, _, headers in api.asked] == ["Bearer one", "Bearer two"]


def test_a_missing_key_is_named(api: Api, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"secret\.file .*key"):
        prices(source(api, secret={"file": tmp_path / "key", "header": "X-Key"}))


@pytest.mark.parametrize("failure", [(503, {"Retry-After": "1"}, ""), (429, {}, ""), (500, {}, "oops")])
def test_a_failure_that_passes_is_tried_again(api: Api, failure: Answer) -> None:
    answers = iter([failure, failure, (200, {}, page(ROWS))])
    api.answer = lambda _, __: next(answers)

    assert len(prices(source(api))) == 3
    assert len(api.asked) == 3


def test_a_failure_that_stays_is_named_without_the_key(api: Api, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret")
    api.answer = lambda _, __: (503, {"Retry-After": "2"}, "")

    with pytest.raises(SourceError, match=r"/v1/prices answered 503.*after 2") as raised:
        prices(source(api, secret={"file": tmp_path / "key", "parameter": "api_key"}))
    assert len(api.asked) == 4
    assert "s3cret" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("failure", [(401, {}, ""), (404, {}, ""), (302, {"Location": "/x"}, "")])
def test_a_refusal_is_not_tried_again(api: Api, failure: Answer) -> None:
    api.answer = lambda _, __: failure

    with pytest.raises(SourceError, match=f"answered {failure[0]}"):
        prices(source(api))
    assert len(api.asked) == 1


def test_a_server_that_asks_for_too_long_a_wait_fails_the_source(api: Api) -> None:
    api.answer = lambda _, __: (429, {"Retry-After": "3600"}, "")

    with pytest.raises(SourceError, match="try again after 3600"):
        prices(source(api, retry_wait_max_seconds=30))
    assert len(api.asked) == 1


def test_a_server_that_is_away_is_named(api: Api) -> None:
    away = source(api)
    api.close()

    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1/v1/prices cannot be reached: ConnectError"):
        prices(away)


@pytest.mark.parametrize(
    "body", ["<html>", '{"rows": 5}', '{"row": []}', '{"rows": {}}', '{"rows": [{"v": 1}', '{"rows": []} x']
)
def test_an_answer_of_another_shape_is_an_error_that_shows_it(api: Api, body: str) -> None:
    api.answer = lambda _, __: (200, {}, body)

    with pytest.raises(SourceError, match=r"gave no list at 'rows' \(.*\): " + re.escape(body)):
        prices(source(api, rows="rows"))


@pytest.mark.parametrize("said", ['"no such key"', '{"code": 7}', '["late"]', "true"])
def test_an_answer_that_says_that_it_failed_is_no_success_without_rows(api: Api, said: str) -> None:
    api.answer = lambda _, __: (200, {}, f'{{"rows": [], "error": {said}}}')

    with pytest.raises(SourceError, match=f"says that it failed, at 'error': .*{re.escape(said)}"):
        prices(source(api, rows="rows"))
    unsaid = '"error": null, "errors": []'
    api.answer = lambda _, __: (200, {}, f'{{"rows": [], {unsaid}, "meta": {{"e": {said}}}}}')
    assert prices(source(api, rows="rows")) == []
    with pytest.raises(SourceError, match=r"at 'meta\.e'"):
        prices(source(api, rows="rows", errors=["meta.e"]))


def test_what_an_error_shows_of_an_answer_has_no_key_in_it(api: Api, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("top-secret-key")
    body = "x" * 190 + " bad api key: top-secret-key"
    secret = {"file": tmp_path / "key", "parameter": "k"}
    for status in (200, 401):
        api.answer = lambda _, __, status=status: (status, {}, body)
        with pytest.raises(SourceError, match="xxx") as raised:
            prices(source(api, secret=secret))
        assert "top-s" not in str(raised.value)


SPOILT = [
    "NaN",
    "-Infinity",
    '"\\ud800"',
    '"a\nb"',
    "01",
    ".5",
    "[" * 5000 + "]" * 5000,
    "9" * 5000,
    "1e999",
    '"} ] , \\" ["',
    "tru",
]


@pytest.mark.parametrize("cell", SPOILT, ids=lambda cell: cell[:12])
def test_whatever_one_cell_holds_the_other_rows_are_read(api: Api, cell: str) -> None:
    spoilt = f'{{"d": "2026-01-02", "v": {cell}}}'
    api.answer = lambda _, __: (200, {}, f'{{"rows": [{ROWS[0]}, {spoilt} , {ROWS[2]}]}}')

    first, refused, last = source(api, rows="rows").rows(None, None)

    assert [price.price for price in map(check, (first, last)) if isinstance(price, Price)] == [10.5, -1.0]
    assert isinstance(check(refused), Refused)
    assert refused.raw == spoilt.encode()
    assert (first.raw, last.raw) == (ROWS[0].encode(), ROWS[2].encode())


def test_not_a_number_spoils_its_column_alone(api: Api) -> None:
    api.answer = lambda _, __: (200, {}, '[{"t": "2026-01-01", "a": NaN, "b": 2}]')

    a, b = map(
        check, source(api, columns={"event_time": "t", "prices": {"a": "A", "b": "B"}}).rows(None, None)
    )

    assert isinstance(a, Refused)
    assert "nan is not finite" in a.reason
    assert isinstance(b, Price)


def test_a_price_that_a_row_leaves_out_is_none_observed(api: Api) -> None:
    rows = ['{"t": "2026-01-01", "b": 1}', '{"t": "2026-01-02", "a": 2}', '{"t": "2026-01-03"}', '{"a": 3}']
    api.answer = lambda _, __: (200, {}, page(rows))
    wide = source(api, columns={"event_time": "t", "prices": {"a": "A", "b": "B"}})

    found = [check(row) for row in wide.rows(None, None)]

    assert [type(result).__name__[0] for result in found] == [*"UP", *"PU", *"UU", *"RR"]
    assert [(p.symbol, p.price) for p in found if isinstance(p, Price)] == [("B", 1.0), ("A", 2.0)]


def test_a_price_is_withdrawn_by_a_null_and_not_by_a_field_that_a_row_leaves_out(api: Api) -> None:
    rows = ['{"t": "2026-01-01", "a": null}', '{"t": "2026-01-02", "b": 2}']
    api.answer = lambda _, __: (200, {}, page(rows))
    wide = source(api, columns={"event_time": "t", "prices": {"a": "A", "b": "B"}}, withdrawn=[""])
    found = [check(row) for row in wide.rows(None, None)]
    assert [getattr(one, "withdrawn", "unobserved") for one in found] == [
        "source",
        "unobserved",
        "unobserved",
        None,
    ]


def test_an_answer_in_which_all_is_withdrawn_needs_no_price(api: Api) -> None:
    api.answer = lambda _, __: (200, {}, page(['{"t": "2026-01-01", "state": "A13"}']))
    columns = {"event_time": "t", "status": "state", "prices": {"a": "A"}}
    [found] = [check(row) for row in source(api, columns=columns, withdrawn=["A13"]).rows(None, None)]
    assert isinstance(found, Price)
    assert found.withdrawn == "source"


def test_a_field_that_no_row_has_is_a_wrong_setting(api: Api) -> None:
    api.answer = lambda _, __: (200, {}, page(ROWS))

    with pytest.raises(SourceError, match="of 3 rows none has a field 'value': correct `columns`"):
        prices(source(api, columns={"event_time": "d", "prices": {"value": "WTI"}}))


def test_a_name_with_a_dot_is_quoted_and_rows_may_stand_under_their_times(api: Api) -> None:
    body = '\ufeff{"Series (Daily)": {"2026-01-01": {"4. close": "1.5"}, "2026-01-02": {"4. close": "2"}}}'
    api.answer = lambda _, __: (200, {}, body)
    keyed = source(
        api,
        rows="Series (Daily)",
        row_key="day",
        columns={"event_time": "day", "prices": {'"4. close"': "WTI"}},
    )

    rows = list(keyed.rows(None, None))

    assert [(row.event_time, row.price) for row in rows] == [("2026-01-01", "1.5"), ("2026-01-02", "2")]
    assert rows[0].raw == b'"2026-01-01": {"4. close": "1.5"}'
    api.answer = lambda _, __: (200, {}, '{"2026-01-01": 7}')
    assert prices(source(api, row_key="d", columns={"event_time": "d", "prices": {"value": "W"}})) == [7.0]


def test_rows_may_be_lists_or_columns(api: Api) -> None:
    api.answer = lambda _, __: (200, {}, "[[1767225600, 5], [1767229200, 6]]")
    listed = source(api, columns={"event_time": "0", "prices": {"1": "A"}}, time_format="epoch_seconds")
    assert prices(listed) == [5.0, 6.0]

    columnar = source(
        api,
        rows="hourly",
        columnar=True,
        columns={"event_time": "time", "prices": {"price": "A"}},
        time_format="epoch_seconds",
    )
    api.answer = lambda _, __: (200, {}, '{"hourly": {"time": [1767225600, 1767229200], "price": [NaN, 8]}}')
    nan, price = map(check, columnar.rows(None, None))
    assert isinstance(nan, Refused)
    assert isinstance(price, Price)
    assert (price.price, price.delivery_start) == (8.0, datetime(2026, 1, 1, 1, tzinfo=UTC))
    for lists, words in (
        ('{"time": [1, 2], "price": [8]}', "differ in length"),
        ('{"time": 1, "price": [8]}', "'time' is no list"),
        ('{"time": [1]}', "'price' of 'price'"),
    ):
        api.answer = lambda _, __, lists=lists: (200, {}, f'{{"hourly": {lists}}}')
        with pytest.raises(SourceError, match=words):
            prices(columnar)


def test_the_body_is_read_in_the_encoding_that_the_server_names(api: Api) -> None:
    body = '[{"d": "2026-01-01", "id": "ZÜRICH", "v": 1}]'.encode("latin-1")
    api.answer = lambda _, __: (200, {"Content-Type": "application/json; charset=iso-8859-1"}, body)

    (row,) = source(api, columns={"event_time": "d", "symbol": "id", "price": "v"}).rows(None, None)

    assert row.symbol == "ZÜRICH"


def test_the_source_s_own_names_of_symbols_are_mapped(api: Api) -> None:
    names = ['"CL=F"', '" FR "', '"X"', "7", "true"]
    api.answer = lambda _, __: (200, {}, page([f'{{"d": "2026-01-01", "id": {n}, "v": 1}}' for n in names]))
    mapped = source(
        api,
        columns={"event_time": "d", "symbol": "id", "price": "v"},
        symbols={"CL=F": "WTI", "FR": "POWER-FR", "7": "SEVEN"},
    )

    assert [row.symbol for row in mapped.rows(None, None)] == ["WTI", "POWER-FR", "X", "SEVEN", True]


def csv_of(rows: list[tuple[str, float]]) -> bytes:
    return b"d;v\n" + "".join(f"{day};{price}\n" for day, price in rows).encode()


def zip_of(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.csv"), content)
    return held.getvalue()


def parquet_of(rows: list[tuple[str, float]]) -> bytes:
    held = io.BytesIO()
    parquet.write_table(pa.table({"d": [day for day, _ in rows], "v": [price for _, price in rows]}), held)
    return held.getvalue()


JANUARY, FEBRUARY = [("2026-01-01", 1.0), ("2026-01-02", -2.0)], [("2026-02-01", 3.0)]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("csv", csv_of(JANUARY + FEBRUARY)),
        ("csv", gzip.compress(csv_of(JANUARY + FEBRUARY), mtime=0)),
        ("csv", zip_of(a=csv_of(JANUARY), b=csv_of(FEBRUARY))),
        ("csv", b"as of today\n" + csv_of(JANUARY + FEBRUARY)),
        ("parquet", parquet_of(JANUARY + FEBRUARY)),
    ],
)
def test_an_answer_may_be_a_file(api: Api, form: str, body: bytes) -> None:
    api.answer = lambda _, __: (200, {"Content-Type": "text/plain; charset=latin-1"}, body)
    layout = {"delimiter": ";", "skip_lines": int(body.startswith(b"as of"))}

    assert prices(source(api, format=form, csv=layout)) == [1.0, -2.0, 3.0]


def test_pages_of_files_are_counted_by_their_rows(api: Api) -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        rows = (JANUARY + FEBRUARY)[int(query["offset"]) :][:2]
        return 200, {}, csv_of(rows) if rows else b""

    api.answer = answer
    assert prices(source(api, format="csv", csv={"delimiter": ";"}, paging={"kind": "offset"})) == [
        1.0,
        -2.0,
        3.0,
    ]
    assert [query["offset"] for _, query, _ in api.asked] == ["0", "2", "3"]


def test_a_file_that_is_none_is_named(api: Api) -> None:
    api.answer = lambda _, __: (200, {}, '{"error": "no such key"}')

    with pytest.raises(SourceError, match=r"/v1/prices has no column 'd', 'v'.*no such key"):
        prices(source(api, format="csv"))
    with pytest.raises(SourceError, match="/v1/prices cannot be read"):
        prices(source(api, format="parquet"))
    with pytest.raises(ValidationError, match=r"csv has no paging\.field, rows: only JSON and XML have"):
        source(api, format="csv", rows="data", paging={"kind": "cursor", "field": "next"})


def test_statuses_can_be_tried_again(api: Api) -> None:
    answers = iter([(403, {}, ""), (520, {}, ""), (200, {}, page(ROWS))])
    api.answer = lambda _, __: next(answers)

    assert len(prices(source(api, retried_statuses=[403, 520]))) == 3


def test_requests_are_spaced() -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(4, clock=lambda: now[0], sleep=sleep)
    pace.wait()
    pace.wait()
    now[0] += 0.1
    pace.wait()
    now[0] += 60
    pace.wait()

    assert slept == pytest.approx([0.25, 0.15])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("17", 17.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 11, 21, 12, tzinfo=UTC)) == seconds


NAMES = st.text(min_size=1)


@given(st.lists(NAMES, max_size=4))
def test_every_name_can_be_written_in_a_path(names: list[str]) -> None:
    quoted = ".".join('"' + name.replace('"', '""') + '"' for name in names)

    assert parts(quoted) == tuple(names)


@pytest.mark.parametrize("path", [".", "a.", ".a", "a..b", '"a', '"a"b', '"a"b.c', '""a"'])
def test_what_is_no_path_is_refused_by_the_settings(api: Api, path: str) -> None:
    with pytest.raises(ValidationError, match="is no path"):
        source(api, rows=path)
    with pytest.raises(ValidationError, match="is no path"):
        source(api, columns={"event_time": "d", "prices": {path: "WTI"}})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda held: st.lists(held) | st.dictionaries(st.text(), held),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.sampled_from([None, 2]), st.booleans())
def test_a_spoilt_neighbour_changes_nothing_of_what_is_read(
    held: list[Any] | dict[str, Any], indent: int | None, ascii: bool
) -> None:
    text = json.dumps(held, indent=indent, ensure_ascii=ascii)
    spoilt = '{"spoilt": [NaN, "\\ud800"], "held": ' + text + "}"

    document = Document(spoilt.encode("utf-8", "surrogatepass"))

    assert document.value("held") == held
    members = document.members("held")
    assert isinstance(members, dict) == isinstance(held, dict)
    if isinstance(held, dict) and isinstance(members, dict):
        members, held = [*map(str, members), *members.values()], [*held, *held.values()]
    assert [json_document.value(m) if isinstance(m, bytes) else m for m in members] == held


def test_a_path_that_leads_nowhere_names_its_part() -> None:
    with pytest.raises(LookupError, match=r"'b' of 'a\.b'"):
        at({"a": [1]}, "a.b")


@pytest.mark.parametrize("body", ['{"data": null}', '{"data":null, "total": 0}', '{"data": [ ]}'])
def test_nothing_at_the_rows_is_an_empty_list_as_some_servers_write_it(api: Api, body: str) -> None:
    api.answer = lambda _, __: (200, {}, body)
    assert prices(source(api, rows="data")) == []


@pytest.mark.parametrize("end", ["null", '""', "false"])
def test_a_cursor_ends_by_null_nothing_or_false(api: Api, end: str) -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        after, row = ('"x"', ROWS[0]) if "after" not in query else (end, ROWS[1])
        return 200, {}, f'{{"data": [{row}], "next": {after}}}'

    api.answer = answer
    cursor = {"kind": "cursor", "parameter": "after", "field": "next"}
    assert prices(source(api, rows="data", paging=cursor)) == [10.5, 11]
    assert len(api.asked) == 2


def test_pages_go_round_too_where_each_row_says_when_it_was_asked_for(api: Api) -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        number = int(query["page"])
        at = f"2026-01-0{1 + (number - 1) % 3}"
        return 200, {}, f'[{{"d": "{at}", "v": {number % 3}, "asked": "{len(api.asked)}"}}]'

    api.answer = answer
    found: list[Any] = []
    with pytest.raises(Incomplete, match="page 4 has the rows of page 1"):
        found.extend(source(api, paging={"kind": "page", "size": 1}).rows(None, None))
    assert len(api.asked) == 4
    assert [row.price for row in found] == [1, 2, 0]


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-15", "utf-16", "us-ascii"])
def test_xml_is_read_in_the_encoding_that_it_states(api: Api, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><r><p d="2026-01-01" n="Z&#252;rich"><v>5</v></p></r>'
    api.answer = lambda _, __: (200, {"Content-Type": "application/xml"}, text.encode(encoding))
    columns = {"event_time": "@d", "prices": {"v": "WTI"}}
    assert prices(source(api, format="xml", rows="p", columns=columns)) == [5]
