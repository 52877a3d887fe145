"""What the routes' questions and answers have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from workloads.data_api import cursors
from workloads.kit.contracts.messages import EARLIEST, LATEST

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_RESOLUTION: Final = r"^P([1-9][0-9]{0,2}[DWMY]|T0S|T[1-9][0-9]{0,4}[SMH])$"


def instant(text: object) -> datetime:
    """An instant, in UTC, from ISO 8601 text with a zone. ValueError, with the remedy, where it is none."""
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str) or "T" not in text.upper():
        raise ValueError("it is no ISO 8601 time: give one with its zone, such as 2026-03-29T00:00:00Z")
    try:
        time = datetime.fromisoformat(text.upper())  # RFC 3339 takes t and z
    except ValueError as error:
        spaced = " (in a URL, + is written %2B)" if " " in text else ""
        raise ValueError(f"it is no ISO 8601 time: give one such as 2026-03-29T00:00:00Z{spaced}") from error
    if time.tzinfo is None:
        raise ValueError("it has no time zone: add Z or an offset such as %2B02:00")
    # Compared before it is converted: the first and the last years have no other zone.
    if not EARLIEST <= time < LATEST:
        raise ValueError(
            f"it is out of range: give a time from {EARLIEST:%Y-%m-%d}T00:00:00Z to before"
            f" {LATEST:%Y-%m-%d}T00:00:00Z"
        )
    return time.astimezone(UTC)


Instant = Annotated[
    datetime, BeforeValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""In: ISO 8601 with a zone. Out: UTC."""

NameText = Annotated[str, Field(pattern=_NAME)]
ResolutionText = Annotated[str, Field(pattern=_RESOLUTION)]

Provenance = Literal["market", "replay", "synthetic"]


@cache
def _parameters(model: type[BaseModel]) -> dict[str, Any]:
    schema = BaseModel.model_json_schema.__func__(model)  # type: ignore[attr-defined]
    for name, value in schema["properties"].items():
        alternatives = [one for one in value.pop("anyOf", []) if one != {"type": "null"}]
        if len(alternatives) == 1:
            value.update(alternatives[0])
        if value.get("default", ...) is None:
            del value["default"]
        schema["properties"][name] = value
    return schema


class Parameters(BaseModel):
    """A route's parameters: each of them once, and no other."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    @field_validator("end", check_fields=False)
    @classmethod
    def _after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start: datetime | None = info.data.get("start")
        if start is not None and end is not None and end < start:
            raise ValueError(f"it is before start, {start.isoformat()}: give a later time")
        return end

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        """The parameters, for the document: one that is not given is absent, never null."""
        return _parameters(cls)

    def question(self) -> dict[str, Any]:
        """What makes it this question: a cursor goes on with no other one."""
        return self.model_dump(exclude={"cursor", "format", "limit"}, exclude_none=True)


class Query(Parameters):
    """Parameters of a route that answers as JSON or CSV."""

    format: Literal["json", "csv"] | None = Field(
        None, description="Form of the answer; by default what `Accept` asks for, else json."
    )


class PagedQuery(Query):
    """Parameters of a route that answers in pages."""

    limit: int = Field(1000, ge=1, le=5000, description="Rows a page has at most.")
    cursor: str | None = Field(
        None,
        max_length=cursors.LONGEST,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next` of the page before; everything else as it was asked there.",
    )


class AsOfQuery(PagedQuery):
    """Parameters of a route that answers as of an instant."""

    as_of: Instant | None = Field(
        None,
        description="Instant as of which to answer: what was published later is not seen. Else now.",
    )


class PeriodsQuery(AsOfQuery):
    """Parameters of a route that answers by delivery period."""

    symbol: NameText = Field(description="Symbol, as /v1/instruments lists it.")
    source: NameText | None = Field(None, description="Only of this source.")
    resolution: ResolutionText | None = Field(
        None, description="Only of this resolution, an ISO 8601 duration such as PT15M, PT1H, P1D."
    )
    start: Instant | None = Field(None, description="Of periods that begin then or later.")
    end: Instant | None = Field(None, description="Of periods that begin before.")


class Body(BaseModel):
    """What is sent in a request's body, as JSON: what it says, and nothing else."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """Base of what is given out: exactly what it says."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", frozen=True)


class Page(Answer):
    """A page of rows; a subclass has `items`."""

    as_of: datetime = Field(description="Instant as of which all pages of this question are answered.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
