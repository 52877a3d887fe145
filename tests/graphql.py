"""Queries made from the schema that data-api has."""

from __future__ import annotations

from flask import Flask
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

from workloads.data_api.graphql_api.limits import ASKS
from workloads.data_api.graphql_api.route import SCHEMA


def schema(app: Flask) -> GraphQLSchema:
    return app.extensions[SCHEMA]


def whole(made: GraphQLSchema, field: str) -> str:
    """The selection of all that a field of the query gives, but for what it asks besides."""
    assert made.query_type is not None
    return _selected(get_named_type(made.query_type.fields[field].type))


def _selected(kind: object) -> str:
    if not isinstance(kind, GraphQLObjectType):
        return ""
    parts = (
        f"{name} {_selected(get_named_type(one.type))}"
        for name, one in kind.fields.items()
        if ASKS not in one.extensions
    )
    return "{" + " ".join(parts) + "}"
