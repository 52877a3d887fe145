"""What the routes share: JSON in and out, refusals, limits and timing."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import msgspec
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from workloads.model_server import metrics
from workloads.model_server.forecaster import NoForecast, UnknownSymbol, Unprocessable
from workloads.model_server.limits import Limit, Overloaded
from workloads.model_server.models import Models
from workloads.model_server.residents import ModelAway
from workloads.model_server.store import StoreAway

P = ParamSpec("P")
T = TypeVar("T")

_RETRY_SECONDS: Final = "1"
_encode: Final = msgspec.json.Encoder().encode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Body of every answer that is not a success. `field` is the part of the request that is at fault."""

    error: str
    field: str | None = None


class Refused(Exception):
    """An answer other than the one asked for."""

    def __init__(
        self, status: int, message: str, *, field: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(error=message, field=field)
        self.reason = reason


def answer(value: Any, status: int = 200) -> Response:
    """JSON of a msgspec type, dictionary or list."""
    return Response(_encode(value), status, content_type="application/json")


def refuse(refused: Refused) -> Response:
    """The problem as JSON; a 503 says when to come back."""
    response = answer(refused.problem, refused.status)
    if refused.status == 503:
        response.headers["Retry-After"] = _RETRY_SECONDS
    if refused.reason is not None:
        metrics.REFUSED.labels(refused.reason).inc()
    return response


def body(decoder: msgspec.json.Decoder[T]) -> T:
    """The request's body. Refused: 400 where it is not JSON, 422 where it is not what is wanted."""
    try:
        return decoder.decode(_read())
    except msgspec.ValidationError as error:
        raise unprocessable(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, f"the body is not JSON: {error}", reason="invalid") from error
    except RecursionError as error:
        raise Refused(400, "the body is nested too deep", field="body", reason="invalid") from error


def _read() -> bytes:
    """The body. Where its length is told, without Werkzeug's layers, which cost more than a prediction."""
    length = request.environ.get("CONTENT_LENGTH")
    if not length or not length.isdigit():
        return request.get_data(cache=False)
    limit = current_app.config["MAX_CONTENT_LENGTH"]
    if int(length) > limit:
        raise RequestEntityTooLarge
    return request.environ["wsgi.input"].read(int(length))


def unprocessable(error: msgspec.ValidationError) -> Refused:
    """A 422 from msgspec's message, which ends in the path of the field: "… - at `$.symbol`"."""
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    if message.startswith("Object "):
        # Of a missing or unknown field msgspec gives the path of the object; its name is quoted last.
        name = message.rsplit("`", 2)[1]
        field = f"{field}.{name}" if field else name
    return Refused(422, message, field=field or None, reason="invalid")


def same_features(given: object, expected: str, field: str) -> None:
    """Refused with 409 where a caller names another feature set than is expected: its length may be equal."""
    if given is not None and given != expected:
        raise Refused(
            409,
            f"expected features of the set {expected}, got {str(given)[:100]!r}: compute the same, or come"
            " back when both sides are of one release",
            field=field,
            reason="feature_set",
        )


def work(models: Models, limit: Limit) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Decorator of a route that predicts: takes a place, and turns what went wrong into an answer."""

    def decorate(route: Callable[P, Response]) -> Callable[P, Response]:
        @wraps(route)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                if not models.ready:
                    raise Refused(503, "the model registry was not read yet", reason="not_ready")
                with limit:
                    return route(*args, **kwargs)
            except Refused as refused:
                return refuse(refused)
            except Unprocessable as error:
                return refuse(Refused(422, str(error), field=error.field, reason="invalid"))
            except UnknownSymbol as error:
                return refuse(Refused(404, f"no price of {error} is known", field="symbol"))
            except NoForecast as error:
                return refuse(Refused(404, str(error), field="delivery"))
            except Overloaded:
                return refuse(Refused(503, "too many requests at once", reason="overload"))
            except ModelAway as error:
                return refuse(Refused(503, f"a model cannot be read just now: {error}", reason="model"))
            except StoreAway:
                return refuse(Refused(503, "the feature store does not answer", reason="store"))

        return wrapped

    return decorate


def timed(endpoint: str) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Decorator: time to answer, by endpoint and status."""

    def decorate(route: Callable[P, Response]) -> Callable[P, Response]:
        by_code: dict[int, Any] = {}

        @wraps(route)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> Response:
            started = time.perf_counter()
            response = route(*args, **kwargs)
            code = response.status_code
            child = by_code.get(code)
            if child is None:
                child = by_code[code] = metrics.REQUEST_SECONDS.labels(endpoint, str(code))
            child.observe(time.perf_counter() - started)
            return response

        return wrapped

    return decorate


def handle_errors(app: Flask) -> None:
    """JSON for what no route answers: unknown paths and methods, bodies too large, our own faults."""

    def too_large(_: RequestEntityTooLarge) -> Response:
        limit = app.config["MAX_CONTENT_LENGTH"]
        return refuse(Refused(413, f"the body is larger than {limit} bytes", reason="too_large"))

    def other(error: HTTPException) -> Response:
        response = answer(Problem(error=f"{error.name}: {request.method} {request.path}"), error.code or 500)
        if isinstance(getattr(error, "valid_methods", None), list | set):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # pyright: ignore
        return response

    def fault(error: Exception) -> Response:
        app.logger.exception("request failed", exc_info=error)
        return answer(Problem(error="internal error"), 500)

    app.register_error_handler(RequestEntityTooLarge, too_large)
    app.register_error_handler(HTTPException, other)
    app.register_error_handler(Exception, fault)
