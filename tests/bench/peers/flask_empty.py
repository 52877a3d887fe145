"""An empty Flask route: what Flask and gunicorn take before anything is computed."""

from __future__ import annotations

from flask import Flask, Response


def application() -> Flask:
    app = Flask("empty", static_folder=None)

    @app.post("/predict")
    def predict() -> Response:
        return Response(b"{}", mimetype="application/json")

    return app
