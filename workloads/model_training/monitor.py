"""Champions' live record: one that falls below the gate is rolled back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import structlog
from psycopg import sql

from workloads.kit import db
from workloads.kit.contracts.models import CHAMPION
from workloads.kit.contracts.tables import PREDICTION_OUTCOMES, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.registry import Registry
from workloads.kit.windows import Floats
from workloads.model_training import aliases
from workloads.model_training.evaluation import skill, skill_upper_bound
from workloads.model_training.settings import MonitorSettings

_log: Any = structlog.get_logger(__name__)

# Errors are taken relative to the price, so that they are like the returns that the gate judged. Sessions
# that the model could have seen are left out: it was trained or chosen on them.
_OUTCOMES = sql.SQL(
    "SELECT abs_error / price, naive_abs_error / price, covered FROM {}"
    " WHERE symbol = %s AND model_version = %s AND delivery_start IS NULL AND event_time > %s AND price > 0"
    " ORDER BY event_time DESC LIMIT %s"
).format(sql.Identifier(SCHEMA, PREDICTION_OUTCOMES))


@dataclass(frozen=True, slots=True)
class Finding:
    """What the monitor saw and did for one champion. `skill` and `coverage` are None without outcomes."""

    symbol: str
    version: int
    outcomes: int
    skill: float | None
    coverage: float | None
    action: Literal["kept", "rolled back", "too few outcomes", "failed"]
    reason: str


def check(conn: Connection, registry: Registry, settings: MonitorSettings) -> list[Finding]:
    """Look at every champion once. Run again with no new outcomes, it does nothing more.

    A champion that cannot be looked at, for whatever but the loss of the database, is a finding `failed`, and
    the others are looked at all the same.
    """
    findings: list[Finding] = []
    for symbol, named in sorted(registry.aliases().items()):
        if CHAMPION in named:
            version = named[CHAMPION]
            try:
                finding = _check_one(conn, registry, settings, symbol, version)
            except db.LOST:
                raise
            except Exception as error:
                # Of prices that nobody has thought of: the other champions are looked at all the same.
                _log.exception("monitor_failed", symbol=symbol, version=version)
                why = f"{type(error).__name__}: {error}"
                finding = Finding(symbol, version, 0, None, None, "failed", why)
            findings.append(finding)
            _log.info("model.checked", **asdict(finding))
    return findings


def at_most(ours: Floats, naive: Floats, settings: MonitorSettings) -> float:
    """The live skill that a champion may have at most, for such absolute errors of it and of naive: (n,)."""
    return skill_upper_bound(
        ours,
        naive,
        confidence=settings.live_confidence,
        resamples=settings.resamples,
        seed=settings.random_state,
    )


def _check_one(
    conn: Connection, registry: Registry, settings: MonitorSettings, symbol: str, version: int
) -> Finding:
    unseen_after = registry.card(symbol, version).evaluated.window.end
    with conn.transaction():
        rows = conn.execute(_OUTCOMES, (symbol, version, unseen_after, settings.live_outcomes)).fetchall()
    if len(rows) < settings.live_min_outcomes:
        wanted = f"{len(rows)} outcomes, {settings.live_min_outcomes} are needed"
        return Finding(symbol, version, len(rows), None, None, "too few outcomes", wanted)

    ours, naive, covered = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    live = skill(ours, naive)
    coverage = float(covered.mean())
    upper = at_most(ours, naive, settings)
    if upper >= settings.live_min_skill:
        reason = f"live skill {live:+.4f} (at most {upper:+.4f}) over {len(rows)} outcomes"
        return Finding(symbol, version, len(rows), live, coverage, "kept", reason)

    reason = (
        f"live skill {live:+.4f} (at most {upper:+.4f} with {settings.live_confidence:.1%} confidence)"
        f" over {len(rows)} outcomes is below {settings.live_min_skill}"
    )
    change = aliases.roll_back(conn, registry, symbol, champion=version, actor="automatic", reason=reason)
    if change is None:
        return Finding(symbol, version, len(rows), live, coverage, "kept", "the champion changed meanwhile")
    to = f"version {change[1]}" if change[1] is not None else "no champion: there was no previous one"
    return Finding(symbol, version, len(rows), live, coverage, "rolled back", f"{reason}; now {to}")
