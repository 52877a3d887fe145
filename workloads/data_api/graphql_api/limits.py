"""How much one request may ask for, known from its text and its variables before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import get_argument_values

from workloads.data_api.problems import Refused
from workloads.data_api.settings import DataApiSettings

ASKS: Final = "asks"
"""Extension of a field that asks for rows."""

_UNPAGED: Final = 100
"""Rows that a field without a limit counts for."""


@dataclass(frozen=True, slots=True)
class Size:
    """Args:
    depth: fields within fields.
    rows: most that may be given: those of a field for each row that it stands in.
    aliases: fields that are given a name of their own.
    """

    depth: int
    rows: int
    aliases: int


def check(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    settings: DataApiSettings,
) -> None:
    """Refused, 422, where a valid operation is larger than the settings allow."""
    size = measured(schema, document, operation, variables)
    for field, found, most, remedy in (
        ("depth", size.depth, settings.graphql_depth, "ask for the inner parts by themselves"),
        ("aliases", size.aliases, settings.graphql_aliases, "ask in several requests"),
        ("rows", size.rows, settings.graphql_rows, "give lower limits, of inner parts above all"),
    ):
        if found > most:
            raise Refused(
                422,
                f"it asks for {found}, and {most} are the most",
                field=field,
                value=str(found),
                remedy=remedy,
                reason="invalid",
            )


def measured(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Size:
    """The size of an operation of a valid document: its fragments do not contain themselves."""
    fragments = {
        one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    assert schema.query_type is not None
    return _Measure(fragments, variables).of(operation.selection_set, schema.query_type)


class _Measure:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]) -> None:
        self._fragments, self._variables = fragments, dict(variables)
        # Each measured once, however often it is spread: fragments of fragments multiply.
        self._known: dict[str, Size] = {}

    def of(self, selected: SelectionSetNode, within: GraphQLObjectType) -> Size:
        depth = rows = aliases = 0
        for one in selected.selections:
            size = Size(0, 0, 0)
            if isinstance(one, FieldNode):
                size = self._field(one, within)
            elif isinstance(one, InlineFragmentNode):
                size = self.of(one.selection_set, within)
            elif isinstance(one, FragmentSpreadNode):
                size = self._fragment(one.name.value, within)
            depth = max(depth, size.depth)
            rows, aliases = rows + size.rows, aliases + size.aliases
        return Size(depth, rows, aliases)

    def _fragment(self, name: str, within: GraphQLObjectType) -> Size:
        # No type here is of several, so a fragment is of the type that it is spread in.
        if name not in self._known:
            self._known[name] = self.of(self._fragments[name].selection_set, within)
        return self._known[name]

    def _field(self, node: FieldNode, within: GraphQLObjectType) -> Size:
        alias = 1 if node.alias is not None else 0
        field = within.fields.get(node.name.value)
        if field is None:  # __typename, __schema: introspection has a limit of its own
            return Size(1, 0, alias)
        times, own = 1, 0
        if field.extensions.get(ASKS):
            own = times = self._limit(field, node)
        kind = get_named_type(field.type)
        if node.selection_set is None or not isinstance(kind, GraphQLObjectType):
            return Size(1, own, alias)
        inner = self.of(node.selection_set, kind)
        return Size(1 + inner.depth, own + times * inner.rows, alias + inner.aliases)

    def _limit(self, field: GraphQLField, node: FieldNode) -> int:
        if (argument := field.args.get("limit")) is None:
            return _UNPAGED
        given = get_argument_values(field, node, self._variables).get("limit")
        # Null is as not given. One that is below 1 is refused by its question, and makes no room here.
        return max(argument.default_value if given is None else given, 1)
