"""GraphQL's types of the API's models: fields and parameters are called, described and meant as in /v1."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, cast, get_args, get_origin

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workloads.data_api.questions import Query

More = Mapping[type[BaseModel], Callable[[], Mapping[str, GraphQLField]]]
"""Model → fields that its type has besides the model's own."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"DateTime cannot represent a non-text value: {inspect(value)}")
    return value


DATE_TIME: Final = GraphQLScalarType(
    "DateTime",
    description="ISO 8601 with a zone, such as 2026-03-29T00:00:00Z; given out in UTC.",
    # What comes in is checked by the question that it is of, what goes out is written by the answer's model.
    serialize=_text,
    parse_value=_text,
)

_SCALARS: Final[Mapping[type, Any]] = {
    str: GraphQLString,
    bool: GraphQLBoolean,
    int: GraphQLInt,
    float: GraphQLFloat,
    datetime: DATE_TIME,
}


class Types:
    """Types of models, each made once."""

    def __init__(self, more: More) -> None:
        self._more = more
        self._made: dict[type[BaseModel], GraphQLObjectType] = {}

    def of(self, model: type[BaseModel]) -> GraphQLObjectType:
        """The type of what a route answers with, or of a part of it."""
        if model not in self._made:
            made = GraphQLObjectType(model.__name__, lambda: self._fields(model), description=model.__doc__)
            self._made[model] = cast("GraphQLObjectType", made)
        return self._made[model]

    def _fields(self, model: type[BaseModel]) -> dict[str, GraphQLField]:
        own = {
            name: GraphQLField(self._of(field.annotation), description=_description(field))
            for name, field in model.model_fields.items()
        }
        return own | dict(self._more.get(model, dict)())

    def _of(self, annotation: Any) -> Any:
        kind, optional = _parts(annotation)
        if get_origin(kind) is list:
            made: Any = GraphQLList(self._of(get_args(kind)[0]))
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            made = self.of(kind)
        else:
            made = _SCALARS[kind]
        return made if optional else GraphQLNonNull(made)


def arguments(question: type[Query], *, without: frozenset[str] = frozenset()) -> dict[str, GraphQLArgument]:
    """The parameters of a question, but for `format`, which is JSON, and those that are given otherwise."""
    return {
        name: GraphQLArgument(
            GraphQLNonNull(scalar) if field.is_required() else scalar,
            default_value=Undefined if field.is_required() or field.default is None else field.default,
            description=_description(field),
        )
        for name, field in question.model_fields.items()
        if name != "format" and name not in without
        for scalar in (_SCALARS[_parts(field.annotation)[0]],)
    }


def _description(field: FieldInfo) -> str | None:
    kind, _ = _parts(field.annotation, choices=True)
    if get_origin(kind) is not Literal:
        return field.description
    chosen = f"One of {', '.join(map(str, get_args(kind)))}."
    return f"{field.description} {chosen}" if field.description else chosen


def _parts(annotation: Any, *, choices: bool = False) -> tuple[Any, bool]:
    """What a field holds, and whether it may be null. Choices are text, since some are no GraphQL names."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _parts(get_args(annotation)[0], choices=choices)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [one for one in get_args(annotation) if one is not type(None)]
        return _parts(inner, choices=choices)[0], True
    if origin is Literal and not choices:
        return str, False
    return cast("Any", annotation), False
