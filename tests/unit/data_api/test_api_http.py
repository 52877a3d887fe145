"""What every route does: refusals that help, forms, compression, ids, and nobody let in by default."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.unit.data_api.conftest import MemoryStore, price
from workloads.data_api.downloads.turns import Turns
from workloads.data_api.guard import OPEN, need
from workloads.data_api.store import StoreAway, StoreBusy, StoreSlow

PRICES = "/v1/prices"


@pytest.fixture
def api(app: OpenAPI) -> FlaskClient:
    return app.test_client()


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    body = answer.get_json()
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["title"]
    assert body["remedy"]
    return body


@pytest.mark.parametrize(
    ("query", "field", "value", "remedy"),
    [
        ({}, "symbol", None, "Symbol"),
        ({"symbol": "A", "sumbol": "B"}, "sumbol", "B", "symbol"),
        ({"symbol": "a b"}, "symbol", "a b", "Symbol"),
        ({"symbol": "A\0"}, "symbol", "A\0", "Symbol"),
        ({"symbol": ["A", "B"]}, "symbol", "A, B", "once"),
        ({"symbol": "A", "limit": "0"}, "limit", "0", "Rows"),
        ({"symbol": "A", "limit": "1e3"}, "limit", "1e3", "Rows"),
        ({"symbol": "A", "start": "2026-03-29"}, "start", "2026-03-29", "zone"),
        ({"symbol": "A", "start": "1767225600"}, "start", "1767225600", "zone"),
        ({"symbol": "A", "start": "2026-03-29T00:00:00"}, "start", "2026-03-29T00:00:00", "Z"),
        ({"symbol": "A", "start": "2026-03-29T00:00:00 01:00"}, "start", "2026-03-29T00:00:00 01:00", "%2B"),
        ({"symbol": "A", "end": "0001-01-01T00:00:00+14:00"}, "end", "0001-01-01T00:00:00+14:00", "1900"),
        (
            {"symbol": "A", "as_of": "9999-12-31T23:59:59-14:00"},
            "as_of",
            "9999-12-31T23:59:59-14:00",
            "2200",
        ),
        ({"symbol": "A", "resolution": "1h"}, "resolution", "1h", "PT15M"),
        ({"symbol": "A", "revisions": "some"}, "revisions", "some", "all"),
        ({"symbol": "A", "cursor": "not-one"}, "cursor", "not-one", "next"),
        ({"symbol": "A", "format": "xml"}, "format", "xml", "json"),
    ],
)
def test_a_wrong_question_is_told_field_value_and_remedy(
    api: FlaskClient, store: MemoryStore, query: dict[str, str], field: str, value: str, remedy: str
) -> None:
    body = problem(api.get(PRICES, query_string=query), 422)
    (one,) = body["errors"]
    assert (one["field"], one["value"]) == (field, value)
    assert one["detail"]
    assert remedy in one["remedy"]
    assert field in body["detail"]
    assert store.asked == []


def test_all_that_is_wrong_is_told_at_once(api: FlaskClient) -> None:
    body = problem(api.get(f"{PRICES}?limit=x&start=y"), 422)
    assert {one["field"] for one in body["errors"]} == {"symbol", "limit", "start"}


def test_a_long_value_is_not_given_back_whole(api: FlaskClient) -> None:
    body = problem(api.get(PRICES, query_string={"symbol": "A" * 2000}), 422)
    assert len(body["errors"][0]["value"]) == 100


def test_what_is_not_there_is_a_problem_too(api: FlaskClient) -> None:
    body = problem(api.get("/v1/price"), 404)
    assert body["errors"][0]["value"] == "/v1/price"
    answer = api.post(PRICES)
    assert problem(answer, 405)["errors"][0]["value"] == "POST"
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (StoreAway("no route to host 10.0.0.7"), "again"),
        (StoreBusy("queue"), "again"),
        (StoreSlow("x"), "shorter"),
    ],
)
def test_a_database_that_gives_nothing_is_a_503_that_says_when_to_come_back(
    api: FlaskClient, store: MemoryStore, error: Exception, remedy: str
) -> None:
    store.error = error
    answer = api.get(f"{PRICES}?symbol=DE-LU")
    assert remedy in problem(answer, 503)["remedy"]
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in answer.text


def test_a_fault_of_ours_tells_no_more_than_its_id(api: FlaskClient, store: MemoryStore) -> None:
    store.error = RuntimeError("password=hunter2")
    body = problem(api.get(f"{PRICES}?symbol=DE-LU", headers={"X-Request-Id": "abc-1"}), 500)
    assert "hunter2" not in json.dumps(body)
    assert body["request_id"] == "abc-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b'])
def test_a_request_gets_an_id_where_its_own_is_none(api: FlaskClient, given: str) -> None:
    made = api.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert made != given
    assert len(made) == 32


def test_a_route_that_declares_no_product_is_closed(app: OpenAPI, store: MemoryStore) -> None:
    @app.get("/v1/forgotten")
    def forgotten() -> str:
        raise AssertionError("it was let in")

    assert problem(app.test_client().get("/v1/forgotten"), 403)["errors"][0]["value"] == "/v1/forgotten"


def test_every_route_of_ours_is_declared_and_every_declared_one_is_there(app: OpenAPI) -> None:
    declared = {endpoint for endpoint in app.view_functions if need(app, endpoint) is not None}
    assert set(app.view_functions) == declared | OPEN
    assert not declared & OPEN


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv", "text/csv"),
    ],
)
def test_the_form_is_what_the_client_takes(
    api: FlaskClient, store: MemoryStore, accept: str, kind: str
) -> None:
    store.found = [price(0)]
    answer = api.get(f"{PRICES}?symbol=DE-LU", headers={"Accept": accept})
    assert answer.mimetype == kind
    assert "Accept" in answer.headers["Vary"]
    # What is asked for by name holds.
    asked = api.get(f"{PRICES}?symbol=DE-LU&format=json", headers={"Accept": accept})
    assert asked.mimetype == "application/json"


@pytest.mark.parametrize("name", ["a: b", "localtime", "Factory", "posixrules", "right/UTC", "europe/berlin"])
def test_a_time_zone_is_one_of_the_list(api: FlaskClient, name: str) -> None:
    query = {"symbol": "A", "start": "2026-03-01t00:00:00z", "end": "2026-03-02T00:00:00Z", "tz": name}
    (one,) = problem(api.get("/v1/aggregates", query_string=query), 422)["errors"]
    assert (one["field"], one["remedy"]) == ("tz", "give one such as Europe/Berlin")


@pytest.mark.parametrize("unit", ["=1+1", "@SUM(A1)", "+1", "-1", "\tx"])
def test_no_text_of_a_csv_is_a_formula(api: FlaskClient, store: MemoryStore, unit: str) -> None:
    store.found = [price(0, -2.5) | {"unit": unit}]
    (row,) = csv.DictReader(io.StringIO(api.get(f"{PRICES}?symbol=DE-LU&format=csv").text))
    assert (row["unit"], row["price"]) == (f"'{unit}", "-2.5")


def test_a_form_that_there_is_not_is_refused(api: FlaskClient) -> None:
    body = problem(api.get(f"{PRICES}?symbol=A", headers={"Accept": "application/xml"}), 406)
    assert body["errors"][0]["field"] == "Accept"
    assert "text/csv" in body["remedy"]


def test_long_answers_are_compressed_for_those_who_take_it(api: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(hour, -hour) for hour in range(100)]
    plain = api.get(f"{PRICES}?symbol=DE-LU&as_of=2026-03-05T00:00:00Z")
    packed = api.get(f"{PRICES}?symbol=DE-LU&as_of=2026-03-05T00:00:00Z", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 5
    refused = api.get(f"{PRICES}?symbol=DE-LU", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def test_who_takes_zstd_gets_the_same_rows_in_it(api: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(hour, -hour) for hour in range(100)]
    asked = f"{PRICES}?symbol=DE-LU&as_of=2026-03-05T00:00:00Z"
    plain, packed = api.get(asked), api.get(asked, headers={"Accept-Encoding": "zstd"})
    assert packed.headers["Content-Encoding"] == "zstd"
    assert pa.input_stream(pa.py_buffer(packed.data), compression="zstd").read() == plain.data
    assert len(packed.data) < len(plain.data) / 5
    assert int(packed.headers["Content-Length"]) == len(packed.data)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("identity;q=1, gzip;q=0.1", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip;q=0.1", "gzip"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("br, *;q=0.2", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0, identity", None),
        ("identity, zstd;q=0.9", None),
    ],
)
def test_who_likes_it_plain_is_sent_it_plain(
    api: FlaskClient, store: MemoryStore, accepted: str, coding: str | None
) -> None:
    store.found = [price(hour) for hour in range(100)]
    answer = api.get(f"{PRICES}?symbol=DE-LU", headers={"Accept-Encoding": accepted})
    assert answer.content_encoding == coding
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("tag", ['"another"', 'W/"another"'])
def test_a_condition_that_does_not_hold_brings_no_rows(
    api: FlaskClient, store: MemoryStore, tag: str
) -> None:
    """Rows of an answer that is an error are not counted, and so are not to be had by one."""
    store.found = [price(0, 77.5)]
    body = problem(api.get(f"{PRICES}?symbol=DE-LU", headers={"If-Match": tag}), 412)
    assert "items" not in body
    assert body["errors"][0]["field"] == "If-Match"


@pytest.mark.parametrize("path", ["//v1/prices", "/v1//prices", "/v1/prices/"])
def test_no_address_is_led_elsewhere(api: FlaskClient, path: str) -> None:
    """TLS ends before the API: an address that it made of its own would be one without."""
    problem(api.get(f"https://api.example{path}"), 404)


def test_the_hub_begins_with_or_without_a_slash(api: FlaskClient) -> None:
    for path in ("/hub", "/hub/"):
        answer = api.get(path, base_url="https://api.example")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/board")


def test_the_next_page_is_linked(api: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(hour) for hour in range(3)]
    answer = api.get(f"{PRICES}?symbol=DE-LU&limit=2&source=auction")
    target = answer.headers["Link"].partition(">")[0].removeprefix("<")
    assert answer.headers["Link"].endswith('rel="next"')
    assert api.get(target).status_code == 200
    assert store.asked[1]["after_start"] == price(1)["delivery_start"]
    # All pages are of the instant of the first.
    assert store.asked[1]["as_of"] == store.asked[0]["as_of"]


def test_a_page_that_is_known_does_not_lead_to_pages_of_before(api: FlaskClient, store: MemoryStore) -> None:
    """Else the second page is asked for by the cursor of before, and its revision is never seen."""
    store.found = [price(hour) for hour in range(3)]
    first = api.get(f"{PRICES}?symbol=DE-LU&limit=2")
    store.found[2] = price(2, 99.0)
    known = {"If-None-Match": first.headers["ETag"]}
    again = api.get(f"{PRICES}?symbol=DE-LU&limit=2", headers=known)
    assert again.status_code == 200
    assert again.get_json()["next"] != first.get_json()["next"]
    # A page that ends there, and one as of an instant that is over, lead nowhere else.
    for query in ("limit=3", "limit=2&as_of=2026-03-05T00:00:00Z"):
        known = {"If-None-Match": api.get(f"{PRICES}?symbol=DE-LU&{query}").headers["ETag"]}
        assert api.get(f"{PRICES}?symbol=DE-LU&{query}", headers=known).status_code == 304


def test_an_instant_to_come_is_now(api: FlaskClient, store: MemoryStore) -> None:
    """All pages are of one instant, whatever is published while they are read."""
    store.found = [price(hour) for hour in range(3)]
    first = api.get(f"{PRICES}?symbol=DE-LU&limit=2&as_of=2199-01-01T00:00:00Z").get_json()
    assert datetime.fromisoformat(first["as_of"]) <= datetime.now(UTC)
    query = {"symbol": "DE-LU", "limit": 2, "as_of": "2199-01-01T00:00:00Z", "cursor": first["next"]}
    assert api.get(PRICES, query_string=query).get_json()["as_of"] == first["as_of"]


def test_the_page_of_the_document_takes_nothing_from_elsewhere(api: FlaskClient) -> None:
    page = api.get("/api/docs")
    assert "http" not in page.text
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    parts = [part.split('"')[0] for part in page.text.split('="/')[1:]]
    assert len(parts) == 4
    for part in parts:
        assert api.get(f"/{part}").status_code == 200, part
    assert api.get("/api/openapi.json").get_json()["openapi"] == "3.1.0"


def test_a_tenant_has_one_download_at_a_time_and_others_have_theirs() -> None:
    turns = Turns(2)
    first = turns.take("a")
    assert first
    assert turns.take("a") is None
    assert turns.take("b")
    assert turns.take("c") is None
    turns.give_back(first)
    assert turns.take("b") is None
    assert turns.take("a")
    turns.give_back(first)  # again: that of now is another
    assert turns.take("c") is None
