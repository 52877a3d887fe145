"""What each column of a file is, from the models of the API's document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field

from workloads.data_api.questions import Answer

Type = Literal["time", "number", "integer", "boolean", "text"]

_TYPES: Final[Mapping[Any, Type]] = {datetime: "time", float: "number", int: "integer", bool: "boolean"}


class Column(Answer):
    """A column of a dataset's files."""

    name: str
    type: Type = Field(
        description="time: an instant in UTC (Parquet: timestamp[us, UTC]; XLSX: a date, to the millisecond);"
        " number: float64; integer: int64; boolean; text (Parquet: dictionary of strings)."
    )
    nullable: bool = Field(description="Whether it may be empty.")
    unit: str | None = Field(description="What it is counted in, or the column that says so.")
    meaning: str


def of(row: type[BaseModel], units: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of a row, parts of it as columns of their own (`outcome_price`), as its CSV has them.

    Args:
        units: column → its unit; times have theirs.
    """
    return tuple(_columns(row, units, "", False))


def _columns(row: type[BaseModel], units: Mapping[str, str], prefix: str, nullable: bool) -> Iterator[Column]:
    for own, field in row.model_fields.items():
        name, (kind, optional) = f"{prefix}{own}", _kind(field.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _columns(kind, units, f"{name}_", nullable or optional)
            continue
        made: Type = _TYPES.get(kind, "text")
        yield Column(
            name=name,
            type=made,
            nullable=nullable or optional,
            unit=units.get(name, "UTC" if made == "time" else None),
            meaning=field.description or "",
        )


def _kind(annotation: Any) -> tuple[Any, bool]:
    """What a field is, and whether it may be None."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [one for one in get_args(annotation) if one is not type(None)]
    return kinds[0], len(kinds) < len(get_args(annotation))
