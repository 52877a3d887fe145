"""The text of a query, fit to stand within another one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Dialect(NamedTuple):
    """What of a text is comment, space or semicolon, and what is a word or quoted."""

    token: re.Pattern[str]
    nested: bool
    """Whether a comment in stars may hold others."""


POSTGRESQL: Final = Dialect(
    re.compile(
        r"""
        (?P<comment> --[^\n\r]*+ | /\* )
        | (?P<space> \s++ )
        | (?P<semicolon> ; )
        | [eE] ' (?: [^'\\] | \\. | '' )*+ '
        | ' (?: [^'] | '' )*+ '
        | " (?: [^"] | "" )*+ "
        | (?P<quote> \$ (?: [^\W\d]\w*+ )? \$ ) .*? (?P=quote)
        | [^\W\d][\w$]*+
        | .
        """,
        re.VERBOSE | re.DOTALL,
    ),
    nested=True,
)

MYSQL: Final = Dialect(
    # Two dashes begin a comment only before a space; what stands in /*! … */ is run.
    re.compile(
        r"""
        (?P<comment> --(?=\s|\Z)[^\n]*+ | \#[^\n]*+ | /\*(?!M?!) )
        | (?P<space> \s++ )
        | (?P<semicolon> ; )
        | ' (?: [^'\\] | \\. | '' )*+ '
        | " (?: [^"\\] | \\. | "" )*+ "
        | ` (?: [^`] | `` )*+ `
        | [^\W\d][\w$]*+
        | .
        """,
        re.VERBOSE | re.DOTALL,
    ),
    nested=False,
)


def within(query: str, dialect: Dialect = POSTGRESQL) -> str:
    """The query without the comments, space and semicolons behind it: a bracket or a condition that follows
    would be part of the comment, and no bracket may follow a semicolon. What stands in quotes stays, whatever
    it looks like."""
    end = at = 0
    while at < len(query):
        token = dialect.token.match(query, at)
        assert token is not None, "the last alternative takes any character"
        at = _after_comment(query, token.end(), dialect) if token[0] == "/*" else token.end()
        if token.lastgroup not in ("comment", "space", "semicolon"):
            end = at
    return query[:end]


def _after_comment(query: str, at: int, dialect: Dialect) -> int:
    """Behind the end of a comment in stars; behind the query where it has none."""
    depth = 1
    for mark in re.compile(r"/\*|\*/").finditer(query, at):
        if mark[0] == "*/":
            depth -= 1
        elif dialect.nested:
            depth += 1
        if depth == 0:
            return mark.end()
    return len(query)
