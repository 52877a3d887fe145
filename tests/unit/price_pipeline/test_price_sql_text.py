"""Where a query's text ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.price_pipeline.sources.sql_text import within

WORDS = [
    "SELECT",
    "a-b",
    "'it''s -- not'",
    "E'\\' /* '",
    '"; --"',
    "$$; --$$",
    "$q$ $$ /* $q$",
    "/ *",
    "$1",
    ";",
]
NOTHING = ["-- a 'comment\n", "/* ; /* in */ ' */", ";", " ", "\n", "/*\n--*/"]


@given(
    st.lists(st.sampled_from([*WORDS, *NOTHING])),
    st.sampled_from(WORDS[:-1]),
    st.lists(st.sampled_from(NOTHING)),
)
def test_what_stands_behind_the_last_word_goes_and_nothing_else(
    before: list[str], last: str, after: list[str]
) -> None:
    query = " ".join([*before, last])

    assert within(query + " " + "".join(after)) == query


@pytest.mark.parametrize("query", ["", ";", "-- all", "/* /* */", " \n"])
def test_a_query_of_comments_alone_has_no_words(query: str) -> None:
    assert within(query) == ""
