"""/v1/stream: prices and predictions as they come, as Server-Sent Events.

Each event has an `id`: give the last one back as `Last-Event-ID`, as a browser's EventSource does by itself,
and the stream goes on after it; nothing is lost or sent twice. A quiet line carries an id alone from time to
time. A client that reads too slowly is cut off, and goes on when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final, Literal

from flask import Response, g, request
from flask_openapi3.openapi import OpenAPI
from pydantic import Field

from workloads.data_api import identity
from workloads.data_api.guard import GUARD, Guard, needs
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Parameters
from workloads.data_api.stream.broadcast import Broadcast, Full
from workloads.data_api.stream.client import Wanted
from workloads.data_api.stream.events import Kind
from workloads.data_api.stream.places import LONGEST, BadPlace
from workloads.data_api.stream.resume import NotReady

_SYMBOLS: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(,[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,199}$"
_KINDS: Final[dict[str, frozenset[Kind]]] = {
    "prices": frozenset({"price"}),
    "predictions": frozenset({"prediction"}),
    "all": frozenset({"price", "prediction"}),
}


class StreamQuery(Parameters):
    """Of what, and from where on."""

    symbols: str | None = Field(
        None, pattern=_SYMBOLS, description="Symbols with commas between, at most 200; all by default."
    )
    events: Literal["prices", "predictions", "all"] = Field("all", description="Which events.")
    last_event_id: str | None = Field(
        None,
        max_length=LONGEST,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="As the header Last-Event-ID, for who cannot send it; the header goes before.",
    )


class _Taken(Response):
    """No answer of gunicorn's: the connection is another's from now on."""

    def __call__(self, *_: Any, **__: Any) -> Iterable[bytes]:
        raise StopIteration


def _described() -> Any:
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}}
    return {
        "200": {
            "description": "Events `price`, `prediction`, and `forecast` of a whole delivery day.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "422": {"description": "A parameter is wrong: which, and what to give instead.", **problem},
        "503": {
            "description": "Too many clients, or Kafka is away: ask again after `Retry-After`.",
            **problem,
        },
    }


def routes(app: OpenAPI, streams: Broadcast | None) -> None:
    """Add the route; without one it says that there is none."""

    @app.get(
        "/v1/stream",
        summary="Prices and predictions as they come",
        description=__doc__,
        responses=_described(),
        operation_id="stream",
    )
    @needs("api", "read", session="hub")
    def stream(query: StreamQuery) -> Response:
        principal = identity.asking()
        if late := principal.entitlement.delay_minutes:
            raise Refused(
                403,
                f"tenant {principal.tenant} gets prices {late} minutes late",
                field="delay_minutes",
                value=str(late),
                remedy="ask /v1/prices, or those who run the platform for real time",
                reason="product",
            )
        sock = request.environ.get("gunicorn.socket")
        if streams is None or sock is None:
            raise _away("there is no stream here", "ask those who run the platform for KAFKA_BOOTSTRAP")
        given = request.headers.get("Last-Event-ID") or query.last_event_id
        try:
            place = streams.place(given)
            guard: Guard = app.extensions[GUARD]
            ended = partial(guard.sent, principal, g.product)
            symbols = frozenset(query.symbols.split(",")) if query.symbols else None
            wanted = Wanted(symbols, _KINDS[query.events], principal.sees, ended)
            streams.take(sock, wanted, place, g.request_id)
        except NotReady as error:
            raise _away("Kafka has not answered yet", "ask again after Retry-After") from error
        except Full as error:
            raise _away("too many clients", "ask again after Retry-After") from error
        except BadPlace as error:
            raise Refused(
                422,
                f"no stream goes on from it: {error}",
                field="Last-Event-ID",
                value=given,
                remedy="begin without one, and ask /v1/prices for what was before",
                reason="invalid",
            ) from error
        return _Taken()


def _away(detail: str, remedy: str) -> Refused:
    return Refused(503, detail, field="path", value="/v1/stream", remedy=remedy, reason="overload")
