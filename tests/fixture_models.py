"""Models of known skill, for tests: linear in one feature, on a series where that feature is what counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from workloads.kit.contracts.models import Card, Probe, Score, Window
from workloads.kit.features import DEFAULT
from workloads.kit.onnx import OnnxModel
from workloads.kit.registry import Artifact, sha256
from workloads.kit.windows import Floats

ECHO = -0.7
"""In `echoing` prices a log return is this share of the one before, and noise."""


def echoing(seed: int, count: int, echo: float = ECHO, noise: float = 0.02) -> Floats:
    """Prices whose return undoes most of the one before. The model `linear(echo)` has the best skill that
    there is on them, about 1 - sqrt(1 - echo ** 2); `linear(0)` is the naive forecast, and `linear(-echo)`
    is worse than it."""
    shocks = np.random.default_rng(seed).normal(0, noise, count)
    returns = np.zeros(count)
    for at in range(1, count):
        returns[at] = echo * returns[at - 1] + shocks[at]
    return np.exp(4 + np.cumsum(returns))


def linear(weight: float) -> bytes:
    """ONNX of the model that predicts `weight` times the last return."""
    model = LinearRegression()
    model.coef_ = np.array([weight if name == "return_1" else 0.0 for name in DEFAULT.names])
    model.intercept_ = 0.0
    vars(model)["n_features_in_"] = len(DEFAULT.names)
    converted: Any = to_onnx(model, np.zeros((1, len(DEFAULT.names)), dtype=np.float32), target_opset=17)
    return bytes(converted.SerializeToString())


def artifact(
    symbol: str,
    weight: float = ECHO,
    *,
    skill: Literal["proven", "none"] = "proven",
    score: float = 0.1,
    seen_until: datetime = datetime(2000, 1, 1, tzinfo=UTC),
    **changed: Any,
) -> Artifact:
    """`linear(weight)` with a card; `changed` replaces fields of the card."""
    onnx = linear(weight)
    rows = np.random.default_rng(0).normal(0, 0.02, (4, len(DEFAULT.names)))
    window = Window(start=datetime(1990, 1, 1, tzinfo=UTC), end=seen_until, rows=100)
    figures = Score(window=window, mae=0.9, mae_naive=1.0, skill=score, lower=score / 2, coverage=0.9)
    card: dict[str, Any] = {
        "symbol": symbol,
        "provenance": "synthetic",
        "created_at": seen_until,
        "code_version": "test",
        "fingerprint": f"{symbol} {weight}",
        "onnx_sha256": sha256(onnx),
        "feature_set": DEFAULT.version,
        "features": list(DEFAULT.names),
        "volatility": DEFAULT.volatility,
        "trained": window,
        "evaluated": figures,
        "walk_forward": figures,
        "folds": [figures],
        "price_mae": 0.9,
        "price_mae_naive": 1.0,
        "champion_version": None,
        "champion_skill": None,
        "quantile": 1.7,
        "volatility_floor": 0.001,
        "naive_quantile": 0.04,
        "nominal_level": 0.9,
        "skill": skill,
        "reasons": ["made for a test"],
        "probe": Probe(features=rows.tolist(), returns=OnnxModel(onnx).predict(rows).tolist()),
    }
    return Artifact(onnx, Card(**(card | changed)))
