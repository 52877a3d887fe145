"""What is answered in place of an answer: RFC 9457 problems that name what is at fault, and the remedy."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from workloads.api_integration.gateway import Unanswered
from workloads.api_integration.questions import Invalid

CONTENT_TYPE: Final = "application/problem+json"
LIST: Final = "/v1/providers"
"""Path of the list of what can be asked."""
_SHOWN: Final = 100
"""Characters of a value that are given back."""
_TITLES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

_log: Any = structlog.get_logger(__name__)


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457 problem; `provider` is whose fault it is, `field` what of the request is."""

    title: str
    status: int
    detail: str
    remedy: str
    request_id: str
    type: str = "about:blank"
    provider: str | None = None
    field: str | None = None
    value: str | None = None


def problem(
    status: int,
    detail: str,
    remedy: str,
    *,
    provider: str | None = None,
    field: str | None = None,
    value: str | None = None,
) -> Response:
    """A problem as an answer."""
    body = Problem(
        title=_TITLES.get(status, "Refused"),
        status=status,
        detail=detail,
        remedy=remedy,
        request_id=g.get("request_id", ""),
        provider=provider,
        field=field,
        value=value and value[:_SHOWN],
    )
    response = Response(msgspec.json.encode(body), status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def handle(app: Flask) -> None:
    """Problems for all that no route answers."""

    def invalid(error: Invalid) -> Response:
        return problem(
            error.status,
            f"{error.field}: {error.detail}",
            error.remedy,
            field=error.field,
            value=error.value,
        )

    def unanswered(error: Unanswered) -> Response:
        failure = error.failure
        provider = (request.view_args or {}).get("provider")
        response = problem(failure.status, failure.detail, failure.remedy, provider=provider)
        response.headers["Retry-After"] = str(max(1, math.ceil(failure.retry_seconds)))
        return response

    def other(error: HTTPException) -> Response:
        status = error.code or 500
        response = problem(
            status, f"{error.name}: {request.method} {request.path[:_SHOWN]}", f"{LIST} lists what there is"
        )
        if allowed := getattr(error, "valid_methods", None):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    def fault(error: Exception) -> Response:
        _log.error("request.failed", path=request.path, exc_info=error)
        return problem(500, "internal error", "report the request_id to those who run the platform")

    app.register_error_handler(Invalid, invalid)
    app.register_error_handler(Unanswered, unanswered)
    app.register_error_handler(HTTPException, other)
    app.register_error_handler(Exception, fault)
