"""A run over several instruments: what one that fails costs the others, and what a champion's proof is of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import psycopg
import pytest

from workloads.kit.contracts.instruments import Instrument
from workloads.model_training.__main__ import main
from workloads.model_training.promotion import Losses
from workloads.model_training.runs import model, standing
from workloads.model_training.runs import run as runs
from workloads.model_training.runs.run import Outcome
from workloads.model_training.runs.settings import ForecastSettings
from workloads.model_training.runs.standing import Standing

NOW = datetime(2026, 1, 1, 13, tzinfo=UTC)
SETTINGS: Any = ForecastSettings.model_construct(
    instruments=[Instrument(symbol=name, source="a", time_zone="UTC") for name in "ABCD"]
)
DUE = Standing(None, None, None, None)


@dataclass
class Desk:
    """A run whose forecasts are made up: `fails` by symbol, `looked` at already by the gate or not, `saved`
    in order."""

    fails: dict[str, Exception] = field(default_factory=dict)
    unsaved: dict[str, Exception] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)
    saved: list[str] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    """Why there is no forecast, by symbol, as it is recorded."""

    def tell(self, _: Any, instrument: Instrument, *given: Any) -> None:
        self.told[instrument.symbol] = given[-1]

    def make(self, _: Any, instrument: Instrument, day: Any, issued_at: Any, *__: Any, **___: Any) -> Any:
        if instrument.symbol in self.fails:
            raise self.fails[instrument.symbol]
        state = Standing(None, None, NOW, None) if instrument.symbol in self.looked else DUE
        known: Any = SimpleNamespace(missing=(), delivery=day, issued_at=issued_at)
        made: Any = SimpleNamespace(losses=Losses(np.zeros(1), np.zeros(1)))
        return runs._Due(instrument, known, state, {instrument.kind: made})

    def save(self, _: Any, due: Any, __: Any) -> Outcome:
        symbol = due.instrument.symbol
        if symbol in self.unsaved:
            raise self.unsaved[symbol]
        self.saved.append(symbol)
        return Outcome(symbol, due.known.delivery, due.known.issued_at, "forecast", "")

    def decide(self, _: Any, tried: dict[str, Any], *__: Any) -> frozenset[str]:
        self.judged.extend(tried)
        return frozenset()

    def run(self) -> dict[str, str]:
        return {one.symbol: one.outcome for one in runs.run(None, SETTINGS, lambda: NOW)}  # type: ignore[arg-type]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()
    monkeypatch.setattr(runs.store, "is_made", lambda *_: False)
    monkeypatch.setattr(runs.store, "add_reason", made.tell)
    monkeypatch.setattr(runs, "_make", made.make)
    monkeypatch.setattr(runs, "_save", made.save)
    monkeypatch.setattr(runs.standing, "decide", made.decide)
    return made


@pytest.mark.parametrize("error", [MemoryError("too much"), KeyError("x"), psycopg.DataError("nan")])
@pytest.mark.parametrize("looked", ["", "ABCD"])
def test_an_instrument_that_fails_by_whatever_leaves_the_others_alone_and_is_named(
    desk: Desk, error: Exception, looked: str
) -> None:
    desk.fails["B"] = desk.unsaved["C"] = error
    desk.looked = set(looked)
    assert desk.run() == {"A": "forecast", "B": "failed", "C": "failed", "D": "forecast"}
    assert desk.saved == ["A", "D"]
    assert desk.told.keys() == {"B", "C"}
    assert all(type(error).__name__ in why for why in desk.told.values())


def test_what_is_made_is_saved_before_the_next_but_for_what_the_gate_looks_at_together(desk: Desk) -> None:
    """The database is lost, or the process is ended, while C is made."""
    desk.fails["C"] = psycopg.OperationalError("gone")
    desk.looked = {"A"}
    with pytest.raises(psycopg.OperationalError):
        desk.run()
    assert (desk.saved, desk.judged) == (["A"], [])
    desk.fails.clear()
    desk.saved.clear()
    desk.run()
    assert (desk.saved, desk.judged) == (["A", "B", "C", "D"], ["B", "C", "D"])


def test_where_the_gate_fails_each_is_forecast_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(*_: Any) -> frozenset[str]:
        raise psycopg.DataError("nan")

    monkeypatch.setattr(runs.standing, "decide", decide)
    assert set(desk.run().values()) == {"forecast"}
    assert desk.saved == ["A", "B", "C", "D"]


class Record:
    """The table of events, as `standing` reads and writes it."""

    def __init__(self) -> None:
        self.rows: list[tuple[datetime, str, str, str, str]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def execute(self, query: Any, given: tuple[Any, ...]) -> Any:
        if query is standing._RECORD:
            at, symbol, name, event, _, _, reason = given
            self.rows.append((at, symbol, name, event, reason))
            return None
        proof, symbol = given[:2]
        rows = [
            (at, event, name, reason.startswith(proof))
            for at, of, name, event, reason in reversed(self.rows)
            if of == symbol
        ]
        return SimpleNamespace(fetchall=lambda: rows)


PROVEN = {"symbol": "DE", "source": "a", "time_zone": "Europe/Berlin", "indicators": ["load", "wind-solar"]}


def promoted() -> Any:
    record: Any = Record()
    draw = np.random.default_rng(1)
    losses = Losses(draw.gamma(9, 1, 182), draw.gamma(9, 2, 182))
    instrument = Instrument.model_validate(PROVEN)
    assert standing.decide(record, {"DE": (instrument, losses)}, NOW, SETTINGS) == {"DE"}
    return record


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "b"},
        {"resolution": "PT15M"},
        {"indicators": []},
        {"indicators": ["load"]},
        {"indicators": ["load", "wind-solar", "gas"]},
        {"zone": "FR"},
    ],
)
def test_a_proof_is_of_its_prices_and_inputs_and_of_no_others(changed: dict[str, Any]) -> None:
    record, later = promoted(), NOW + timedelta(days=1)
    same = standing.standing(record, Instrument.model_validate(PROVEN), later)
    assert (same.champion, same.since, same.looked) == ("ensemble", NOW, NOW)
    other = Instrument.model_validate(PROVEN | changed)
    found = standing.standing(record, other, later)
    assert found == Standing(None, None, None, None)
    assert found.is_due(other.kind, later, SETTINGS)


def test_a_proof_ends_with_the_version_of_the_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    record = promoted()
    monkeypatch.setattr(standing, "VERSION", model.VERSION + 1)
    assert standing.standing(record, Instrument.model_validate(PROVEN), NOW).champion is None


def test_one_that_fell_waits_whatever_is_changed_about_it() -> None:
    record = promoted()
    instrument = Instrument.model_validate(PROVEN)
    standing._record(record, instrument, "ensemble", "rolled_back", NOW, "it was worse")
    assert standing.standing(record, instrument, NOW).champion is None
    other = Instrument.model_validate(PROVEN | {"source": "b"})
    assert not standing.standing(record, other, NOW).is_due("ensemble", NOW + timedelta(days=3), SETTINGS)


@pytest.mark.parametrize(
    ("day", "named"), [("0001-01-01", "1900"), ("9999-12-31", "2200"), ("2026-02-30", "is no day")]
)
def test_a_day_to_forecast_in_hindsight_that_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str], day: str, named: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["forecast", "--delivery", "2026-03-01", day])
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_who_is_not_looked_at_now_counts_among_those_that_are_tried() -> None:
    """Looks drift apart by the days on which an indicator is missing: one alone has no easier test."""
    baseline = 5 + np.random.default_rng(8).normal(0, 1, 182)
    tried = {"A": Losses(np.full(182, 4.8), baseline)}
    alone: Any = ForecastSettings.model_construct(instruments=SETTINGS.instruments[:1])
    p_values, passed = standing.judge(tried, alone)
    assert 0.05 / 4 < p_values["A"] <= 0.05
    assert passed == {"A"}
    p_values, passed = standing.judge(tried, SETTINGS)
    assert passed == set()
    assert len(p_values) == 4


def test_the_next_look_is_on_its_day_though_its_run_begins_a_little_sooner() -> None:
    every = timedelta(days=SETTINGS.gate_every_days)
    state = Standing(None, None, NOW, None)
    assert state.is_due("ensemble", NOW + every - timedelta(minutes=20), SETTINGS)
    assert not state.is_due("ensemble", NOW + every - timedelta(days=1), SETTINGS)
