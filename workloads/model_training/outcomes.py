"""What becomes of the symbols of a training run, and who of those that pass is promoted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

import structlog

from workloads.kit import db
from workloads.kit.contracts.models import ProvenanceGroup
from workloads.kit.db import Connection
from workloads.kit.registry import Registry
from workloads.model_training import aliases
from workloads.model_training.aliases import ChampionChanged
from workloads.model_training.promotion import discoveries
from workloads.model_training.settings import TrainingSettings

_log: Any = structlog.get_logger(__name__)

T = TypeVar("T")

Decision = Literal["promoted", "challenger", "unchanged", "no model", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one symbol. Seconds: of the fits, and of everything for this symbol with them."""

    symbol: str
    provenance: ProvenanceGroup | None
    decision: Decision
    reason: str
    rows: int = 0
    version: int | None = None
    skill: float | None = None
    skill_lower: float | None = None
    walk_forward_skill: float | None = None
    coverage: float | None = None
    fit_seconds: float = 0.0
    seconds: float = 0.0

    def detail(self) -> dict[str, Any]:
        """For the job's record."""
        return {key: value for key, value in asdict(self).items() if key != "symbol"}


@dataclass(frozen=True, slots=True)
class Passed:
    """A candidate that passes the gate by itself, against `champion`, and waits for the others; its outcome
    has no version until it is registered."""

    outcome: Outcome
    champion: int | None
    p_value: float

    def registered_as(self, version: int | None) -> Passed:
        """The same as a version of the registry."""
        return replace(self, outcome=replace(self.outcome, version=version))


def decide(
    conn: Connection,
    registry: Registry,
    settings: TrainingSettings,
    passed: Mapping[str, Passed],
    among: Iterable[str],
    *,
    known: Mapping[str, Passed] = MappingProxyType({}),
    challengers: Iterable[str] = (),
) -> dict[str, Outcome]:
    """Promote those of the passed that stand out among all symbols, and make the others challengers.

    Args:
        among: all symbols of the run, those that were not looked at yet included: they count as such without
            skill, so that what is promoted now still is once they were looked at.
        known: those that others found to pass, who decide of them.
        challengers: those of the known that are challengers, and are promoted where they stand out by now.
    """
    # Of many symbols some pass by luck: who passes by itself counts among all that were looked at.
    all_passed = {**known, **passed}
    p_values = dict.fromkeys(among, 1.0) | {symbol: one.p_value for symbol, one in all_passed.items()}
    good = discoveries(p_values, 1 - settings.confidence)
    outcomes: dict[str, Outcome] = {}
    for symbol in sorted(passed.keys() | (good & set(challengers))):
        one = all_passed[symbol]
        among_all = (
            f"{'' if symbol in good else 'not '}with a false discovery rate of {1 - settings.confidence:.2g}"
            f" over {len(p_values)} symbols (p {one.p_value:.2g})"
        )
        told = replace(one.outcome, reason=f"{one.outcome.reason}, {among_all}")
        outcomes[symbol] = guarded(
            symbol, partial(give_alias, conn, registry, told, one.champion, rises=symbol in good)
        )
        tell(outcomes[symbol])
    return outcomes


def give_alias(
    conn: Connection, registry: Registry, made: Outcome, champion: int | None, *, rises: bool
) -> Outcome:
    """Give a registered candidate its alias."""
    version, reason = cast("int", made.version), made.reason
    if rises:
        try:
            aliases.promote(conn, registry, made.symbol, version, champion=champion, reason=reason)
            return replace(made, decision="promoted")
        except ChampionChanged as error:
            reason = str(error)
    aliases.refuse(conn, registry, made.symbol, version, reason=reason)
    return replace(made, decision="challenger", reason=reason)


def tell(outcome: Outcome) -> None:
    """Log what became of a symbol."""
    _log.info("model.trained", symbol=outcome.symbol, **outcome.detail())


def guarded(symbol: str, step: Callable[[], T]) -> T | Outcome:
    """What a step gives, or that the symbol failed and why; but for the loss of the database, all alike's."""
    try:
        return step()
    except db.LOST:
        raise
    except Exception as error:
        # Of prices that nobody has thought of: the other symbols are trained all the same.
        _log.exception("training_failed", symbol=symbol)
        return Outcome(symbol, None, "failed", f"{type(error).__name__}: {error}")
