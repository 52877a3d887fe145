"""/hub: pages, their scripts and styles, all served from here."""

from __future__ import annotations

import time
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

from workloads.data_api import scenarios, sessions, signin
from workloads.data_api.downloads.datasets import DATASETS
from workloads.data_api.downloads.question import DownloadsQuery
from workloads.data_api.guard import Guard
from workloads.data_api.hub import dashboard
from workloads.data_api.identity import Principal
from workloads.data_api.problems import DOCS, Refused
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.told import logged_in
from workloads.kit.contracts.entitlements import Product
from workloads.kit.contracts.people import SIGNED_IN
from workloads.kit.contracts.quality import QualityRule

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
    "alerts": Place("Alerts", "What is wrong or strange with the data, and what was said of it"),
    "status": Place("Status", "How fresh each source is, and what is wrong with it"),
    "graphql": Place("GraphQL", "Try what /graphql answers", ("api",)),
}


_USE: Final = Place("Use", "What your tenant asked, got and did")
"""Where there are dashboards."""
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

    @hub.get("/", strict_slashes=False)
    def start() -> BaseResponse:
        return redirect(url_for("hub.page", name="board"))

    @hub.get("/charting/<path:name>")
    def charting(name: str) -> Response:
        return send_from_directory(settings.charting, name, max_age=_ASSETS_SECONDS)

    @hub.get("/graphiql/<path:name>")
    def graphiql(name: str) -> Response:
        return send_from_directory(settings.graphiql, name, max_age=_ASSETS_SECONDS)

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
            return _page("login", _told(error), None, 401)
        response = make_response(redirect(_within(request.form.get("next", ""))))
        sessions.begin(response, sessions.value(key, int(time.time())))
        logged_in(key.tenant, key.id)
        _log.info("hub.login", tenant=key.tenant, key=key.id)
        return response

    @hub.get("/sign-in")
    def sign_in() -> BaseResponse:
        if guard.sign_in is None:
            return redirect(url_for("hub.login"))
        try:
            wanted = _within(request.args.get("next", ""))
            there, kept = guard.sign_in.begin(wanted, again="again" in request.args)
        except Refused as error:
            return _page("login", _told(error), None, error.status)
        response = make_response(redirect(there))
        # The answer comes from another site, which a stricter cookie would not be sent with.
        _keep(response, kept.cookie, signin.SECONDS)
        return response

    @hub.get("/signed-in")
    def signed_in() -> BaseResponse:
        kept = signin.journey(request.cookies.get(signin.COOKIE, ""))
        if guard.sign_in is None or guard.people is None:
            return redirect(url_for("hub.login"))
        try:
            person = guard.signed_in(kept, request.args)
        except Refused as error:
            response = _page("login", _told(error), None, error.status)
        else:
            # A page, not a redirect: what another site led to is not sent the session's cookie.
            following = _within(kept.following if kept else "")
            response = _page("signed-in", "", None, 200, following=following)
            sessions.begin(response, guard.people.cookie(person), guard.people.seconds)
            logged_in(person.tenant, person.key)
            _log.info("hub.login", tenant=person.tenant, key=person.key)
        _keep(response, "", 0)
        return response

    @hub.get("/sign-out")
    def sign_out() -> BaseResponse:
        try:
            return redirect(guard.sign_in.leave() if guard.sign_in else url_for("hub.login"))
        except Refused as error:
            return _page("login", _told(error), None, error.status)

    @hub.post("/logout")
    def leave() -> BaseResponse:
        response = make_response(redirect(url_for("hub.login")))
        if sessions.of_this_site():
            sessions.end(response)
        return response

    pages = dict(PAGES)
    if settings.dashboards is not None and settings.dashboards_key_file is not None:
        pages["use"] = _USE
        dashboard.routes(hub, settings.dashboards_key_file)

    @hub.get(f"/<any({', '.join(pages)}):name>")
    def page(name: str) -> BaseResponse:
        try:
            visitor = guard.visitor()
        except Refused:
            return redirect(url_for("hub.login", next=request.full_path))
        structlog.contextvars.bind_contextvars(tenant=visitor.tenant, key=visitor.key)
        lacks = {"hub", *pages[name].needs} - set(visitor.entitlement.products)
        if lacks:
            return _page("refused", " and ".join(sorted(lacks)), visitor, 403)
        return _page(name, "", visitor, 200)

    def _page(
        name: str, wrong: str, visitor: Principal | None, status: int, *, following: str = ""
    ) -> Response:
        body = render_template(
            f"hub/{name}.html",
            name=name,
            pages=pages,
            here=pages.get(name, _OUTSIDE),
            dashboard=_dashboard(visitor) if name == "use" else "",
            zones=settings.zones,
            docs=DOCS,
            datasets=[name for name in _choices("dataset") if "symbol" in DATASETS[name].asked],
            formats=_choices("format"),
            jobs=settings.downloads_location is not None,
            most_scenarios=scenarios.MOST,
            rules=get_args(QualityRule),
            version=settings.code_version,
            visitor=visitor,
            wrong=wrong,
            following=following or request.values.get("next", ""),
            sign_in=guard.sign_in is not None,
        )
        response = make_response(body, status)
        shown = name == "use" and settings.dashboards is not None
        # GraphiQL's fonts stand in its style sheet.
        more = {"use": f"; frame-src {settings.dashboards}", "graphql": "; font-src data:"}
        response.headers["Content-Security-Policy"] = POLICY + more.get(name, "")
        # Superset shows itself within our pages alone, and so has to be told whose this is.
        response.headers["Referrer-Policy"] = "strict-origin" if shown else "same-origin"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def _dashboard(visitor: Principal | None) -> str:
        if visitor is None or settings.dashboards is None:
            return ""
        return dashboard.address(settings.dashboards, visitor.tenant)

    app.register_blueprint(hub)


def _told(error: Refused) -> str:
    """What is wrong, as the API says it, but for the remedy, which is a header."""
    detail = error.faults[0].detail
    return f"{detail[0].upper()}{detail[1:]}."


def _keep(response: Response, text: str, seconds: int) -> None:
    """What the browser has to keep until it comes back from the issuer; 0 seconds: no longer."""
    response.set_cookie(
        signin.COOKIE,
        text,
        max_age=seconds,
        httponly=True,
        samesite="Lax",
        secure=sessions.over_https(),
        path=SIGNED_IN,
    )


def _choices(field: str) -> tuple[str, ...]:
    """What /v1/downloads takes, which alone says so."""
    return get_args(DownloadsQuery.model_fields[field].annotation)


def _within(path: str) -> str:
    """A page of the hub to go on to: nobody is led elsewhere by a link to the log-in."""
    ours = path.startswith(f"{HUB}/") and "\\" not in path and path.isascii() and path.isprintable()
    return path if ours else url_for("hub.start")
