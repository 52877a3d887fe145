"""The text of a query, fit to stand within another one."""

from __future__ import annotations

import re

_TOKEN = re.compile(
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
)


def within(query: str) -> str:
    """The query without the comments, space and semicolons behind it: a bracket or a condition that follows
    would be part of the comment, and no bracket may follow a semicolon. What stands in quotes stays, whatever
    it looks like."""
    end = at = 0
    while at < len(query):
        token = _TOKEN.match(query, at)
        assert token is not None, "the last alternative takes any character"
        at = _after_comment(query, token.end()) if token[0] == "/*" else token.end()
        if token.lastgroup not in ("comment", "space", "semicolon"):
            end = at
    return query[:end]


def _after_comment(query: str, at: int) -> int:
    """Behind the end of a comment in stars, which may hold others; behind the query where it has none."""
    depth = 1
    for mark in re.compile(r"/\*|\*/").finditer(query, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(query)
