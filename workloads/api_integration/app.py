"""The Flask application. One is made in each worker, after the fork."""

from __future__ import annotations

import hmac
import re
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST

from workloads.api_integration import metrics, problems, weather
from workloads.api_integration.cache import Cache, Entry
from workloads.api_integration.gateway import Answer, Gateway
from workloads.api_integration.questions import Invalid, Question, question
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.api_integration.shared import Away
from workloads.api_integration.withdrawal import withdraw
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.providers import PROVIDERS
from workloads.kit.contracts.public import LIVE, READY

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CALLER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NOBODY: Final = "unnamed"
"""Who asks without `X-Caller`. The name is the caller's own word: the network decides who may ask."""
_TAG: Final = re.compile(r"[\x20-\x7e]{1,200}")

_log: Any = structlog.get_logger(__name__)


def create_app(settings: ApiIntegrationSettings, gateway: Gateway, cache: Cache) -> Flask:
    """The routes."""
    app = Flask(API_INTEGRATION.name, static_folder=None)

    @app.get(LIVE)
    def live() -> dict[str, bool]:
        return {"live": True}

    # Neither Redis nor a provider that is away makes a pod unready: all would be, and nobody could say why.
    @app.get(READY)
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/metrics")
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    @app.get(problems.LIST)
    def providers() -> Response:
        return _json(_listed())

    @app.get("/v1/<provider>/<route>")
    def ask(provider: str, route: str) -> Response:
        given = {name: request.args.getlist(name) for name in request.args}
        asked = question(provider, route, given)
        g.provider = provider
        return _answered(asked, gateway.ask(asked, _caller(), g.request_id))

    @app.delete("/v1/tags/<path:tag>")
    def withdrawn(tag: str) -> Response:
        _operator(settings)
        if not _TAG.fullmatch(tag):
            raise Invalid("tag", tag, "it is no tag", "give one such as holidays, country:DE or all")
        by, reason = _caller(), request.args.get("reason", "").strip()
        if by == NOBODY or not reason:
            raise Invalid(
                "reason" if by != NOBODY else "X-Caller", None, "it is missing", "say who does it, and why"
            )
        try:
            done = withdraw(settings, cache, tag, by=by, reason=reason)
        except Away:
            return problems.problem(503, "Redis does not answer: nothing is withdrawn", "ask again later")
        return _json({"tag": tag, "withdrawn": done.there, "recorded": done.error is None})

    app.before_request(_begin)
    app.after_request(_finish)
    problems.handle(app)
    return app


def _caller() -> str:
    given = request.headers.get("X-Caller", "")
    return given if _CALLER.fullmatch(given) else NOBODY


def _answered(asked: Question, answer: Answer) -> Response:
    entry, now = answer.entry, time.time()
    g.cache = answer.cache
    if entry.negative:
        response = _negative(asked, entry)
    elif (asked.provider, asked.route) == weather.ROUTE:
        response = _json(weather.rows(entry.body, datetime.fromtimestamp(entry.received_at, UTC)))
    else:
        response = Response(entry.body, content_type="application/json")
    headers = response.headers
    headers["X-Cache"] = answer.cache.upper()
    headers["Age"] = str(max(0, int(now - entry.confirmed_at)))
    if answer.cache == "stale":
        # Of its own time it has none left, and whoever caches it would hide that it is stale.
        headers["Cache-Control"] = "no-store"
        headers["Warning"] = '110 - "Response is Stale"'
        headers["X-Stale-Because"] = _header(answer.why)
    else:
        headers["Cache-Control"] = f"private, max-age={max(0, int(entry.fresh_until - now))}"
    headers["X-Data-Licence"] = asked.of.licence
    return response


def _header(words: str) -> str:
    """A provider's words as a header can hold them: printable ASCII, other characters escaped."""
    text = " ".join(words.split()).encode("ascii", "backslashreplace").decode()
    return re.sub(r"[^\x20-\x7e]", "?", text)[:200]


def _negative(asked: Question, entry: Entry) -> Response:
    words = entry.body.decode(errors="replace")
    said = f": {words}" if words else ""
    if entry.status in (400, 422):
        return problems.problem(
            422,
            f"{asked.provider} does not take this question{said}",
            "ask otherwise",
            provider=asked.provider,
        )
    return problems.problem(
        404, f"{asked.provider} knows of no such thing{said}", "ask for another", provider=asked.provider
    )


def _operator(settings: ApiIntegrationSettings) -> None:
    file = settings.operator_token_file
    if file is None:
        raise Invalid(
            "Authorization",
            None,
            "answers are not withdrawn over HTTP here",
            "set OPERATOR_TOKEN_FILE, or run `python -m workloads.api_integration withdraw` in a pod",
            status=403,
        )
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(given.encode(), _token(file)):
        raise Invalid(
            "Authorization", None, "it is not the operators'", "give their token as Bearer", status=401
        )


def _token(file: Path) -> bytes:
    """The operators' token: never empty, which everybody would know."""
    try:
        token = file.read_bytes().strip()
    except OSError as error:
        _log.error("operator_token.unread", file=str(file), error=error.strerror)
        token = b""
    if not token:
        raise Invalid(
            "Authorization",
            None,
            "the operators' token is missing or empty here: nothing is withdrawn over HTTP",
            "put it into the file that OPERATOR_TOKEN_FILE names",
            status=503,
        )
    return token


def _listed() -> list[dict[str, Any]]:
    return [
        {
            "provider": name,
            "about": one.about,
            "licence": one.licence,
            "limits": [{"calls": limit.calls, "seconds": limit.seconds} for limit in one.limits],
            "routes": [
                {
                    "path": f"/v1/{name}/{route}",
                    "about": how.about,
                    "fresh_seconds": how.ttl_seconds,
                    "cost_units": how.cost,
                    "parameters": {
                        parameter: {
                            "about": what.about,
                            "required": what.default is None,
                            **({"default": what.default} if what.default is not None else {}),
                            **({"choices": what.choices} if what.choices else {}),
                        }
                        for parameter, what in how.parameters.items()
                    },
                }
                for route, how in one.routes.items()
            ],
        }
        for name, one in PROVIDERS.items()
    ]


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if "provider" in g:
        spent = time.perf_counter() - g.get("started", time.perf_counter())
        labels = (g.provider, g.get("cache", "none"), str(response.status_code))
        metrics.REQUEST_SECONDS.labels(*labels).observe(spent)
    return response
