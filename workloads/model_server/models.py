"""The models being served: read from the registry, checked aside, then swapped in."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import structlog

from workloads.kit.contracts.models import CHALLENGER, CHAMPION, Card, Skill
from workloads.kit.features import FeatureSpec
from workloads.kit.onnx import OnnxModel
from workloads.kit.registry import Artifact, ArtifactError, RegistryError, read_artifact, write_artifact
from workloads.model_server import metrics
from workloads.model_server.residents import ResidentModel, Residents

_log: Any = structlog.get_logger(__name__)

_PROBE_TOLERANCE: Final = 1e-5
_ALIASES_FILE: Final = "aliases.json"
_RETRY_FIRST_SECONDS: Final = 5.0
_RETRY_CAP_SECONDS: Final = 600.0
"""Back-off of a version that could not be loaded: doubled from the first to the cap."""
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Aliases = dict[str, dict[str, int]]
"""symbol -> alias -> version."""

_SERVED_ALIASES: Final[tuple[Literal["champion"], Literal["challenger"]]] = (CHAMPION, CHALLENGER)


class Unfit(Exception):
    """A model that must not be served."""


class ModelSource(Protocol):
    """What is needed of `kit.registry.Registry`."""

    def aliases(self) -> Aliases: ...
    def fetch(self, symbol: str, version: int) -> Artifact: ...


@dataclass(frozen=True, slots=True)
class Served:
    """One symbol's model as it is served."""

    card: Card
    version: int
    alias: Literal["champion", "challenger"]
    model: ResidentModel
    volatility: int
    """Column of the features that scales the interval."""

    @property
    def skill(self) -> Skill:
        """`proven` only while it is the champion: a rolled-back one claims none, whatever its card says."""
        return self.card.skill if self.alias == CHAMPION else "none"


