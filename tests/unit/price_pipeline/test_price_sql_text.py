"""Where a query's text ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.price_pipeline.sources.sql_text import MYSQL, within

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


MYSQL_WORDS = [
    "SELECT",
    "a--1",
    r"'\' -- not'",
    r'"\" # not"',
    "`; #`",
    "/*!40001 SQL_NO_CACHE */",
    "/ *",
    "$$",
]
MYSQL_NOTHING = ["-- a 'comment\n", '# "another\n', "/* ; /* in ' */", ";", " ", "\n"]


@given(
    st.lists(st.sampled_from([*MYSQL_WORDS, *MYSQL_NOTHING])),
    st.sampled_from(MYSQL_WORDS),
    st.lists(st.sampled_from(MYSQL_NOTHING)),
)
def test_mysql_has_other_comments_and_quotes(before: list[str], last: str, after: list[str]) -> None:
    query = " ".join([*before, last])

    assert within(query + " " + "".join(after), MYSQL) == query


@pytest.mark.parametrize("query", ["", ";", "-- all", "/* /* */", " \n"])
def test_a_query_of_comments_alone_has_no_words(query: str) -> None:
    assert within(query) == ""
