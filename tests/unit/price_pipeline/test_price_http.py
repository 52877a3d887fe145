"""The JSON API source, against a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from workloads.kit.contracts.messages import Price
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.config import HttpSource as Config
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.http import HttpSource, _Pace, at, retry_after

Answer = tuple[int, dict[str, str], str]
ROWS = ['{"d": "2026-01-01", "v":  10.50}', '{"d": "2026-01-02", "v": "11"}', '{"d": "2026-01-03", "v": -1}']


class Api:
    """Answers by a function of (path, query, headers), and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda _, __: (200, {}, "[]")
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                api.asked.append((parts.path, query, dict(self.headers)))
                status, headers, body = api.answer(parts.path, query)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body.encode()))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


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


def test_pages_by_number_end_with_a_short_one(api: Api) -> None:
    api.answer = lambda _, query: (200, {}, page(ROWS[2 * int(query["page"]) - 2 : 2 * int(query["page"])]))

    assert prices(source(api, paging={"kind": "page", "size": 2})) == [10.5, 11.0, -1.0]
    assert [query for _, query, _ in api.asked] == [
        {"page": "1", "per_page": "2"},
        {"page": "2", "per_page": "2"},
    ]


def test_pages_by_offset_end_with_an_empty_one(api: Api) -> None:
    api.answer = lambda _, query: (200, {}, page(ROWS[int(query["offset"]) :][: int(query["length"])]))

    assert prices(source(api, paging={"kind": "offset", "size": 3})) == [10.5, 11.0, -1.0]
    assert [query["offset"] for _, query, _ in api.asked] == ["0", "3"]


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


def test_endless_pages_are_an_error(api: Api) -> None:
    api.answer = lambda _, __: (200, {}, '{"rows": [], "next": "again"}')
    paging = {"kind": "cursor", "field": "next"}

    with pytest.raises(SourceError, match="max_pages=5"):
        prices(source(api, rows="rows", paging=paging, max_pages=5))


def test_the_range_is_asked_for(api: Api) -> None:
    asking = source(api, since_parameter="from", until_parameter="to", range_format="%Y%m%d")

    prices(asking, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC))
    prices(asking)

    assert [query for _, query, _ in api.asked] == [{"from": "20260102", "to": "20260203"}, {}]


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


@pytest.mark.parametrize("body", ["<html>", '{"rows": 5}', '{"row": []}', '{"rows": [{"v": NaN}]}'])
def test_an_answer_of_another_shape_is_an_error(api: Api, body: str) -> None:
    api.answer = lambda _, __: (200, {}, body)

    with pytest.raises(SourceError, match="gave no list at 'rows'"):
        prices(source(api, rows="rows"))


def test_requests_are_spaced() -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = _Pace(4, clock=lambda: now[0], sleep=sleep)
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


def test_a_path_that_leads_nowhere_names_its_part() -> None:
    with pytest.raises(LookupError, match=r"'b' of 'a\.b'"):
        at({"a": [1]}, "a.b")
