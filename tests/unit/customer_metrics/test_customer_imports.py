"""What is read of a file of customers: every row is an event or a line that says why not."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.customer_metrics.imports import COLUMNS, BadFile, BadRow, read
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts.customers import CustomerEvent

NOW = datetime(2026, 9, 1, tzinfo=UTC)

CELL = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *(
                "",
                "ada",
                "purchase",
                "nps",
                "login",
                "2026-03-01T10:00:00Z",
                "2026-03-01",
                "1",
                "-1",
                "1e400",
            ),
            *("nan", "inf", "10", "11", "EUR", "eur", "9999-12-31T23:59:59-23:00", "\0", "=1+1"),
        ]
    ),
)


def lines(*rows: list[str]) -> io.StringIO:
    file = io.StringIO()
    csv.writer(file).writerows([list(COLUMNS), *rows])
    file.seek(0)
    return file


@given(st.lists(st.lists(CELL, min_size=len(COLUMNS), max_size=len(COLUMNS)), max_size=5))
def test_whatever_is_in_a_row_it_is_an_event_that_can_be_read_or_is_named(rows: list[list[str]]) -> None:
    decode = decoder(CustomerEvent)
    for one in read(lines(*rows), NOW):
        if isinstance(one, BadRow):
            assert str(one).startswith(f"line {one.line}: ")
        else:
            assert decode(encode(one)) == one


@given(st.text(max_size=200))
def test_whatever_a_file_is_it_is_refused_or_read(text: str) -> None:
    with suppress(BadFile):
        assert all(
            isinstance(one, CustomerEvent | BadRow) for one in read(io.StringIO(text, newline=""), NOW)
        )


def test_the_same_row_is_the_same_event_whenever_it_is_imported_and_an_id_holds_over_what_it_says() -> None:
    row = ["ada", "nps", "2026-03-01T10:00:00Z", "", "", "9", "", "", "", ""]
    (one,), (later,) = (list(read(lines(row), now)) for now in (NOW, NOW + timedelta(days=1)))
    assert isinstance(one, CustomerEvent)
    assert isinstance(later, CustomerEvent)
    assert one.event_id == later.event_id
    assert (one.published_at, later.published_at) == (NOW, NOW + timedelta(days=1))
    named = [[*row[:5], score, *row[6:9], "a-1"] for score in ("9", "9", "8")]
    first, second, other = read(lines(*named), NOW)
    assert isinstance(first, CustomerEvent)
    assert isinstance(second, CustomerEvent)
    assert first.event_id == second.event_id != one.event_id
    assert str(other).startswith("line 4: id 'a-1': line 2 has the same and says something else")


def test_orders_and_answers_may_both_count_from_one() -> None:
    order = ["ada", "purchase", "2026-03-01T10:00:00Z", "10", "EUR", "", "", "", "", "1"]
    answer = ["ada", "nps", "2026-03-01T10:00:00Z", "", "", "9", "", "", "", "1"]
    ids = {one.event_id for one in read(lines(order, answer), NOW) if isinstance(one, CustomerEvent)}
    assert len(ids) == 2


def test_an_event_is_known_by_what_it_says_and_not_by_how() -> None:
    rows = [
        ["ada", "purchase", at, amount, "EUR", "", "", "", "", ""]
        for at, amount in (("2026-03-01T10:00:00Z", "10"), ("2026-03-01T11:00:00+01:00", "10.00"))
    ]
    assert len({one.event_id for one in read(lines(*rows), NOW) if isinstance(one, CustomerEvent)}) == 1


def test_answers_of_nobody_in_particular_do_not_replace_each_other() -> None:
    rows = [["ada", "nps", f"2026-03-0{day}T10:00:00Z", "", "", "9", "", "", "", ""] for day in (1, 2)]
    assert len({one.subject for one in read(lines(*rows), NOW) if isinstance(one, CustomerEvent)}) == 2


def test_a_spreadsheets_mark_before_a_quoted_header_is_none_of_it() -> None:
    file = '\ufeff"customer","kind","occurred_at"\nada,login,2026-03-01T10:00:00Z\n'
    [event] = read(io.StringIO(file), NOW)
    assert isinstance(event, CustomerEvent)


@pytest.mark.parametrize(
    ("kind", "cell", "said"),
    [
        ("purchase", "1_000", "amount '1_000': it is no number"),
        ("purchase", "nan", "amount 'nan': it is no number"),
        ("purchase", "9" * 5_000, "it is no number"),
        ("nps", "1_0", "score '1_0': it is no number"),
        ("nps", "٣", "score '٣': it is no number"),
        ("nps", "9.0", "score '9.0': it is no number"),
    ],
)
def test_a_number_is_written_in_plain_digits(kind: str, cell: str, said: str) -> None:
    money, score = ((cell, ""), ("", cell))[kind == "nps"]
    row = ["ada", kind, "2026-03-01T10:00:00Z", money, "EUR" if money else "", score, "", "", "", ""]
    [bad] = read(lines(row), NOW)
    assert said in str(bad)


@pytest.mark.parametrize("field", ["occurred_at", "published_at"])
def test_what_has_not_happened_is_left_out(field: str) -> None:
    times = {"occurred_at": "2026-03-01T10:00:00Z", "published_at": "", field: "2026-09-01T00:06:00Z"}
    row = ["ada", "login", times["occurred_at"], "", "", "", "", "", times["published_at"], ""]
    [bad] = read(lines(row), NOW)
    assert isinstance(bad, BadRow)
    assert (bad.field, bad.detail) == (field, "it is in the future")


def test_a_quote_that_stays_open_names_every_line_that_it_takes() -> None:
    good = "ada,login,2026-03-01T10:00:00Z"
    file = f'customer,kind,occurred_at\n{good}\n"bea,login,2026-03-01T10:00:00Z\n{good}\n{good}\n'
    first, bad = read(io.StringIO(file), NOW)
    assert isinstance(first, CustomerEvent)
    assert isinstance(bad, BadRow)
    assert bad.line == 3
    assert "nothing of lines 3 to 5 was read" in str(bad)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"amount": None}, "a purchase has one"),
        ({"currency": None}, "an amount has a currency"),
        ({"score": 5}, "an answer"),
        ({"kind": "login"}, "a purchase has one"),
        ({"published_at": "2026-02-01T00:00:00Z"}, "before it occurred"),
        ({"occurred_at": "1800-01-01T00:00:00Z"}, "not within"),
        ({"customer": "a\n"}, "customer"),
        ({"event_id": "x"}, "event_id"),
    ],
)
def test_an_event_that_says_two_things_is_none(changed: dict[str, object], wrong: str) -> None:
    whole = {
        "event_id": "0f0a7a0e-7a3e-5d6c-9a53-6f6c2f0f4b11",
        "customer": "ada",
        "subject": "x",
        "kind": "purchase",
        "occurred_at": "2026-03-01T00:00:00Z",
        "published_at": "2026-03-01T00:00:00Z",
        "source": "test",
        "amount": 1.5,
        "currency": "EUR",
    }
    decode = decoder(CustomerEvent)
    decode(msgspec.json.encode(whole))
    with pytest.raises(msgspec.ValidationError, match=wrong):
        decode(msgspec.json.encode({**whole, **changed}))
