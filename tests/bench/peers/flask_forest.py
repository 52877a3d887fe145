"""scikit-learn behind Flask as most would write it: JSON in, the forest's predict, JSON out."""

from __future__ import annotations

import os
from typing import Any

import joblib
import numpy as np
from flask import Flask, Response, jsonify, request


def application() -> Flask:
    """The forest is the file that FOREST names."""
    app = Flask("forest", static_folder=None)
    forest: Any = joblib.load(os.environ["FOREST"])

    @app.post("/predict")
    def predict() -> Response:
        instances = request.get_json()["instances"]
        rows = np.array([instance["features"] for instance in instances])
        prices = np.array([instance["price"] for instance in instances])
        returns = forest.predict(rows)
        return jsonify(predicted_return=returns.tolist(), prediction=(prices * np.exp(returns)).tolist())

    return app
