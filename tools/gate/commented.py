"""The keys that a chart's values.yaml names in a comment only, often the one place where they stand."""

from __future__ import annotations

import re

Path = tuple[str, ...]

_KEY = r"(?P<dash>- +)?(?P<key>[A-Za-z_][\w.\-/]*):(?P<rest>\s.*)?$"
_REAL = re.compile(rf"(?P<indent> *){_KEY}")
_COMMENT = re.compile(rf"(?P<indent> *)#+(?P<space> *){_KEY}")
_BLOCK_SCALAR = re.compile(r"\s[|>][-+\d]*\s*(#.*)?$")

_Stack = list[tuple[int, str]]
"""Open keys from the outside in, each with its column."""


def keys(text: str) -> dict[Path, int]:
    """Each path that a comment of the form `# key: …` gives, with its line (from 1); a list's items are `[]`.

    A comment's column is that of the key when the `#` and one space are taken away. Prose that looks like a
    key comes along: it makes a name known that nobody would set.
    """
    found: dict[Path, int] = {}
    real: _Stack = []
    comment: _Stack = []
    scalar: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if scalar is not None and (not line.strip() or _indent(line) > scalar):
            continue
        scalar = None
        if match := _COMMENT.match(line):
            column = len(match["indent"]) + max(0, len(match["space"]) - 1)
            _open(comment, column, match)
            outermost, first = comment[0]
            # YAML lets a list's dashes stand in the column of the list's own key.
            base = [key for at, key in real if at < outermost + (first == "[]")]
            found.setdefault((*base, *(key for _, key in comment)), number)
        elif match := _REAL.match(line):
            comment.clear()
            _open(real, len(match["indent"]), match)
            if _BLOCK_SCALAR.search(match["rest"] or ""):
                scalar = len(match["indent"])
        elif not line.strip():
            comment.clear()
    return found


def _open(stack: _Stack, column: int, match: re.Match[str]) -> None:
    """Close what stands at the key's column or to its right, and put the key on top."""
    while stack and stack[-1][0] >= column + bool(match["dash"] and stack[-1][1] != "[]"):
        stack.pop()
    if match["dash"]:
        stack.append((column, "[]"))
        column += len(match["dash"])
    stack.append((column, match["key"]))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
