"""A training run: every symbol's candidate made, judged, registered and given its alias."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import structlog

from workloads.kit.contracts.models import CHAMPION, Card, ProvenanceGroup
from workloads.kit.db import Connection
from workloads.kit.features import FeatureSpec
from workloads.kit.registry import Artifact, ArtifactError, Registry
from workloads.kit.revisions import micros
from workloads.model_training import aliases, candidate, dataset, events, prices
from workloads.model_training.candidate import Candidate, TooFewRows
from workloads.model_training.dataset import Dataset
from workloads.model_training.outcomes import Outcome, Passed, decide, give_alias, guarded, tell
from workloads.model_training.prices import Revisions
from workloads.model_training.settings import TrainingSettings

_log: Any = structlog.get_logger(__name__)


def train(
    conn: Connection, registry: Registry, settings: TrainingSettings, symbols: Sequence[str] | None = None
) -> list[Outcome]:
    """Train the given symbols, or every symbol that has prices to learn from, each on its own.

    Those that pass the gate by themselves are promoted once all were looked at, with a false discovery rate
    of 1 - `confidence` over all: what ends the run before that promotes none of them before their next model.
    A symbol that fails, by whatever but the loss of the database, leaves the others' models alone: it is an
    outcome `failed` with its reason. RegistryError where the registry cannot be reached at all.
    """
    names = sorted(set(prices.symbols(conn) if symbols is None else symbols))
    outcomes, passed = look(conn, registry, settings, names)
    return list((outcomes | decide(conn, registry, settings, passed, names)).values())


def look(
    conn: Connection,
    registry: Registry,
    settings: TrainingSettings,
    symbols: Sequence[str],
    keep: Callable[[Passed], None] = lambda _: None,
) -> tuple[dict[str, Outcome], dict[str, Passed]]:
    """What became of each symbol, and which of them pass the gate by themselves and are not decided.

    Args:
        keep: is told of each that passes before it is registered, as which a later try may find it.
    """
    champions = {symbol: names.get(CHAMPION) for symbol, names in registry.aliases().items()}
    outcomes: dict[str, Outcome] = {}
    passed: dict[str, Passed] = {}
    for symbol in symbols:
        started = time.perf_counter()
        found = guarded(
            symbol, partial(_train_symbol, conn, registry, settings, symbol, champions.get(symbol), keep)
        )
        outcome = found.outcome if isinstance(found, Passed) else found
        outcomes[symbol] = replace(outcome, seconds=round(time.perf_counter() - started, 3))
        if isinstance(found, Passed):
            passed[symbol] = replace(found, outcome=outcomes[symbol])
        else:
            tell(outcomes[symbol])
    return outcomes, passed


def _train_symbol(
    conn: Connection,
    registry: Registry,
    settings: TrainingSettings,
    symbol: str,
    champion: int | None,
    keep: Callable[[Passed], None],
) -> Outcome | Passed:
    # One symbol's prices are in memory at a time: all revisions of all of them need not fit.
    found = prices.read(conn, [symbol])
    # The fits that follow take no notice of the database: no transaction stays open meanwhile.
    conn.commit()
    if not found:
        return Outcome(symbol, None, "no model", "no prices to learn from")
    if len(found) > 1:
        return Outcome(symbol, None, "failed", "has real and synthetic prices: never mixed")
    [((_, group), series)] = found.items()
    return _train_one(conn, registry, settings, symbol, group, series, champion, keep)


def _train_one(
    conn: Connection,
    registry: Registry,
    settings: TrainingSettings,
    symbol: str,
    group: ProvenanceGroup,
    series: Revisions,
    champion: int | None,
    keep: Callable[[Passed], None],
) -> Outcome | Passed:
    data = dataset.build(series, FeatureSpec.parse(settings.feature_windows))
    if len(data) < settings.min_rows:
        needed = f"{len(data)} usable rows, {settings.min_rows} are needed: naive last value is served"
        return Outcome(symbol, group, "no model", needed, rows=len(data))

    made_from = candidate.fingerprint(series, settings)
    newest = registry.newest(symbol)
    if newest is not None and newest[1] == made_from:
        try:
            return _unchanged(conn, registry, symbol, group, newest[0], len(data))
        except ArtifactError as error:
            _log.warning("newest.unreadable", symbol=symbol, version=newest[0], error=str(error))

    rival = _rival(registry, symbol, champion)
    try:
        made = candidate.make(symbol, group, data, rival, settings, made_from)
    except TooFewRows as error:
        return Outcome(symbol, group, "no model", str(error), rows=len(data))
    card = made.artifact.card
    reason = "; ".join(card.reasons)
    waits = _quarantine(conn, settings, symbol, data)
    if made.verdict.passed and waits is not None:
        reason = f"{waits}; {reason}"
    outcome = Outcome(
        symbol,
        group,
        "challenger",
        reason,
        rows=len(data),
        skill=card.evaluated.skill,
        skill_lower=card.evaluated.lower,
        walk_forward_skill=card.walk_forward.skill,
        coverage=card.evaluated.coverage,
        fit_seconds=round(made.fit_seconds, 3),
    )
    passed = Passed(outcome, champion, made.p_value) if made.verdict.passed and waits is None else None
    if passed is not None:
        keep(passed)
    version = _register(conn, registry, settings, made)
    if passed is not None:
        return passed.registered_as(version)
    return give_alias(conn, registry, replace(outcome, version=version), champion, rises=False)


def _quarantine(conn: Connection, settings: TrainingSettings, symbol: str, data: Dataset) -> str | None:
    """Why a symbol whose champion fell has none yet; None where nothing stands against one."""
    with conn.transaction():
        fell = events.rolled_back_at(conn, symbol)
    if fell is None:
        return None
    at = micros(fell)
    # An old session that is published again is none that came since.
    since = int(np.count_nonzero((data.event > at) & (data.label_available > at)))
    if since >= settings.quarantine_sessions:
        return None
    return (
        f"its champion was rolled back on {fell:%Y-%m-%d}, {since} sessions ago:"
        f" {settings.quarantine_sessions} have to come before another"
    )


def _rival(registry: Registry, symbol: str, champion: int | None) -> tuple[int, Artifact] | None:
    """The champion to compare with; None as well where it cannot be read, for then it cannot be served."""
    if champion is None:
        return None
    try:
        return champion, registry.fetch(symbol, champion)
    except ArtifactError as error:
        _log.warning("champion.unreadable", symbol=symbol, version=champion, error=str(error))
        return None


def _unchanged(
    conn: Connection, registry: Registry, symbol: str, group: ProvenanceGroup, version: int, rows: int
) -> Outcome:
    """The newest version was made from just this: one more of it would say nothing new, and as a champion it
    would push itself out of `previous`."""
    card = registry.card(symbol, version)
    named = registry.named(symbol)
    reason = f"same prices, settings and code as version {version}"
    if version not in named.values():
        # A run died between registering it and deciding.
        reason += ", which had no alias"
        aliases.refuse(conn, registry, symbol, version, reason=reason)
    with conn.transaction():
        # The model is as fresh as if it had been fitted again: its age counts from here.
        events.record(
            conn,
            symbol,
            "registered",
            from_version=version,
            to_version=version,
            actor="automatic",
            reason=f"{reason}: it stands",
        )
    score = card.evaluated
    return Outcome(
        symbol,
        group,
        "unchanged",
        reason,
        rows=rows,
        version=version,
        skill=score.skill,
        skill_lower=score.lower,
        walk_forward_skill=card.walk_forward.skill,
        coverage=score.coverage,
    )


def _register(conn: Connection, registry: Registry, settings: TrainingSettings, made: Candidate) -> int:
    card = made.artifact.card
    version = registry.register(made.artifact, _metrics(card), _params(card, settings), made.page)
    with conn.transaction():
        events.record(
            conn,
            card.symbol,
            "registered",
            from_version=None,
            to_version=version,
            actor="automatic",
            reason=f"trained on {card.trained.rows} rows until {card.trained.end:%Y-%m-%d}",
        )
    return version


def _metrics(card: Card) -> dict[str, float]:
    figures = {
        "skill": card.evaluated.skill,
        "skill_lower": card.evaluated.lower,
        "walk_forward_skill": card.walk_forward.skill,
        "mae_return": card.evaluated.mae,
        "mae_return_naive": card.evaluated.mae_naive,
        "mae_price": card.price_mae,
        "mae_price_naive": card.price_mae_naive,
        "coverage": card.evaluated.coverage,
        "champion_skill": card.champion_skill,
        "rows_trained": card.trained.rows,
        "rows_evaluated": card.evaluated.window.rows,
    }
    return {name: float(value) for name, value in figures.items() if value is not None}


def _params(card: Card, settings: TrainingSettings) -> dict[str, str]:
    own = settings.model_dump(include=set(TrainingSettings.__annotations__), mode="json")
    return {
        **{name: str(value) for name, value in own.items()},
        "feature_set": card.feature_set,
        "trained_from": card.trained.start.isoformat(),
        "trained_to": card.trained.end.isoformat(),
        "evaluated_from": card.evaluated.window.start.isoformat(),
        "evaluated_to": card.evaluated.window.end.isoformat(),
    }
