"""Values, keys, personal data and changes of columns."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workloads.kit import codec
from workloads.kit.contracts import topics
from workloads.kit.contracts.sources.legacy import LegacySource, LegacySources
from workloads.kit.contracts.warehouse import Kind, StagedRows
from workloads.kit.dead_letters import MAX_BYTES
from workloads.kit.records import Output
from workloads.warehouse_etl import drift, personal
from workloads.warehouse_etl.__main__ import main
from workloads.warehouse_etl.sources import SourceError
from workloads.warehouse_etl.staging import Load
from workloads.warehouse_etl.values import key_of, plain

AT = datetime(2026, 1, 1, tzinfo=UTC)

_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.decimals(),
    st.binary(max_size=50),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
)


@given(_VALUES)
def test_any_value_becomes_json_that_postgresql_takes_and_reads_back_the_same(value: Any) -> None:
    found = plain(value)
    text = msgspec.json.encode(found)
    assert b"\\u0000" not in text
    assert msgspec.json.decode(text) == found
    assert plain(found) == found


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_loses_no_digit(value: Decimal) -> None:
    assert Decimal(str(plain(value))) == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("1E+3"), "1000"),
        (2**63, "9223372036854775808"),
        (float("nan"), "nan"),
        (-1e23, "-1" + "0" * 23),
        (1e18, 1e18),
        (date(2026, 2, 1), "2026-02-01"),
        (datetime(2026, 10, 25, 2, 30), "2026-10-25T02:30:00"),
        (timedelta(hours=25), "1 day, 1:00:00"),
        (b"\x00\xff", "AP8="),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_values_as_they_are_kept(value: Any, kept: Any) -> None:
    assert plain(value) == kept


@given(st.lists(st.tuples(st.text(min_size=1), st.integers()), min_size=2, max_size=5, unique=True))
def test_keys_of_several_columns_are_never_confused(pairs: list[tuple[str, int]]) -> None:
    keys = {key_of({"a": a, "b": b}, ("a", "b")) for a, b in pairs}
    assert len(keys) == len(pairs)


@pytest.mark.parametrize("missing", [None, ""])
def test_a_row_without_its_key_has_none(missing: Any) -> None:
    assert key_of({"a": missing, "b": 1}, ("a", "b")) is None


def test_personal_columns_are_changed_and_no_others() -> None:
    protect = personal.protector({"email": "pseudonym", "phone": "mask", "name": "drop"}, b"key")
    row = protect({"id": 1, "email": "a@b.example", "phone": "+49 30 1", "name": "A", "note": None})
    assert row["phone"] == "+*******"
    assert (row["id"], row["name"], row["note"]) == (1, None, None)
    assert row["email"] == protect({"email": "a@b.example"})["email"]
    other = personal.protector({"email": "pseudonym"}, b"another key")
    assert row["email"] != other({"email": "a@b.example"})["email"]


def test_a_mask_of_one_character_shows_nothing() -> None:
    assert personal.protector({"sex": "mask"}, None)({"sex": "M"}) == {"sex": "*"}


def test_a_pseudonym_without_a_key_is_refused_before_anything_is_read() -> None:
    with pytest.raises(SourceError, match="WAREHOUSE_PSEUDONYM_KEY_FILE"):
        personal.protector({"email": "pseudonym"}, None)


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({"a": "text"}, {"a": "text", "b": "number"}, ["added b"]),
        ({"a": "text", "b": "number"}, {"a": "text"}, ["removed b"]),
        ({"a": "number"}, {"a": "text"}, ["retyped a"]),
        ({"a": "integer"}, {"a": "number"}, []),
        ({"a": "number"}, {"a": "integer"}, ["retyped a"]),
        ({"a": "unknown"}, {"a": "text"}, []),
        ({"a": "text"}, {"a": "unknown"}, []),
        # A folder without new files, a page without rows: nothing is known of them.
        ({"a": "text"}, {}, []),
    ],
)
def test_changes_of_columns(before: dict[str, Kind], now: dict[str, Kind], found: list[str]) -> None:
    assert [f"{one.change} {one.column}" for one in drift.differences(before, drift.Columns(now))] == found


def test_a_source_that_may_omit_a_column_has_not_lost_it() -> None:
    assert drift.differences({"a": "text", "b": "number"}, drift.Columns({"a": "text"}, may_omit=True)) == []


def test_nothing_is_accepted_of_a_table_that_shows_no_columns() -> None:
    warehouse: Any = None  # which is not asked
    with pytest.raises(SourceError, match="billing invoices shows no columns now"):
        drift.accept(warehouse, "billing", "invoices", drift.Columns({}), AT)


def test_a_run_is_of_an_instant_that_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--at", "2199-01-01T00:00Z"]) == 2
    assert "--at 2199-01-01T00:00:00+00:00 is not over" in capsys.readouterr().err


def test_what_nobody_could_read_is_not_staged() -> None:
    load = Load("crm", "t", 1, AT, lambda _: pytest.fail("sent"), topics.WAREHOUSE_STAGING)
    load.add("upsert", "a", {"x": 1})
    with pytest.raises(SourceError, match="cannot be staged"):
        load.end(None, {"x" * 200: "text"}, ())


def _staged(rows: list[tuple[str, dict[str, Any]]]) -> tuple[Load, list[StagedRows], list[Output]]:
    sent: list[Output] = []
    load = Load("crm", "t", 1, AT, sent.append, topics.WAREHOUSE_STAGING)
    for key, record in rows:
        load.add("upsert", key, record)
    load.end(None, {}, ())
    decode = codec.decoder(StagedRows)
    staged = [decode(one.value or b"") for one in sent if one.topic == topics.WAREHOUSE_STAGING]
    return load, staged, sent


@given(st.lists(st.integers(min_value=1, max_value=400_000), max_size=12))
def test_every_row_is_staged_once_in_order_and_each_message_fits(sizes: list[int]) -> None:
    rows = [(str(n), {"text": "x" * size}) for n, size in enumerate(sizes)]
    _, staged, sent = _staged(rows)
    assert [key for one in staged for key, _ in one.rows] == [key for key, _ in rows]
    at = 0
    for one in staged:
        assert one.first == at
        at += len(one.rows)
    assert all(len(one.value or b"") <= MAX_BYTES for one in sent)
    assert [one.end is not None for one in staged] == [False] * (len(staged) - 1) + [True]
    assert staged[-1].end is not None
    assert staged[-1].end.rows == len(rows)


def test_a_row_that_fits_into_no_message_is_set_aside_and_not_counted() -> None:
    rows = [("a", {"text": "x"}), ("b", {"text": "y" * 2_000_000}), ("c", {"text": "z"})]
    load, staged, sent = _staged(rows)
    assert [key for one in staged for key, _ in one.rows] == ["a", "c"]
    assert staged[-1].end is not None
    assert staged[-1].end.rows == 2
    assert len(load.refused) == 1
    (letter,) = (one for one in sent if one.topic != topics.WAREHOUSE_STAGING)
    assert len(letter.value or b"") <= MAX_BYTES


_MYSQL = {
    "kind": "mysql", "name": "crm", "host": "db", "database": "crm", "user": "reader",
    "password_file": "/run/secrets/crm", "tables": {"people": {"key": ["id"]}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tables": {"people": {"key": []}}}, "at least 1 item"),
        ({"tables": {"people": {"key": ["id"], "personal": {"id": "drop"}}}}, "make it a pseudonym"),
        (
            {"tables": {"people": {"key": ["id"], "watermark": "at", "personal": {"at": "mask"}}}},
            "watermark column at cannot be personal",
        ),
        (
            {"tables": {"people": {"key": ["id"], "changes": "log", "watermark": "at"}}},
            "changes: log tells of every change: leave watermark out",
        ),
        (
            {"tables": {"people": {"key": ["id"], "changes": "log"}}, "ca_file": "/run/ca.crt"},
            "changes: log of people is read in clear, and ca_file asks for TLS",
        ),
        (
            {"kind": "oracle", "tables": {"people": {"key": ["id"], "changes": "log"}}},
            r"changes: log of people is for kind mysql \(MariaDB\)",
        ),
        ({"tables": {"people": {"key": ["id"], "name": "a; drop table b"}}}, "match pattern"),
        ({"tables": {"people": {"key": ['a"b']}}}, "match pattern"),
        ({"password": "secret"}, "Extra inputs are not permitted"),
        ({"name": "CRM"}, "match pattern"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(LegacySource).validate_python({**_MYSQL, **changed})


def test_two_sources_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="used twice: crm"):
        LegacySources.model_validate({"sources": [_MYSQL, _MYSQL]})


def test_a_key_in_a_url_is_refused_and_not_shown() -> None:
    given = {"kind": "http", "name": "x", "url": "https://a.example/?api_key=abcdefgh", "tables": {}}
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(LegacySource).validate_python(given)
    assert "abcdefgh" not in json.dumps(refused.value.errors(include_input=False), default=str)
