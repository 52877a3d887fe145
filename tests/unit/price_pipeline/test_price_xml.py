"""An API that answers in XML, against a real server on this machine."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.price_pipeline.api import Answer, Api
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import HttpSource as Config
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import RawRow, Refused, Unobserved
from workloads.price_pipeline.sources import Incomplete, SourceError
from workloads.price_pipeline.sources.http import HttpSource
from workloads.price_pipeline.sources.xml_document import XmlDocument

PUBLICATION = """<?xml version="1.0" encoding="UTF-8"?>
<Publication xmlns="urn:example:publication" xmlns:x="urn:example:more">
  <TimeSeries><in_Domain x:scheme="A01">DE</in_Domain>
    <Period><timeInterval><start>2025-10-25T22:00Z</start></timeInterval>
      <Point><position>1</position><price.amount>-4.20</price.amount></Point>
      <Point><position>25</position><price.amount>61.5</price.amount></Point>
    </Period>
  </TimeSeries>
  <!-- another one --><TimeSeries><in_Domain x:scheme="A01">FR</in_Domain>
    <Period><timeInterval><start>2025-10-26T23:00Z</start></timeInterval>
      <Point><position>24</position><price.amount>7</price.amount></Point>
      <Point><position>2</position><price.amount/></Point>
      <Point><position>3</position><price.amount>1</price.amount><price.amount>2</price.amount></Point>
      <Point><price.amount>1</price.amount></Point>
    </Period>
  </TimeSeries>
