"""/api/docs: the OpenAPI document, and a page that shows it, with all its parts served from here."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Final

from flask import Blueprint, Response
from flask_openapi3.openapi import OpenAPI

from workloads.data_api import document
from workloads.data_api.problems import DOCS

DOCUMENT: Final = "/api/openapi.json"

_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>data-api</title>
<link rel="icon" href="{DOCS}/assets/images/swagger.svg">
<link rel="stylesheet" href="{DOCS}/assets/css/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{DOCS}/assets/js/swagger-ui-bundle.js"></script>
<script src="{DOCS}/start.js"></script>
</body>
</html>
"""
_START: Final = f"""SwaggerUIBundle({{
  url: "{DOCUMENT}", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
}});
"""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""No script from elsewhere and none within the page; Swagger UI styles its parts one by one."""


def routes(app: OpenAPI) -> None:
    """Add the document and the page."""
    assets = str(files("flask_openapi3_swagger") / "templates" / "swagger")
    pages = Blueprint("docs", __name__, static_folder=assets, static_url_path=f"{DOCS}/assets", url_prefix="")

    @pages.get(DOCS)
    def page() -> Response:
        response = Response(_PAGE, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @pages.get(f"{DOCS}/start.js")
    def start() -> Response:
        return Response(_START, content_type="text/javascript; charset=utf-8")

    @pages.get(DOCUMENT)
    def described() -> Response:
        return Response(json.dumps(document.of(app)), content_type="application/json")

    app.register_blueprint(pages)
