"""What is answered instead of what was asked for: RFC 9457 problems that name field, value and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from workloads.data_api import metrics
from workloads.data_api.questions import Body, Parameters
from workloads.data_api.store import StoreAway, StoreBusy, StoreSlow

_log: Any = structlog.get_logger(__name__)

DOCS: Final = "/api/docs"
"""Path of the page that shows all routes."""

CONTENT_TYPE: Final = "application/problem+json"
_RETRY_SECONDS: Final = "2"
LARGEST_BODY: Final = 1 << 20
"""Bytes."""
_SHOWN: Final = 100
"""Characters of a value that are given back."""

_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="Parameter, header or part of the request.")
    value: str | None = Field(description="What was given, shortened.")
    detail: str
    remedy: str


class Problem(BaseModel):
    """RFC 9457 problem. `errors` has one entry a fault of the request; it is empty where it has none."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    remedy: str
    request_id: str
    errors: list[Fault]


class Refused(Exception):
    """An answer other than the one asked for, because of one field.

    Args:
        reason: as the metric counts it.
        headers: of the answer, besides.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str,
        value: str | None,
        remedy: str,
        reason: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.reason, self.headers = status, reason, headers or {}
        self.detail, self.remedy = f"{field}: {detail}", remedy
        self.faults = [
            Fault(field=field, value=None if value is None else _shown(value), detail=detail, remedy=remedy)
        ]


def problem(
    status: int, detail: str, remedy: str, *, reason: str, errors: list[Fault] | None = None
) -> Response:
    """A problem as an answer; a 503 says when to come back."""
    metrics.REFUSED.labels(reason).inc()
    body = Problem(
        title=_TITLES.get(status, "Refused"),
        status=status,
        detail=detail,
        remedy=remedy,
        request_id=g.get("request_id", ""),
        errors=errors or [],
    )
    response = Response(body.model_dump_json(), status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def invalid(error: ValidationError) -> Response:
    """422 of a question that is not one: each parameter at fault, and what it has to be."""
    found = faults(error)
    first = found[0]
    return problem(422, f"{first.field}: {first.detail}", first.remedy, reason="invalid", errors=found)


def faults(error: ValidationError) -> list[Fault]:
    """What is wrong with a question, one a parameter at least."""
    known = {one.__name__: one for base in (Parameters, Body) for one in _questions(base)}
    asked = known.get(error.title, Parameters)
    return [_fault(one, asked) for one in error.errors(include_url=False)]


def refusal(error: ValidationError) -> Refused:
    """The same as an exception, for who answers several questions at once."""
    found = faults(error)
    first = found[0]
    refused = Refused(
        422, first.detail, field=first.field, value=first.value, remedy=first.remedy, reason="invalid"
    )
    refused.faults = found
    return refused


def _questions(of: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield of
    for one in of.__subclasses__():
        yield from _questions(one)


def _fault(error: Any, asked: type[BaseModel]) -> Fault:
    field = ".".join(map(str, error["loc"])) or ("body" if issubclass(asked, Body) else "query")
    wanted = asked.model_fields[field].description if field in asked.model_fields else None
    detail, value = error["msg"].removeprefix("Value error, "), _shown(str(error["input"]))
    remedy = f"it is: {wanted}" if wanted else f"{DOCS} says what it is"
    match error["type"]:
        case "extra_forbidden":
            detail = "there is no such parameter"
            if len(error["loc"]) == 1:
                remedy = f"there are {', '.join(sorted(asked.model_fields))}"
        case "model_type" if not error["loc"]:
            detail, value = "it is no JSON object", None
            remedy = "send one, with Content-Type: application/json"
        case "missing":
            detail, value = "it is missing", None
        case "value_error" if ": " in detail:
            detail, _, remedy = detail.rpartition(": ")  # the value, in the detail, may hold one itself
        case _:
            pass
    return Fault(field=field, value=value, detail=detail, remedy=remedy)


def _shown(value: str) -> str:
    """As it is given back: short, and text that can be encoded, which JSON with half a surrogate is not."""
    return value[:_SHOWN].encode(errors="backslashreplace").decode()


def handle(app: Flask) -> None:
    """Problems for all that no route answers."""

    def refused(error: Refused) -> Response:
        response = problem(error.status, error.detail, error.remedy, reason=error.reason, errors=error.faults)
        response.headers.update(error.headers)
        return response

    def away(_: StoreAway) -> Response:
        return problem(503, "the database does not answer", "ask again after Retry-After", reason="store")

    def busy(_: StoreBusy) -> Response:
        return problem(503, "too many questions at once", "ask again after Retry-After", reason="overload")

    def slow(_: StoreSlow) -> Response:
        remedy = "ask for less at once: a shorter time from start to end, or a lower limit"
        return problem(503, "the answer took the database too long", remedy, reason="slow")

    def other(error: HTTPException) -> Response:
        if isinstance(error.response, Response):  # made by us already, and raised by a library
            return error.response
        status = error.code or 500
        if status == 413:
            return problem(
                413, "body: it is too large", f"send at most {LARGEST_BODY} bytes", reason="invalid"
            )
        one = Fault(
            field="method" if status == 405 else "path",
            value=(request.method if status == 405 else request.path)[:_SHOWN],
            detail=f"{error.name}: {request.method} {request.path[:_SHOWN]}",
            remedy=f"{DOCS} lists what there is",
        )
        response = problem(status, one.detail, one.remedy, reason="unknown", errors=[one])
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    def nested(_: RecursionError) -> Response:
        return problem(422, "body: it is nested too deep", f"{DOCS} says what it is", reason="invalid")

    def fault(error: Exception) -> Response:
        _log.error("request.failed", path=request.path, exc_info=error)
        return problem(
            500, "internal error", "report the request_id to those who run the platform", reason="fault"
        )

    app.register_error_handler(Refused, refused)
    app.register_error_handler(StoreAway, away)
    app.register_error_handler(StoreBusy, busy)
    app.register_error_handler(StoreSlow, slow)
    app.register_error_handler(HTTPException, other)
    app.register_error_handler(RecursionError, nested)
    app.register_error_handler(Exception, fault)