</Publication>
"""
OF_PUBLICATION: dict[str, Any] = {
    "rows": "TimeSeries.Period.Point",
    "market": "power",
    "product": "day-ahead",
    "currency": "EUR",
    "unit": "MWh",
    "resolution": "PT1H",
    "time_zone": "Europe/Berlin",
    "labels": "position",
    "publication": {"day": -1, "at": "12:57"},
    "columns": {
        "event_time": "^.timeInterval.start",
        "hour": "position",
        "symbol": "^.^.in_Domain",
        "price": '"price.amount"',
    },
}


def read(api: Api, **changed: Any) -> list[RawRow]:
    values: dict[str, Any] = {
        "kind": "http",
        "name": "api",
        "url": f"{api.url}/v1/prices",
        "format": "xml",
        "rows": "price",
        "market": "crude",
        "columns": {"event_time": "@date", "prices": {"text()": "WTI"}},
        "requests_per_second": 1000,
    }
    return list(HttpSource(Config.model_validate(values | changed)).rows(None, None))


def prices(api: Api, **changed: Any) -> list[float]:
    return [price.price for row in read(api, **changed) if isinstance(price := check(row), Price)]


def test_rows_keep_their_own_bytes_and_find_what_stands_around_them(api: Api) -> None:
    api.answer = lambda _, __: (200, {"Content-Type": "text/xml"}, PUBLICATION)

    rows = read(api, **OF_PUBLICATION)

    assert rows[0].raw == b"<Point><position>1</position><price.amount>-4.20</price.amount></Point>"
    first, last, other, nothing, twice, lacking = map(check, rows)
    assert isinstance(first, Price)
    assert isinstance(last, Price)
    assert isinstance(other, Price)
    assert [(one.symbol, one.delivery_start, one.price) for one in (first, last, other)] == [
        ("DE", datetime(2025, 10, 25, 22, tzinfo=UTC), -4.2),
        ("DE", datetime(2025, 10, 26, 22, tzinfo=UTC), 61.5),
        ("FR", datetime(2025, 10, 27, 22, tzinfo=UTC), 7.0),
    ]
    assert isinstance(nothing, Unobserved)
    assert isinstance(twice, Refused)
    assert "there are 2 of 'price.amount'" in twice.reason
    assert isinstance(lacking, Refused)
    assert "has no field 'position'" in lacking.reason


def test_a_column_may_be_an_attribute_and_a_price_the_text_of_its_row(api: Api) -> None:
    api.answer = lambda _, __: (
        200,
        {},
        '<r><price date="2026-01-01" note="a > b"> 60.5 </price><price date="2026-01-02"/></r>',
    )

    rows = read(api)

    assert rows[0].raw == b'<price date="2026-01-01" note="a > b"> 60.5 </price>'
    assert rows[1].raw == b'<price date="2026-01-02"/>'
    first, second = map(check, rows)
    assert isinstance(first, Price)
    assert first.price == 60.5
    assert isinstance(second, Unobserved)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, '<?xml version="1.0" encoding="ISO-8859-1"?><r><price date="2026-01-01">6<é/>1</price></r>'),
        ({}, '<?xml version="1.0" encoding="UTF-16"?><r><price date="2026-01-01">6<é/>1</price></r>'),
        (
            {"Content-Type": "text/xml; charset=iso-8859-1"},
            '<?xml version="1.0" encoding="UTF-8"?><r><price date="2026-01-01">6<é/>1</price></r>',
        ),
    ],
)
def test_an_answer_is_read_in_the_encoding_that_it_is_in(
    api: Api, headers: dict[str, str], body: str
) -> None:
    api.answer = lambda _, __: (200, headers, body.encode("utf-16" if "UTF-16" in body else "latin-1"))

    (row,) = read(api)

    assert isinstance(check(row), Price)
    assert row.raw.startswith(b"<price ")
    assert row.raw.endswith(b"</price>")


def test_an_answer_may_be_packed_and_hold_several_documents(api: Api) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for day in (1, 2):
            archive.writestr(f"{day}.xml", f'<r><price date="2026-01-0{day}">{day}</price></r>')
    api.answer = lambda _, __: (200, {"Content-Type": "application/zip"}, packed.getvalue())

    assert prices(api) == [1, 2]


def test_pages_end_where_one_is_empty_or_names_no_other(api: Api) -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        page = int(query.get("page") or query.get("after") or 1)
        row = f'<price date="2026-01-0{page}">{page}</price>' if page < 3 else ""
        following = f"<next>{page + 1}</next>" if page < 3 else "<next/>"
        return 200, {}, f"<r>{row}{following}</r>"

    api.answer = answer

    assert prices(api, paging={"kind": "page"}) == [1, 2]
    assert prices(api, paging={"kind": "cursor", "parameter": "after", "field": "next"}) == [1, 2]
    api.answer = lambda _, __: (200, {}, '<r><price date="2026-01-01">1</price></r>')
    with pytest.raises(Incomplete, match="has the rows of page 1"):
        read(api, paging={"kind": "page"})


@pytest.mark.parametrize(
    ("body", "changed", "words"),
    [
        ("<r><price></r>", {}, r"gave no elements at 'price' \(mismatched tag"),
        ("", {}, "no element found"),
        ('{"price": 1}', {}, r"gave no elements at 'price' \(.*invalid token|syntax error"),
        ("<Ack><Reason>no such zone</Reason></Ack>", OF_PUBLICATION, "'TimeSeries'.*no such zone"),
        ("<r><error>quota</error></r>", {}, "says that it failed, at 'error'.*quota"),
        ("<r><error>a</error><error>b</error></r>", {}, "says that it failed, at 'error'"),
        ('<r><price day="2026-01-01" value="1"/></r>', {"columns": {"event_time": "@day", "symbol": "@day",
          "price": "amount"}}, "of 1 rows none has a field 'amount'"),
        (
            '<!DOCTYPE r [<!ENTITY a "6"><!ENTITY b "&a;&a;">]><r><price date="2026">&b;</price></r>',
            {},
            "document type",
        ),
        (b"PK\x03\x04 no zip", {}, "cannot be unpacked"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_what_it_should_be_fails_the_source(
    api: Api, body: str | bytes, changed: dict[str, Any], words: str
) -> None:
    api.answer = lambda _, __: (200, {}, body)

    with pytest.raises(SourceError, match=words):
        read(api, **changed)


def test_an_error_that_says_that_there_is_none_is_none(api: Api) -> None:
    api.answer = lambda _, __: (
        200,
        {},
        '<r><error>false</error><errors/><price date="2026-01-01">1</price></r>',
    )
    assert prices(api) == [1]


@pytest.mark.parametrize("more", [{"rows": ""}, {"columnar": True}, {"row_key": "day"}])
def test_what_only_json_has_is_refused(api: Api, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="xml needs `rows`"):
        read(api, **more)


NAMES = st.sampled_from(["a", "b", "n:a", "é"])
TREES = st.recursive(
    NAMES.map(lambda name: f"<{name} />"),
    lambda inner: st.builds(
        lambda name, value, held: f"<{name} k='{value}'>{''.join(held)}</{name}>",
        NAMES,
        st.sampled_from([">", "/>", '"', "]]"]),
        st.lists(
            st.one_of(inner, st.sampled_from(["text", "é", "<![CDATA[</a>]]>", "<!-- </a> -->", "&lt;"]))
        ),
    ),
)


@given(st.lists(TREES), st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_the_bytes_of_each_element_are_its_own(inner: list[str], encoding: str) -> None:
    declared = {"utf-8": "", "utf-16": "", "latin-1": '<?xml version="1.0" encoding="ISO-8859-1"?>'}[encoding]
    document = XmlDocument(f"{declared}<r>{'<row/>'.join(['', *inner])}</r>".encode(encoding))

    kept = "latin-1" if encoding == "latin-1" else "utf-8"
    for name in ("a", "b", "é"):
        raw = [document.raw(one).decode(kept) for one in document.rows(name)]
        assert raw == [one for one in inner if one.split()[0].lstrip("<").rpartition(":")[2] == name]
