"""Registered models, run: training judges a model by the same code that serves it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from workloads.kit.windows import Floats


class OnnxModel:
    """A model in memory. Safe to call from several threads; not to be taken across a fork."""

    def __init__(self, onnx: bytes) -> None:
        # Requests run side by side already: threads within one would only wait for each other.
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        self._input: str = self._session.get_inputs()[0].name

    def predict(self, x: Floats) -> Floats:
        """Log returns, shape (n,), for features of shape (n, F)."""
        # What float32 cannot hold is infinite, and the caller's to look at.
        with np.errstate(over="ignore"):
            narrow = x.astype(np.float32)
        (answer,) = self._session.run(None, {self._input: narrow})
        return np.asarray(answer, dtype=np.float64).ravel()
