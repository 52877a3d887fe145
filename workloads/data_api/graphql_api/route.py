"""POST /graphql: one request, parsed, measured, answered, counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

from flask import Response, g, redirect, request, url_for
from flask_openapi3.openapi import OpenAPI
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values
from graphql.validation import MaxIntrospectionDepthRule
from pydantic import Field
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as BaseResponse

from workloads.data_api import catalogue, metrics
from workloads.data_api.alone import Alone
from workloads.data_api.answers import form
from workloads.data_api.graphql_api import limits, schema
from workloads.data_api.guard import needs
from workloads.data_api.problems import DOCS, Fault, Refused
from workloads.data_api.questions import Body
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store

PATH: Final = "/graphql"
SCHEMA: Final = "carbon.graphql"
"""Name of the schema among the application's extensions."""

_JSON: Final = ("application/json", "application/graphql-response+json")
_RULES: Final = (*specified_rules, MaxIntrospectionDepthRule)
_MOST_ERRORS: Final = 20
"""Errors that are told at once."""
_CODES: Final = {True: "BAD_USER_INPUT", False: "GRAPHQL_VALIDATION_FAILED"}
"""What clients of GraphQL call it, by whether a parameter's value or the document is wrong."""


class GraphQLBody(Body):
    """A request of GraphQL."""

    query: str = Field(description="The document.")
    variables: dict[str, Any] | None = Field(None, description="Values of its variables, by name.")
    operationName: str | None = Field(None, description="Which of its operations, where it has several.")
    extensions: dict[str, Any] | None = Field(None, description="Taken, and not looked at.")


class _Wrong(Exception):
    """The request is none: nothing of it was answered."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""
    made = schema.made(store, catalogue.of(app, store, settings), settings)
    app.extensions[SCHEMA] = made
    alone = Alone(PATH, settings.store_wait_seconds)

    # A browser is led to the page on which people try it; a program is told that there is no GET.
    @app.get(PATH, doc_ui=False)
    def playground() -> BaseResponse:
        if "text/html" not in request.headers.get("Accept", "") or request.args:
            raise MethodNotAllowed(["POST"])
        return redirect(url_for("hub.page", name="graphql"))

    # By POST of JSON alone: no page of another site sends that, and no address holds a question.
    @app.post(PATH, doc_ui=False)
    @needs("api", "read", session="api")
    def graphql(body: GraphQLBody) -> Response:
        kind = form(_JSON)
        try:
            with alone.turn():
                asking = schema.Request(settings.store_timeout_seconds)
                result = _answered(made, body, asking, settings)
        except _Wrong as wrong:
            metrics.REFUSED.labels("invalid").inc()
            return _response({"errors": _told(wrong.errors)}, kind, 400)
        metrics.ROWS.labels(request.endpoint or "").inc(asking.rows)
        g.rows = asking.rows
        errors = {"errors": _told(result.errors)} if result.errors else {}
        return _response({"data": result.data, **errors}, kind, 200)


def _answered(
    made: GraphQLSchema, body: GraphQLBody, asking: schema.Request, settings: DataApiSettings
) -> ExecutionResult:
    try:
        document = parse(body.query, max_tokens=settings.graphql_tokens)
    except GraphQLError as error:
        raise _Wrong([error]) from error
    if errors := validate(made, document, _RULES, max_errors=_MOST_ERRORS):
        raise _Wrong(errors)
    operation = get_operation_ast(document, body.operationName)
    if operation is None:
        _no_operation(document.definitions, body.operationName)
    if operation.operation is not OperationType.QUERY:
        raise _Wrong([GraphQLError(f"There is no {operation.operation.value}: all is read only.", operation)])
    variables = get_variable_values(
        made, operation.variable_definitions or (), body.variables or {}, max_errors=_MOST_ERRORS
    )
    if isinstance(variables, list):
        raise _Wrong(variables)
    try:
        limits.check(made, document, operation, variables, settings)
    except GraphQLError as error:  # an argument that its variable leaves without a value
        raise _Wrong([error]) from error
    except Refused as refused:
        raise _Wrong([GraphQLError(refused.detail, original_error=refused)]) from refused
    result = execute(
        made,
        document,
        context_value=asking,
        variable_values=body.variables,
        operation_name=body.operationName,
    )
    assert isinstance(result, ExecutionResult)  # no resolver is asynchronous
    for error in result.errors or ():
        _raise_ours(error)
    return result


def _no_operation(definitions: Sequence[object], name: str | None) -> NoReturn:
    names = [one.name.value for one in definitions if isinstance(one, OperationDefinitionNode) and one.name]
    raise Refused(
        422,
        "there is no such operation" if name is not None else "it does not say which operation",
        field="operationName",
        value=name,
        remedy=f"give one of {', '.join(names)}" if names else "give none: the query has no name",
        reason="invalid",
    )


def _raise_ours(error: GraphQLError) -> None:
    """A fault that is not the question's is answered as any route answers it."""
    original = error.original_error
    if original is not None and not isinstance(original, (Refused, GraphQLError)):
        raise original


def _response(body: Mapping[str, Any], kind: str, status: int) -> Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    response = Response(text, status, content_type=kind)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _told(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """Errors as GraphQL has them, one a fault; `extensions` have what a problem says of it. None is ours:
    what is fails the whole request."""
    return [
        {
            **{name: value for name, value in error.formatted.items() if name != "extensions"},
            "message": f"{fault.field}: {fault.detail}",
            "extensions": {
                **fault.model_dump(),
                "code": _CODES[isinstance(error.original_error, Refused)],
                "request_id": g.get("request_id", ""),
            },
        }
        for error in errors
        for fault in _faults(error)
    ][:_MOST_ERRORS]


def _faults(error: GraphQLError) -> Iterator[Fault]:
    original = error.original_error
    if isinstance(original, Refused):
        yield from original.faults
    else:
        yield Fault(
            field="query", value=None, detail=error.message, remedy=f"ask for __schema, or see {DOCS}"
        )
