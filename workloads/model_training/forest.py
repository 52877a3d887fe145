"""The model: a random forest on log returns, and the ONNX that is served in its place."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestRegressor

from workloads.kit.onnx import OnnxModel
from workloads.kit.windows import Floats
from workloads.model_training.settings import TrainingSettings

_OPSET: Final = 17
_TOLERANCE: Final = 1e-5
"""Largest difference between forest and ONNX, in log returns, or as a share of one above 1: both compute with
float32."""


class ConversionError(Exception):
    """The ONNX model does not answer as the forest does."""


def fit(settings: TrainingSettings, x: Floats, y: Floats) -> RandomForestRegressor:
    """A forest for rows `x` of shape (n, F) and log returns `y` of shape (n,)."""
    forest = RandomForestRegressor(
        n_estimators=settings.trees,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_leaf_rows,
        max_features=settings.feature_share,
        random_state=settings.random_state,
        n_jobs=settings.fit_jobs,
    )
    forest.fit(x, y)
    # Prediction by many threads costs more than it saves at this size.
    forest.n_jobs = 1
    return forest


def to_onnx_bytes(forest: RandomForestRegressor, held_out: Floats) -> bytes:
    """The forest as ONNX; ConversionError where they differ on `held_out` rows of shape (n, F)."""
    model: Any = to_onnx(forest, held_out[:1].astype(np.float32), target_opset=_OPSET)
    onnx = bytes(model.SerializeToString())
    wanted = forest.predict(held_out)
    difference = np.abs(OnnxModel(onnx).predict(held_out) - wanted) / np.maximum(1, np.abs(wanted))
    if not np.all(difference <= _TOLERANCE):
        raise ConversionError(
            f"the ONNX model differs from the forest by up to {difference.max():.2e} on {len(held_out)} rows "
            f"(allowed: {_TOLERANCE:.0e}); nothing was registered"
        )
    return onnx
