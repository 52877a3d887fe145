"""Where a value stands in an answer: a dotted path of names and list places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, cast

from pydantic import AfterValidator

_PART = re.compile(r'"((?:[^"]|"")*)"|([^".][^.]*)')


@lru_cache(maxsize=1024)
def parts(path: str) -> tuple[str, ...]:
    """The names of a path. One that holds a dot stands in double quotes (`prices."4. close"`), a quote within
    them is doubled. The empty path has none.

    Raises:
        ValueError: it is no path.
    """
    found: list[str] = []
    at = 0
    while at < len(path) or found:
        part = _PART.match(path, at)
        if part is None:
            raise ValueError(
                f"{path!r} is no path: write names with a dot between them, "
                'and a name that holds a dot in double quotes: prices."4. close"'
            )
        quoted, plain = part.groups()
        found.append(plain if quoted is None else quoted.replace('""', '"'))
        if part.end() == len(path):
            break
        if path[part.end()] != ".":
            raise ValueError(f"{path!r} is no path: a dot has to follow {path[at : part.end()]}")
        at = part.end() + 1
    return tuple(found)


def _checked(path: str) -> str:
    parts(path)
    return path


Path = Annotated[str, AfterValidator(_checked)]


def at(document: object, path: str) -> object:
    """The value at `path` in objects and lists.

    Raises:
        LookupError: names the part that is missing.
    """
    for name in parts(path):
        document = step(document, name, path)
    return document


def step(held: Any, name: str, path: str) -> Any:
    """What an object holds under a name, or a list at a number; LookupError, with the path, where nothing."""
    if isinstance(held, Mapping) and name in held:
        return cast("Mapping[str, Any]", held)[name]
    if isinstance(held, list) and name.isdecimal():
        listed = cast("list[Any]", held)
        if int(name) < len(listed):
            return listed[int(name)]
    raise LookupError(f"{name!r} of {path!r}")
