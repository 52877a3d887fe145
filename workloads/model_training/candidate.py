"""One symbol's new model: fitted, judged on windows that it had not seen, and converted."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workloads.kit.contracts.models import Card, Probe, ProvenanceGroup, Score
from workloads.kit.features import FeatureSpec
from workloads.kit.onnx import OnnxModel
from workloads.kit.registry import Artifact, sha256
from workloads.kit.windows import Floats
from workloads.model_training import evaluation, forest, page
from workloads.model_training.dataset import Dataset
from workloads.model_training.gate import Rival, Verdict, judge
from workloads.model_training.prices import Revisions
from workloads.model_training.promotion import p_value
from workloads.model_training.settings import TrainingSettings

_PROBE_ROWS: Final = 8
_LEAST_VOLATILITY: Final = 1e-6
_FLOOR_QUANTILE: Final = 0.01
"""Intervals do not shrink below those of the calmest 1 % of the sessions learned from."""


class TooFewRows(Exception):
    """Too little of the history was known before one of the windows; the text says how much."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is ready to be registered, what the gate says of it by itself, the seconds its fits took,
    and the page that tells how it did. `p_value`: of "no better than naive", on the last window and on those
    of the walk-forward before it."""

    artifact: Artifact
    verdict: Verdict
    p_value: float
    fit_seconds: float
    page: str


def fingerprint(series: Revisions, settings: TrainingSettings) -> str:
    """Equal for two trainings that would make the same model: same prices, settings and code version."""
    digest = hashlib.sha256()
    for array in (series.event, series.available, series.price):
        digest.update(np.ascontiguousarray(array).tobytes())
    own = set(TrainingSettings.__annotations__) - {"fit_jobs"}
    digest.update(repr(sorted(settings.model_dump(include=own, mode="json").items())).encode())
    return digest.hexdigest()


def make(
    symbol: str,
    group: ProvenanceGroup,
    data: Dataset,
    champion: tuple[int, Artifact] | None,
    settings: TrainingSettings,
    print_of_data: str,
) -> Candidate:
    """Fit on all rows but the last window, judge on that window, calibrate on the windows between.

    The model that was judged is the one that is registered: it is not fitted again with the last window, so
    its skill and coverage are its own. ConversionError where ONNX and forest differ; TooFewRows where too
    little was published before a window opens, as after a restatement of the history.
    """
    spec = FeatureSpec.parse(settings.feature_windows)
    *folds, last = evaluation.walk_forward(
        data,
        folds=settings.folds,
        share=settings.evaluation_share,
        longest=settings.evaluation_max_rows,
        embargo=settings.embargo_sessions,
    )
    known = min(len(split.train) for split in (*folds, last))
    if known < settings.fewest_learned:
        raise TooFewRows(
            f"of {len(data)} usable rows {known} stood as they are now before a window to judge on opened,"
            f" {settings.fewest_learned} are needed: the prices were published again since"
        )
    started = time.perf_counter()
    fold_returns = [
        forest.fit(settings, data.x[fold.train], data.y[fold.train]).predict(data.x[fold.test])
        for fold in folds
    ]
    model = forest.fit(settings, data.x[last.train], data.y[last.train])
    fit_seconds = time.perf_counter() - started

    onnx = forest.to_onnx_bytes(model, data.x[last.test])
    session = OnnxModel(onnx)
    served = session.predict(data.x[last.test])

    volatility = data.x[:, spec.names.index(spec.volatility)]
    floor = max(_LEAST_VOLATILITY, float(np.quantile(volatility[last.train], _FLOOR_QUANTILE)))
    scale = np.maximum(volatility, floor)
    between = np.concatenate([fold.test for fold in folds])
    forecasts = np.concatenate(fold_returns)
    quantile = evaluation.conformal_quantile(
        np.abs(data.y[between] - forecasts) / scale[between], settings.nominal_level
    )
    naive_quantile = evaluation.conformal_quantile(np.abs(data.y[between]), settings.nominal_level)
    held = np.abs(data.y[last.test] - served) <= quantile * scale[last.test]

    evaluated = _score(data, last.test, served, settings, coverage=float(held.mean()))
    walk_forward = _score(data, between, forecasts, settings)
    rival = _rival(champion, data, last.test, served, spec, settings)
    verdict = judge(evaluated, walk_forward, rival, settings)
    probe = np.linspace(0, len(last.test) - 1, _PROBE_ROWS).astype(int)
    card = Card(
        symbol=symbol,
        provenance=group,
        created_at=datetime.now(UTC),
        code_version=settings.code_version,
        fingerprint=print_of_data,
        onnx_sha256=sha256(onnx),
        feature_set=spec.version,
        features=list(spec.names),
        volatility=spec.volatility,
        trained=evaluation.window_of(data, last.train),
        evaluated=evaluated,
        walk_forward=walk_forward,
        folds=[
            _score(data, fold.test, returns, settings)
            for fold, returns in zip(folds, fold_returns, strict=True)
        ],
        price_mae=float(np.abs(data.next_price[last.test] - data.price[last.test] * np.exp(served)).mean()),
        price_mae_naive=float(np.abs(data.next_price[last.test] - data.price[last.test]).mean()),
        champion_version=rival.version if rival else None,
        champion_skill=rival.skill if rival else None,
        quantile=quantile,
        volatility_floor=floor,
        naive_quantile=naive_quantile,
        nominal_level=settings.nominal_level,
        skill="proven" if verdict.passed else "none",
        reasons=verdict.reasons,
        probe=Probe(features=data.x[last.test][probe].tolist(), returns=served[probe].tolist()),
    )
    half, price = quantile * scale[last.test], data.price[last.test]
    judged = page.Judged(
        event=data.event[last.test],
        price=price,
        forecast=price * np.exp(served),
        actual=data.next_price[last.test],
        lower=price * np.exp(served - half),
        upper=price * np.exp(served + half),
        importances=page.importances(
            session.predict, data.x[last.test], data.y[last.test], list(spec.names), settings.random_state
        ),
    )
    # Of all rows that a model had not seen: one window tells too little where it counts among many symbols.
    unseen = np.concatenate([between, last.test])
    told = np.concatenate([forecasts, served])
    chance = p_value(np.abs(data.y[unseen] - told), np.abs(data.y[unseen]))
    return Candidate(Artifact(onnx, card), verdict, chance, fit_seconds, page.render(card, judged))


def _score(
    data: Dataset,
    rows: NDArray[np.intp],
    returns: Floats,
    settings: TrainingSettings,
    coverage: float | None = None,
) -> Score:
    return evaluation.score(
        data,
        rows,
        returns,
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.random_state,
        coverage=coverage,
    )


def _rival(
    champion: tuple[int, Artifact] | None,
    data: Dataset,
    rows: NDArray[np.intp],
    served: Floats,
    spec: FeatureSpec,
    settings: TrainingSettings,
) -> Rival | None:
    """The champion on the candidate's window; None if there is none that these features can serve."""
    if champion is None or champion[1].card.feature_set != spec.version:
        return None
    version, artifact = champion
    returns = OnnxModel(artifact.onnx).predict(data.x[rows])
    theirs = np.abs(data.y[rows] - returns)
    lead = evaluation.skill_lower_bound(
        np.abs(data.y[rows] - served),
        theirs,
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.random_state,
    )
    return Rival(version, evaluation.skill(theirs, np.abs(data.y[rows])), lead)
