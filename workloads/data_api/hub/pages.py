"""/hub: pages, their scripts and styles, all served from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, send_from_directory, url_for
from flask_openapi3.openapi import OpenAPI
from werkzeug.wrappers import Response as BaseResponse

from workloads.data_api.problems import DOCS
from workloads.data_api.settings import DataApiSettings

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


PAGES: Final[Mapping[str, Place]] = {
    "board": Place("Markets", "Last price, change and forecast of every series"),
    "instrument": Place("Instrument", "Prices, forecasts and what came of them"),
    "models": Place("Models", "How good the forecasts were"),
    "downloads": Place("Downloads", "Prices and forecasts as a file"),
    "status": Place("Status", "How fresh each source is"),
}


def routes(app: OpenAPI, settings: DataApiSettings) -> None:
    """Add the pages."""
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

    @hub.get("/<any(board, instrument, models, downloads, status):name>")
    def page(name: str) -> Response:
        body = render_template(
            f"hub/{name}.html",
            name=name,
            pages=PAGES,
            here=PAGES[name],
            zones=settings.market_zones,
            docs=DOCS,
            version=settings.code_version,
        )
        response = make_response(body)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    app.register_blueprint(hub)


_ASSETS_SECONDS: Final = 86_400
