"""Which kind is an instrument's champion, and how it does live: promotions and roll-backs of forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

import numpy as np
from psycopg import sql

from workloads.kit.contracts.instruments import ForecastKind, Instrument
from workloads.kit.contracts.tables import MODEL_EVENTS, PREDICTION_OUTCOMES, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.windows import Floats
from workloads.model_training import live
from workloads.model_training.promotion import FEWEST, Losses, discoveries, worst
from workloads.model_training.runs.model import VERSION, WALKED, beside_prices
from workloads.model_training.runs.settings import ForecastSettings

PREFIX: Final = "delivery-day."
"""Before the kind, in the name of a model."""

_EVENTS: Final = sql.SQL(
    "SELECT at, event, model_name, starts_with(reason, %s) FROM {} WHERE symbol = %s"
    " AND starts_with(model_name, %s) AND at <= %s ORDER BY id DESC LIMIT 50"
).format(sql.Identifier(SCHEMA, MODEL_EVENTS))
_RECORD: Final = sql.SQL(
    "INSERT INTO {} (at, symbol, model_name, event, from_version, to_version, actor, reason)"
    " VALUES (%s, %s, %s, %s, %s, %s, 'automatic', %s)"
).format(sql.Identifier(SCHEMA, MODEL_EVENTS))
# Of one issue's periods one loss: the prices of an auction are one observation.
_LIVE: Final = sql.SQL(
    "SELECT avg(abs_error), avg(naive_abs_error) FROM {} WHERE symbol = %s AND source = %s"
    " AND resolution = %s AND model_name = %s AND model_alias = 'champion' AND delivery_start IS NOT NULL"
    " AND available_time > %s GROUP BY issued_at ORDER BY issued_at"
).format(sql.Identifier(SCHEMA, PREDICTION_OUTCOMES))

Event = Literal["promoted", "refused", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Standing:
    """`champion` since `since`, or none; `looked` is when the gate looked last at the kind of the settings,
    `fell` when a champion was rolled back last."""

    champion: ForecastKind | None
    since: datetime | None
    looked: datetime | None
    fell: datetime | None

    def is_due(self, kind: ForecastKind, now: datetime, settings: ForecastSettings) -> bool:
        """Whether the gate looks at a kind: neither daily, nor at what is champion, nor soon after a fall."""
        if kind == self.champion:
            return False
        if self.fell is not None and now - self.fell < timedelta(days=settings.watch_days):
            return False
        # A run of that day may begin some minutes sooner than the one that looked last.
        pause = timedelta(days=settings.gate_every_days, hours=-12)
        return self.looked is None or now - self.looked >= pause


def model_name(kind: ForecastKind) -> str:
    """Of a kind, in messages and events."""
    return f"{PREFIX}{kind}"


def proof_of(instrument: Instrument) -> str:
    """What a proof is of, beside the kind: other prices, inputs or settings of the kinds are another model.

    Each event's reason begins with it.
    """
    inputs = beside_prices(instrument.indicators, instrument.indicator_zone)
    return f"v{VERSION} on {instrument.resolution} prices of {instrument.source}{inputs}: "


def standing(conn: Connection, instrument: Instrument, as_of: datetime) -> Standing:
    """What the record said of an instrument, as it is set now, at an instant."""
    asked = (proof_of(instrument), instrument.symbol, PREFIX, as_of)
    with conn.transaction():
        events = conn.execute(_EVENTS, asked).fetchall()
    kind = cast("ForecastKind | None", None)
    since: datetime | None = None
    alike = [(at, event, name) for at, event, name, same in events if same]
    for at, event, name in alike:  # the newest first
        if event in ("promoted", "rolled_back"):
            if event == "promoted":
                kind, since = name.removeprefix(PREFIX), at
            break
    mine = model_name(instrument.kind)
    looks = [at for at, event, name in alike if name == mine and event in ("promoted", "refused")]
    # Who fell waits, whatever is changed about it in between.
    fell = [at for at, event, _, _ in events if event == "rolled_back"]
    return Standing(kind, since, looks[0] if looks else None, fell[0] if fell else None)


def decide(
    conn: Connection,
    tried: Mapping[str, tuple[Instrument, Losses]],
    now: datetime,
    settings: ForecastSettings,
) -> frozenset[str]:
    """The symbols whose kind is promoted, of all that are looked at together; each look is recorded."""
    newest = {symbol: _newest(losses, settings.gate_days) for symbol, (_, losses) in tried.items()}
    p_values, passed = judge(newest, settings)
    for symbol, (instrument, _) in tried.items():
        better = symbol in passed
        rivals = "the baseline" if newest[symbol].champion is None else "baseline and champion"
        reason = (
            f"skill {skill(newest[symbol]):+.4f}, {'' if better else 'not '}better than {rivals}"
            f" (p {p_values[symbol]:.2g}) with a false discovery rate of {settings.false_discovery_rate:g}"
            f" over {len(p_values)} instruments"
        )
        _record(conn, instrument, instrument.kind, "promoted" if better else "refused", now, reason)
    return passed


def judge(tried: Mapping[str, Losses], settings: ForecastSettings) -> tuple[dict[str, float], frozenset[str]]:
    """By symbol the p-value of "no better than its rivals", and the symbols that pass, of all together.

    Who is listed and not looked at now counts with a p-value of 1: looks drift apart where instruments lack
    something on some days, and none is judged as if there were no others.
    """
    p_values = {one.symbol: 1.0 for one in settings.instruments}
    p_values |= {symbol: worst(losses) for symbol, losses in tried.items()}
    return p_values, discoveries(p_values, settings.false_discovery_rate)


def watch(
    conn: Connection,
    instrument: Instrument,
    now: Standing,
    walked: Losses,
    at: datetime,
    settings: ForecastSettings,
) -> str | None:
    """Roll the champion back where its live forecasts are worse than the baseline, beyond chance. Why.

    It is looked at after each `watch_days` of outcomes, on the newest `watch_newest_days`: one that was good
    for a year and no longer is has no credit of old.

    Args:
        walked: the champion's losses on the days up to now: what its leads are like.
    """
    if now.champion is None:
        return None
    asked = (instrument.symbol, instrument.source, instrument.resolution, model_name(now.champion), now.since)
    with conn.transaction():
        rows = conn.execute(_LIVE, asked).fetchall()
    verdict = falls(np.array(rows, dtype=np.float64).reshape(-1, 2), walked, settings)
    if verdict is not None:
        _record(conn, instrument, now.champion, "rolled_back", at, verdict)
    return verdict


def falls(outcomes: Floats, walked: Losses, settings: ForecastSettings) -> str | None:
    """Why a champion falls, or None.

    Args:
        outcomes: (n, 2), its live losses a day and the baseline's, since it was promoted, oldest first.
        walked: its losses on days up to the newest outcome's.
    """
    count = len(outcomes) - len(outcomes) % settings.watch_days
    if not count:
        return None
    first = max(0, count - settings.watch_newest_days)
    ours, baseline = outcomes[first:count].T
    leads = walked.baseline - walked.ours
    # Until the next look the verdict is the same: by the days before those judged, and as many of them as are
    # walked still on the last day.
    until = max(0, len(leads) - (len(outcomes) - first))
    reach = max(FEWEST, WALKED - settings.watch_newest_days - settings.watch_days)
    before = leads[:until][-reach:]
    p = live.p_value(baseline - ours, before)
    if p > live.level_of_a_look(settings.watch_level, settings.watch_days):
        return None
    had = 1 - float(ours.sum()) / float(baseline.sum()) if baseline.sum() else 0.0
    return f"live skill {had:+.4f} over {len(ours)} days is below zero (p {p:.2g})"


def skill(losses: Losses) -> float:
    """1 - MAE / MAE of the baseline; 0 where that made no error."""
    there = np.isfinite(losses.ours) & np.isfinite(losses.baseline)
    total = float(losses.baseline[there].sum())
    return 1 - float(losses.ours[there].sum()) / total if total else 0.0


def _newest(losses: Losses, count: int) -> Losses:
    champion = losses.champion
    return Losses(
        losses.ours[-count:], losses.baseline[-count:], None if champion is None else champion[-count:]
    )


def _record(
    conn: Connection, instrument: Instrument, kind: ForecastKind, event: Event, at: datetime, reason: str
) -> None:
    came = VERSION if event == "promoted" else None
    values: tuple[Any, ...] = (at, instrument.symbol, model_name(kind), event)
    with conn.transaction():
        conn.execute(_RECORD, (*values, None if came else VERSION, came, proof_of(instrument) + reason))
