"""A run of forecast-run: each instrument's forecast that is due, recorded and sent, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import structlog

from workloads.kit import db
from workloads.kit.codec import encode
from workloads.kit.contracts.instruments import ForecastKind, Instrument
from workloads.kit.db import Connection
from workloads.kit.storable import storable
from workloads.kit.windows import Floats
from workloads.model_training.promotion import Losses
from workloads.model_training.runs import known, message, model, standing, store
from workloads.model_training.runs.known import Known, NotForecast
from workloads.model_training.runs.model import Made
from workloads.model_training.runs.settings import ForecastSettings
from workloads.model_training.runs.standing import Standing

_log: Any = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instrument's delivery day."""

    symbol: str
    delivery_day: date
    issued_at: datetime
    outcome: Literal["forecast", "there already", "not forecast", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class _Due:
    """An instrument's forecast on its way: by kind, that of the settings and the champion's."""

    instrument: Instrument
    known: Known
    standing: Standing
    made: dict[ForecastKind, Made]

    @property
    def losses(self) -> Losses:
        """Of the kind of the settings beside what it has to beat."""
        ours = self.made[self.instrument.kind].losses
        champion = self.standing.champion
        return ours if champion is None else replace(ours, champion=_last(self.made[champion].losses, ours))


def run(
    conn: Connection, settings: ForecastSettings, now: Clock, delivery: Sequence[date] = ()
) -> list[Outcome]:
    """Forecast and record; what is recorded is the caller's to send.

    An instrument that fails, by whatever but the loss of the database, leaves the others alone: it is an
    outcome `failed` with its reason. One that is forecast already is left as it is. Each is recorded as soon
    as it is made, so that what ends the run takes nothing back; those alone wait for the others that the gate
    looks at together with them.

    Args:
        delivery: days to forecast in hindsight, each by what was known when it was due, instead of the next;
            they count in no live record, and no champion rises or falls by them.
    """
    outcomes: list[Outcome] = []
    judged: list[tuple[_Due, Losses]] = []
    for instrument in settings.instruments:
        days = [(day, instrument.issue(day)) for day in delivery] or [instrument.newest(now())]
        for day, issued_at in days:
            one = _Asked(conn, instrument, day, issued_at, settings, now, live=not delivery)
            found = one.guarded(one.forecast)
            if isinstance(found, Outcome):
                outcomes.append(_told(found))
            else:
                judged.append(found)
    promoted = _judge(conn, judged, settings, now())
    for due, _ in judged:
        rises = due.instrument.symbol in promoted
        state = replace(due.standing, champion=due.instrument.kind) if rises else due.standing
        one = _Asked(conn, due.instrument, due.known.delivery, due.known.issued_at, settings, now, live=True)
        outcomes.append(_told(one.guarded(partial(_save, conn, replace(due, standing=state), now))))
    return outcomes


@dataclass(frozen=True, slots=True)
class _Asked:
    """One instrument's delivery day, to be forecast."""

    conn: Connection
    instrument: Instrument
    day: date
    issued_at: datetime
    settings: ForecastSettings
    now: Clock
    live: bool

    def guarded(self, step: Callable[[], T]) -> T | Outcome:
        """What a step gives, or that there is no forecast and why.

        Raises:
            psycopg.OperationalError, psycopg.InterfaceError: the database was lost, for all alike.
        """
        try:
            return step()
        except NotForecast as error:
            return self._outcome("not forecast", str(error))
        except db.LOST:
            raise
        except Exception as error:
            # Of numbers that nobody has thought of, or too many: the other markets are forecast all the same.
            _log.exception("forecast_failed", symbol=self.instrument.symbol)
            why = f"{type(error).__name__}: {error}"
            self._tell(f"it failed, and is tried again: {why}")
            return self._outcome("failed", why)

    def forecast(self) -> Outcome | tuple[_Due, Losses]:
        """What became of it; before it is recorded, with its losses, where the gate looks at it now."""
        conn, at = self.conn, self.now()
        if store.is_made(conn, self.instrument, self.day, self.issued_at):
            return self._outcome("there already", "")
        try:
            if self.issued_at > at:
                raise NotForecast(f"it is issued at {self.issued_at.isoformat()}, and not before")
            due = _make(conn, self.instrument, self.day, self.issued_at, self.settings, at, live=self.live)
        except NotForecast as error:
            self._tell(str(error))
            raise
        # A model that does without what is missing today is not the one that is judged.
        if (
            self.live
            and not due.known.missing
            and due.standing.is_due(due.instrument.kind, at, self.settings)
        ):
            return due, due.losses
        return _save(conn, due, self.now)

    def _tell(self, why: str) -> None:
        """Record why there is no forecast, for who asks for it."""
        reason = storable(why)
        store.add_reason(self.conn, self.instrument, self.day, self.issued_at, self.now(), reason)

    def _outcome(self, kind: Literal["there already", "not forecast", "failed"], why: str) -> Outcome:
        return Outcome(self.instrument.symbol, self.day, self.issued_at, kind, why)


def _told(one: Outcome) -> Outcome:
    level = _log.info if one.outcome in ("forecast", "there already") else _log.warning
    level(
        one.outcome.replace(" ", "_"),
        symbol=one.symbol,
        delivery_day=str(one.delivery_day),
        issued_at=one.issued_at.isoformat(),
        reason=one.reason,
    )
    return one


def _make(
    conn: Connection,
    instrument: Instrument,
    day: date,
    issued_at: datetime,
    settings: ForecastSettings,
    at: datetime,
    *,
    live: bool,
) -> _Due:
    found = known.read(conn, instrument, day, issued_at)
    # In hindsight, too, a forecast is the then champion's: a proof of later is none of it.
    as_of = at if live else issued_at
    state = standing.standing(conn, instrument, as_of)
    made: dict[ForecastKind, Made] = {}

    def make(kind: ForecastKind) -> Made:
        if kind not in made:
            zones = instrument.indicator_zone, instrument.time_zone
            inputs = model.inputs(kind, found.indicators, *zones)
            kept = store.members(conn, instrument, inputs, day, model.WALKED)
            made[kind] = model.make(found, kind, kept)
            store.add_members(conn, instrument, inputs, made[kind].members)
        return made[kind]

    if live and state.champion is not None:
        walked = make(state.champion).losses
        if standing.watch(conn, instrument, state, walked, at, settings) is not None:
            state = standing.standing(conn, instrument, as_of)
    for kind in (instrument.kind, *_champion(state)):
        make(kind)
    return _Due(instrument, found, state, made)


def _champion(state: Standing) -> Iterator[ForecastKind]:
    if state.champion is not None:
        yield state.champion


def _judge(
    conn: Connection, judged: Sequence[tuple[_Due, Losses]], settings: ForecastSettings, at: datetime
) -> frozenset[str]:
    """The symbols whose kind of the settings becomes champion now.

    None where that cannot be told: no forecast stays away for it."""
    tried = {due.instrument.symbol: (due.instrument, losses) for due, losses in judged}
    try:
        return standing.decide(conn, tried, at, settings) if tried else frozenset()
    except db.LOST:
        raise
    except Exception:
        _log.exception("gate_failed", symbols=sorted(tried))
        return frozenset()


def _save(conn: Connection, due: _Due, now: Clock) -> Outcome:
    made = message.of(due.instrument, due.known, due.standing.champion, due.made, now())
    done = store.add_forecast(conn, made, encode(made))
    reason = f"without {', '.join(made.missing)}" if made.missing else ""
    return Outcome(
        made.symbol,
        made.delivery_day,
        made.issued_at,
        "forecast" if done else "there already",
        reason,
    )


def _last(losses: Losses, like: Losses) -> Floats:
    """The champion's losses on the candidate's days, NaN where it has none: both end with the same day."""
    count = len(like.ours)
    found = np.full(count, np.nan)
    ours = losses.ours[-count:]
    found[count - len(ours) :] = ours
    return found
