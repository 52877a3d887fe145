"""Which models are in memory: the ones asked for last, at most so many of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from workloads.kit.onnx import OnnxModel
from workloads.kit.registry import ArtifactError, RegistryError
from workloads.kit.windows import Floats
from workloads.model_server import metrics

Key = tuple[str, int]
"""Symbol and version."""


class ModelAway(Exception):
    """A model that is served is not in memory and cannot be had just now."""


class ModelGone(ModelAway):
    """And what is kept of it, wherever it is, is no whole model: it is not to be had later either."""


class Residents:
    """Models by symbol and version; the one that was not asked for the longest gives way. A model takes some
    0.7 MiB, so that `capacity` bounds a worker's memory however many symbols there are."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._models: OrderedDict[Key, OnnxModel] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, load: Callable[[], OnnxModel]) -> OnnxModel:
        """The model, loaded if it has to be: others are not held up meanwhile."""
        with self._lock:
            found = self._models.get(key)
            if found is not None:
                self._models.move_to_end(key)
                return found
        model = load()
        self.put(key, model)
        return model

    def put(self, key: Key, model: OnnxModel) -> None:
        """Take a model in."""
        metrics.MODEL_LOADS.inc()
        with self._lock:
            self._models[key] = model
            self._models.move_to_end(key)
            while len(self._models) > self._capacity:
                self._models.popitem(last=False)
            metrics.MODELS_RESIDENT.set(len(self._models))

    def keep(self, keys: Collection[Key]) -> None:
        """Let go of all others: they are not served any more."""
        with self._lock:
            for key in [key for key in self._models if key not in keys]:
                del self._models[key]
            metrics.MODELS_RESIDENT.set(len(self._models))


@dataclass(frozen=True, slots=True)
class ResidentModel:
    """A model that is in memory when it is used."""

    key: Key
    residents: Residents
    load: Callable[[], OnnxModel]

    def predict(self, x: Floats) -> Floats:
        """As `OnnxModel.predict`; ModelAway where it is not in memory and can be had from nowhere, ModelGone
        where that will not change."""
        symbol, version = self.key
        try:
            model = self.residents.get(self.key, self.load)
        except ArtifactError as error:
            raise ModelGone(f"version {version} of {symbol}: {error}") from error
        except (OSError, RegistryError) as error:
            raise ModelAway(f"version {version} of {symbol}: {error}") from error
        return model.predict(x)