class Models:
    """symbol -> model. `current` is replaced as a whole, so that a reader sees one state.

    What goes wrong with one symbol, whatever it is, leaves the others and the readiness as they are.
    """

    def __init__(
        self,
        source: ModelSource,
        directory: Path,
        spec: FeatureSpec,
        *,
        resident: int = 500,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.current: Mapping[str, Served] = {}
        self.ready = False
        """Whether it is known which models there are: the registry, or the copy of it, was read once."""
        self._source = source
        self._directory = directory
        self._spec = spec
        self._residents = Residents(resident)
        self._clock = clock
        self._unfit: set[tuple[str, int]] = set()
        self._failed: dict[tuple[str, int], tuple[int, float]] = {}  # how often, and when it is tried again

    def refresh(self) -> None:
        """Bring `current` up to the registry's aliases. The last good model of a symbol stays where a new
        one cannot be had or is unfit, and all of them stay while the registry is away."""
        try:
            wanted = self._source.aliases()
            metrics.REGISTRY_UP.set(1)
        except RegistryError as error:
            metrics.REGISTRY_UP.set(0)
            _log.warning("registry.away", error=str(error), serving=len(self.current))
            if self.ready:
                return
            copied = self._copied_aliases()
            if copied is None:
                return
            wanted = copied
        new = {
            symbol: served
            for symbol, named in wanted.items()
            if _SYMBOL.fullmatch(symbol) and (served := self._choose(symbol, named)) is not None
        }
        changed = {symbol for symbol in {*new, *self.current} if new.get(symbol) != self.current.get(symbol)}
        first, self.current, self.ready = not self.ready, new, True
        if changed or first:
            self._keep(wanted)
            self._tell(changed)
            self._residents.keep({(symbol, served.version) for symbol, served in new.items()})

    def _choose(self, symbol: str, named: Mapping[str, int]) -> Served | None:
        """Champion, else challenger; the model in use before a lesser alias where the better one fails."""
        held = self.current.get(symbol)
        for alias in _SERVED_ALIASES:
            version = named.get(alias)
            if version is None:
                continue
            if held is not None and held.version == version:
                return replace(held, alias=alias) if held.alias != alias else held
            loaded = self._try(symbol, version, alias)
            if loaded is not None:
                return loaded
            if held is None:
                continue
            # A newer champion that is unfit leaves it its claim; after a roll-back the champion is older.
            stays = alias == CHAMPION and version > held.version != named.get(CHALLENGER)
            return held if stays or held.alias == CHALLENGER else replace(held, alias=CHALLENGER)
        return None

    def _try(self, symbol: str, version: int, alias: Literal["champion", "challenger"]) -> Served | None:
        key = (symbol, version)
        times, due = self._failed.get(key, (0, 0.0))
        if key in self._unfit or self._clock() < due:
            return None
        try:
            loaded = self._load(symbol, version, alias)
        except Unfit as error:
            self._unfit.add(key)
            _log.error("model.unfit", symbol=symbol, version=version, reason=str(error))
        except Exception as error:
            if isinstance(error, RegistryError) and not isinstance(error, ArtifactError):
                _log.warning("model.not_loaded", symbol=symbol, version=version, error=str(error))
                return None
            # A download cut short, a full disk, no memory: it may be another time.
            wait = min(_RETRY_CAP_SECONDS, _RETRY_FIRST_SECONDS * 2 ** min(times, 10))
            self._failed[key] = (times + 1, self._clock() + wait)
            _log.error(
                "model.not_loaded",
                symbol=symbol,
                version=version,
                error=f"{type(error).__name__}: {error}",
                tried=times + 1,
                again_in_seconds=wait,
            )
        else:
            self._failed.pop(key, None)
            return loaded
        return None

    def _load(self, symbol: str, version: int, alias: Literal["champion", "challenger"]) -> Served:
        artifact = self._artifact(symbol, version)
        card, key = artifact.card, (symbol, version)
        self._residents.put(key, checked(artifact, self._spec))
        model = ResidentModel(key, self._residents, lambda: OnnxModel(self._artifact(symbol, version).onnx))
        return Served(card, version, alias, model, card.features.index(card.volatility))

    def _artifact(self, symbol: str, version: int) -> Artifact:
        """The copy, or else the registry's, which is copied where there is room for it."""
        directory = self._directory / symbol / str(version)
        try:
            return read_artifact(directory)
        except ArtifactError:
            artifact = self._source.fetch(symbol, version)
        try:
            self._copy(directory, artifact)
        except OSError as error:
            _log.warning("model.not_copied", symbol=symbol, version=version, error=str(error))
        return artifact

    def _copy(self, directory: Path, artifact: Artifact) -> None:
        """Complete or absent, and never in another worker's way: made aside, then renamed."""
        directory.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=self._directory))
        try:
            write_artifact(aside, artifact)
            # One that is there and damaged is in the way; another worker's whole one may be.
            if directory.exists():
                shutil.rmtree(directory, ignore_errors=True)
            aside.rename(directory)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if not directory.exists():
                raise

    def _copied_aliases(self) -> Aliases | None:
        try:
            return json.loads((self._directory / _ALIASES_FILE).read_bytes())
        except (OSError, ValueError):
            return None

    def _keep(self, wanted: Aliases) -> None:
        """Keep the aliases beside the models, and only the models in use."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._directory, delete=False) as aside:
                json.dump(wanted, aside)
            Path(aside.name).rename(self._directory / _ALIASES_FILE)
        except OSError as error:
            _log.warning("aliases.not_copied", error=str(error))
        for symbol, served in self.current.items():
            for directory in (self._directory / symbol).glob("*"):
                if directory.name != str(served.version):
                    shutil.rmtree(directory, ignore_errors=True)

    def _tell(self, changed: set[str]) -> None:
        for symbol in sorted(changed):
            served = self.current.get(symbol)
            for alias in _SERVED_ALIASES:
                here = served is not None and served.alias == alias
                metrics.MODEL_VERSION.labels(symbol, alias).set(served.version if served and here else 0)
            if served is None:
                _log.warning("model.gone", symbol=symbol, serving="naive last value")
                continue
            metrics.MODEL_SKILL.labels(symbol, served.card.provenance).set(served.card.evaluated.skill)
            _log.info(
                "model.serving",
                symbol=symbol,
                version=served.version,
                alias=served.alias,
                skill=served.skill,
                skill_score=served.card.evaluated.skill,
            )


def checked(artifact: Artifact, spec: FeatureSpec) -> OnnxModel:
    """The model, loaded and warmed; Unfit where it takes other features or misses its card's probe rows."""
    card = artifact.card
    if card.feature_set != spec.version or tuple(card.features) != spec.names:
        raise Unfit(f"it was trained on feature set {card.feature_set}, this server computes {spec.version}")
    try:
        model = OnnxModel(artifact.onnx)
        answer = model.predict(np.array(card.probe.features, dtype=np.float64))
    except MemoryError:
        raise
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise Unfit(f"it cannot be run: {error}") from error
    if not np.allclose(answer, card.probe.returns, rtol=0, atol=_PROBE_TOLERANCE):
        raise Unfit("it does not answer its card's probe rows as it did when it was trained")
    return model
