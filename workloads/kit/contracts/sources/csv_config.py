"""How a CSV file is written."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from workloads.kit.contracts.sources.strict import Strict

_Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]


def _known(name: str) -> str:
    try:
        text = "\n".encode(name)
    except LookupError:
        raise ValueError("is no encoding of text; write utf-8, cp1252, utf-16, latin-1, …") from None
    # A mark at the start of each file is no part of its first name.
    return "utf-8-sig" if text == b"\n" and codecs.lookup(name).name == "utf-8" else name


class CsvLayout(Strict):
    """A file may be packed with gzip or zip: its first bytes say so."""

    members: Annotated[str, StringConstraints(min_length=1)] = "*"
    """Of the files in an archive those that hold rows, by a pattern of their names such as `*.csv`: all of
    them have to, and others may lie beside."""

    delimiter: _Character = ","
    quote: _Character | None = '"'
    """null where the file quotes nothing and the character stands for itself."""
    encoding: Annotated[str, AfterValidator(_known)] = "utf-8-sig"
    """By Python's name: utf-8, cp1252, utf-16, …"""
    skip_lines: Annotated[int, Field(ge=0)] = 0
    """Lines before the header."""
    header: tuple[str, ...] | None = None
    """The names of the columns of a file that has no header line."""
    footer_lines: Annotated[int, Field(ge=0)] = 0
    """Lines at the file's end that are no rows."""
