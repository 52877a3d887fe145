"""/hub: pages, their scripts and styles, all served from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import structlog
from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask_openapi3.openapi import OpenAPI
from werkzeug.wrappers import Response as BaseResponse

from workloads.data_api import scenarios, sessions
from workloads.data_api.downloads.datasets import DATASETS
from workloads.data_api.downloads.question import DownloadsQuery
from workloads.data_api.guard import Guard
from workloads.data_api.identity import Principal
from workloads.data_api.problems import DOCS, Refused
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.told import logged_in
from workloads.kit.contracts.entitlements import Product

HUB: Final = "/hub"
"""Path below which all of it is."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, and no script or style within a page."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page, as the menu has it; its template and its script are called as it is."""

    title: str
    about: str
    needs: tuple[Product, ...] = ()
    """Products that it needs beside the hub."""


PAGES: Final[Mapping[str, Place]] = {
    "board": Place("Markets", "Last price, change and forecast of every series"),
    "instrument": Place("Instrument", "Prices, forecasts and what came of them"),
    "curves": Place("Curves", "Forward curves from quotes, and what if"),
    "models": Place("Models", "How good the forecasts were"),
    "downloads": Place("Downloads", "Prices and forecasts as a file", ("downloads",)),
    "status": Place("Status", "How fresh each source is"),
}


_OUTSIDE: Final = Place("Log in", "")
_ASSETS_SECONDS: Final = 86_400

_log: Any = structlog.get_logger(__name__)


def routes(app: OpenAPI, settings: DataApiSettings, guard: Guard) -> None:
    """Add the pages; `guard` knows who looks at them."""
    hub = Blueprint(
        "hub",
        __name__,
        url_prefix=HUB,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )

    @hub.get("/")
    def start() -> BaseResponse:
        return redirect(url_for("hub.page", name="board"))

    @hub.get("/charting/<path:name>")
    def charting(name: str) -> Response:
        response = send_from_directory(settings.charting, name, max_age=_ASSETS_SECONDS)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @hub.get("/login")
    def login() -> Response:
        return _page("login", "", None, 200)

    @hub.post("/login")
    def enter() -> BaseResponse:
        if not sessions.of_this_site():
            return _page("login", "Log in from this page itself.", None, 403)
        try:
            key = guard.holder(request.form.get("key", ""))
        except Refused as error:
            # As the API says it, but for the remedy, which is a header.
            return _page("login", f"{error.faults[0].detail.capitalize()}.", None, 401)
        response = make_response(redirect(_within(request.form.get("next", ""))))
        sessions.begin(response, key)
        logged_in(key)
        _log.info("hub.login", tenant=key.tenant, key=key.id)
        return response

    @hub.post("/logout")
    def leave() -> BaseResponse:
        response = make_response(redirect(url_for("hub.login")))
        if sessions.of_this_site():
            sessions.end(response)
        return response

    @hub.get("/<any(board, instrument, curves, models, downloads, status):name>")
    def page(name: str) -> BaseResponse:
        try:
            visitor = guard.visitor()
        except Refused:
            return redirect(url_for("hub.login", next=request.full_path))
        structlog.contextvars.bind_contextvars(tenant=visitor.tenant, key=visitor.key)
        lacks = {"hub", *PAGES[name].needs} - set(visitor.entitlement.products)
        if lacks:
            return _page("refused", " and ".join(sorted(lacks)), visitor, 403)
        return _page(name, "", visitor, 200)

    def _page(name: str, wrong: str, visitor: Principal | None, status: int) -> Response:
        body = render_template(
            f"hub/{name}.html",
            name=name,
            pages=PAGES,
            here=PAGES.get(name, _OUTSIDE),
            zones=settings.zones,
            docs=DOCS,
            datasets=[name for name in _choices("dataset") if "symbol" in DATASETS[name].asked],
            formats=_choices("format"),
            most_scenarios=scenarios.MOST,
            version=settings.code_version,
            visitor=visitor,
            wrong=wrong,
            following=request.values.get("next", ""),
        )
        response = make_response(body, status)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    app.register_blueprint(hub)


def _choices(field: str) -> tuple[str, ...]:
    """What /v1/downloads takes, which alone says so."""
    return get_args(DownloadsQuery.model_fields[field].annotation)


def _within(path: str) -> str:
    """A page of the hub to go on to: nobody is led elsewhere by a link to the log-in."""
    ours = path.startswith(f"{HUB}/") and "\\" not in path and path.isascii() and path.isprintable()
    return path if ours else url_for("hub.start")
