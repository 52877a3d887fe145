"""A cursor gives back what it was made from, to its own question alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.data_api import cursors
from workloads.data_api.cursors import BadCursor, decode, encode
from workloads.kit.contracts.messages import EARLIEST, Name, Utc


class Key(NamedTuple):
    at: Utc
    name: Name


TIMES = st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)).map(lambda t: t.replace(tzinfo=UTC))
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
KEYS = st.builds(Key, TIMES, NAMES)
QUESTIONS = st.dictionaries(NAMES, NAMES | TIMES | st.integers(), max_size=5)


@given(QUESTIONS, TIMES, KEYS)
def test_it_comes_back_whole(question: dict[str, Any], as_of: datetime, key: Key) -> None:
    text = encode(question, as_of, key)
    assert decode(text, question, Key) == (as_of, key)


@given(QUESTIONS, QUESTIONS, TIMES, KEYS)
def test_another_question_does_not_take_it(
    question: dict[str, Any], other: dict[str, Any], as_of: datetime, key: Key
) -> None:
    if question == other:
        return
    with pytest.raises(BadCursor):
        decode(encode(question, as_of, key), other, Key)


@given(TIMES, KEYS, st.data())
def test_one_changed_character_is_noticed(as_of: datetime, key: Key, data: st.DataObject) -> None:
    text = encode({}, as_of, key)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from([c for c in "AZaz09-_" if c != text[at]]))
    changed = text[:at] + letter + text[at + 1 :]
    # The last character of base64 may hold bits that mean nothing.
    try:
        found = decode(changed, {}, Key)
    except BadCursor:
        return
    assert at == len(text) - 1
    assert found == (as_of, key)


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(BadCursor):
        decode(text, {}, Key)


def test_the_longest_fits_where_it_is_asked_for() -> None:
    text = encode({"symbol": "S" * 64}, datetime.max.replace(tzinfo=UTC, year=2199), Key(EARLIEST, "n" * 64))
    assert len(text) < cursors.LONGEST
