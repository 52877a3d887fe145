"""The Flask application. One is made in each worker, after the fork."""

from __future__ import annotations

import re
import time
import uuid
from typing import Final

import structlog
from flask import Response, g, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from prometheus_client import CONTENT_TYPE_LATEST

from workloads.data_api import (
    aggregates,
    catalogue,
    curves,
    docs,
    indicators,
    latest,
    metrics,
    packing,
    predictions,
    prices,
    problems,
    quality,
    reference,
    scenarios,
    skill,
)
from workloads.data_api.downloads import route as downloads
from workloads.data_api.downloads.jobs import files as download_files
from workloads.data_api.downloads.jobs import route as download_jobs
from workloads.data_api.graphql_api import route as graphql
from workloads.data_api.guard import GUARD, SCHEME, Guard, made
from workloads.data_api.hub import pages as hub
from workloads.data_api.problems import Refused
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.data_api.stream import route as stream
from workloads.data_api.stream.broadcast import Broadcast
from workloads.data_api.told import Told
from workloads.kit.audit import Send
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.public import LIVE, READY

VERSION: Final = "1.0.0"
"""Of the API: the first number changes with what its clients would not survive, and so does the path."""

_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key (`ck_…`), or an access token of the platform's identity provider.",
}

_RESOURCES: Final = (
    catalogue,
    reference,
    latest,
    prices,
    aggregates,
    indicators,
    predictions,
    skill,
    curves,
    scenarios,
    quality,
    downloads,
    download_jobs,
    download_files,
)
"""Modules of the routes, in the order of the document."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(
    settings: DataApiSettings,
    store: Store,
    guard: Guard | None = None,
    streams: Broadcast | None = None,
    told: Told | None = None,
    record: Send | None = None,
) -> OpenAPI:
    """All routes over the store.

    Args:
        guard: who lets requests in; by default one that reads keys and entitlements from the store.
        streams: what /v1/stream sends; without it that route says that there is none.
        told: tells what customers do; without it nobody is told.
        record: records what people say of alerts; without it they cannot.
    """
    app = OpenAPI(
        DATA_API.name,
        info=Info(title=DATA_API.name, version=VERSION, description=DATA_API.about),
        security_schemes={SCHEME: _BEARER},
        doc_ui=False,
        static_folder=None,
        validation_error_model=problems.Problem,
        validation_error_callback=problems.invalid,
    )

    app.config["MAX_CONTENT_LENGTH"] = problems.LARGEST_BODY
    # Else it would lead `//` elsewhere, by an address that it cannot know: TLS ends before it.
    app.url_map.merge_slashes = False

    @app.get(LIVE, doc_ui=False)
    def live() -> dict[str, bool]:
        return {"live": True}

    # A database that is away does not make a pod unready: all would be, and nobody could say why.
    @app.get(READY, doc_ui=False)
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/metrics", doc_ui=False)
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    app.before_request(_begin)
    guard = guard or made(settings, store)
    guard.install(app)
    app.extensions[GUARD] = guard
    app.extensions[quality.RECORD] = record
    app.before_request(_once)
    app.after_request(_finish)
    if told is not None:
        told.install(app)
    docs.routes(app)
    hub.routes(app, settings, guard)
    for resource in _RESOURCES:
        resource.routes(app, store, settings)
    graphql.routes(app, store, settings)
    stream.routes(app, streams)
    problems.handle(app)
    return app


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _once() -> None:
    """A parameter that is given twice says two things."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Refused(
                422,
                f"it is given {len(values)} times",
                field=name,
                value=", ".join(values),
                remedy="give it once: ask again for each value",
                reason="invalid",
            )


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if (
        response.status_code == 200
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
        and (coding := packing.coding(request.accept_encodings))
        and len(body := response.get_data()) >= packing.FROM
    ):
        response.set_data(packing.packed(body, coding))
        response.headers["Content-Encoding"] = coding
        response.vary.add("Accept-Encoding")
    spent = time.perf_counter() - g.get("started", time.perf_counter())
    metrics.REQUEST_SECONDS.labels(request.endpoint or "none", str(response.status_code)).observe(spent)
    return response
