"""A night over several symbols: what one costs the others, and what is asked of database and registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixture_models import echoing
from tests.prices import walk
from workloads.kit.features import DEFAULT
from workloads.kit.registry import Artifact
from workloads.kit.windows import Floats
from workloads.model_training import candidate, dataset, outcomes
from workloads.model_training import train as training
from workloads.model_training.outcomes import Outcome, Passed
from workloads.model_training.prices import Revisions, revisions
from workloads.model_training.settings import TrainingSettings

DAY = 86_400_000_000
COUNT = 600
SETTINGS = TrainingSettings(
    postgres_host="unused",
    postgres_user="unused",
    mlflow_tracking_uri="http://unused",
    trees=5,
    folds=2,
    fit_jobs=1,
    resamples=100,
)


def rows(prices: Floats) -> list[tuple[int, int, float]]:
    return [(day * DAY, (day + 1) * DAY, price) for day, price in enumerate(prices.tolist())]


def restated(since: int, seed: int = 1) -> Revisions:
    """A history that is published again from day `since` on, all at once, after its end."""
    first = rows(walk(seed, COUNT))
    return revisions([*first, *((event, COUNT * DAY, price + 0.001) for event, _, price in first[since:])])


@dataclass
class Night:
    """Database and registry in memory; `series` by symbol, `versions` and `aliased` as the registry has."""

    series: dict[str, Revisions] = field(default_factory=dict)
    versions: dict[str, list[Artifact]] = field(default_factory=dict)
    aliased: dict[str, dict[str, int]] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    """The symbols whose prices were read together, each time."""
    lists: int = 0
    """How often all registered models were read."""
    fell: datetime | None = None
    """When each symbol's champion was rolled back."""

    def commit(self) -> None: ...

    def transaction(self) -> Any:
        return nullcontext()

    def execute(self, *_: Any) -> Any:
        return self

    def fetchone(self) -> tuple[datetime | None]:
        return (self.fell,)

    def aliases(self) -> dict[str, dict[str, int]]:
        self.lists += 1
        return self.aliased

    def named(self, symbol: str) -> dict[str, int]:
        return self.aliased.get(symbol, {})

    def newest(self, _: str) -> None:
        return None

    def register(self, made: Artifact, *_: Any) -> int:
        self.versions.setdefault(made.card.symbol, []).append(made)
        return len(self.versions[made.card.symbol])

    def point(self, symbol: str, alias: str, version: int | None) -> None:
        named = self.aliased.setdefault(symbol, {})
        named.pop(alias, None)
        if version is not None:
            named[alias] = version

    def train(self) -> dict[str, Outcome]:
        conn: Any = self
        registry: Any = self
        return {one.symbol: one for one in training.train(conn, registry, SETTINGS)}


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    made = Night()

    def read(_: Any, symbols: Sequence[str]) -> Mapping[Any, Revisions]:
        made.asked.append(list(symbols))
        return {(symbol, "real"): made.series[symbol] for symbol in symbols}

    monkeypatch.setattr(training.prices, "symbols", lambda _: list(made.series))
    monkeypatch.setattr(training.prices, "read", read)
    return made


@pytest.mark.parametrize("since", [0, 120])
def test_a_history_that_was_published_again_is_no_model_and_the_next_symbol_has_one(night: Night, since: int):
    night.series = {"A": restated(since), "B": revisions(rows(echoing(1, COUNT)))}
    found = night.train()
    assert found["A"].decision == "no model"
    assert "published again" in found["A"].reason
    assert found["B"].version == 1
    assert set(night.versions) == {"B"}


def test_a_part_that_was_published_again_is_not_learned_from_and_the_rest_is_enough(night: Night):
    night.series = {"A": restated(200)}
    assert night.train()["A"].version == 1


@pytest.mark.parametrize("error", [MemoryError("too much"), KeyError("x"), psycopg.DataError("nan")])
def test_a_symbol_that_fails_by_whatever_is_named_and_the_next_is_trained(
    night: Night, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    make = candidate.make

    def failing(symbol: str, *given: Any) -> Any:
        if symbol == "A":
            raise error
        return make(symbol, *given)

    monkeypatch.setattr(training.candidate, "make", failing)
    night.series = {name: revisions(rows(echoing(1, COUNT))) for name in "AB"}
    found = night.train()
    assert (found["A"].decision, found["B"].version) == ("failed", 1)
    assert type(error).__name__ in found["A"].reason


def test_a_lost_database_ends_the_run(night: Night, monkeypatch: pytest.MonkeyPatch):
    def lost(*_: Any) -> Any:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(training.candidate, "make", lost)
    night.series = {"A": revisions(rows(echoing(1, COUNT)))}
    with pytest.raises(psycopg.OperationalError):
        night.train()


def test_old_sessions_that_are_published_again_end_no_wait_after_a_roll_back(night: Night):
    first = rows(echoing(1, COUNT))
    again = [(event, (COUNT - 10) * DAY, price) for event, _, price in first[100:200]]
    data = dataset.build(revisions([*first, *again]), DEFAULT)

    def waits(days: int) -> str | None:
        conn: Any = night
        night.fell = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=COUNT - days)
        return training._quarantine(conn, SETTINGS, "A", data)

    # Of thirty the last has no session after it, and the first is the roll-back's own instant.
    assert "28 sessions ago" in str(waits(30))
    assert waits(90) is None


def test_prices_are_read_a_symbol_at_a_time_and_all_models_once(night: Night):
    night.series = {name: revisions(rows(walk(seed, COUNT))) for seed, name in enumerate("ABC")}
    night.train()
    assert night.asked == [["A"], ["B"], ["C"]]
    assert set(night.aliased) == {"A", "B", "C"}
    assert night.lists == 1


def test_who_passes_alone_counts_among_all_symbols_that_are_looked_at(
    night: Night, monkeypatch: pytest.MonkeyPatch
):
    """Of many symbols one in twenty passes by luck: what is enough for one alone is not among twenty."""
    make, chances = candidate.make, {"A": 0.03, "B": 0.0001}

    def passing(symbol: str, *given: Any) -> Any:
        made = make(symbol, *given)
        return replace(
            made, p_value=chances.get(symbol, 0.5), verdict=replace(made.verdict, passed=symbol in chances)
        )

    monkeypatch.setattr(training.candidate, "make", passing)
    series = revisions(rows(echoing(1, COUNT)))
    night.series = {"A": series}
    assert night.train()["A"].decision == "promoted"
    night.series = dict.fromkeys("ABCDE", series)
    night.aliased.clear()
    found = night.train()
    assert {name: one.decision for name, one in found.items()} == {
        "A": "challenger", "B": "promoted", "C": "challenger", "D": "challenger", "E": "challenger",
    }  # fmt: skip
    assert "over 5 symbols" in found["A"].reason
    assert night.aliased["A"].keys() == {"challenger"}


def test_a_challenger_rises_once_others_are_known_to_pass(night: Night):
    """0.03 is too much for one of two symbols; beside another with 0.04 both are within 5 %."""
    conn: Any = night
    registry: Any = night

    def passes(symbol: str, p_value: float) -> Passed:
        return Passed(Outcome(symbol, "real", "challenger", "skill", version=1), None, p_value)

    first, second = passes("A", 0.03), passes("B", 0.04)
    alone = outcomes.decide(conn, registry, SETTINGS, {"A": first}, "AB")
    assert {symbol: one.decision for symbol, one in alone.items()} == {"A": "challenger"}
    both = outcomes.decide(conn, registry, SETTINGS, {"B": second}, "AB", known={"A": first}, challengers="A")
    assert {symbol: one.decision for symbol, one in both.items()} == {"A": "promoted", "B": "promoted"}
    assert night.aliased == {"A": {"champion": 1}, "B": {"champion": 1}}
    # What has its champion is let alone.
    again = outcomes.decide(conn, registry, SETTINGS, {"B": second}, "AB", known={"A": first})
    assert set(again) == {"B"}


def test_a_promotion_that_came_before_its_record_was_lost_is_made_again_as_it_was(night: Night):
    """The registry has it, and the database not: the night is decided again."""
    conn: Any = night
    registry: Any = night
    night.aliased = {"A": {"champion": 1, "challenger": 2}}
    passed = {"A": Passed(Outcome("A", "real", "challenger", "skill", version=2), 1, 0.001)}
    for _ in range(2):
        found = outcomes.decide(conn, registry, SETTINGS, passed, "A")
        assert found["A"].decision == "promoted"
        assert night.aliased == {"A": {"champion": 2, "previous": 1}}


@given(
    st.lists(st.floats(1e-6, 0.2), min_size=1, max_size=12),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_shards_that_decide_one_after_the_other_promote_what_one_pod_would(
    chances: list[float], shards: int, order: Any
):
    names = [f"S{number:02}" for number in range(len(chances))]
    everyone = {
        name: Passed(Outcome(name, "real", "challenger", "skill", version=1), None, chance)
        for name, chance in zip(names, chances, strict=True)
    }
    whole: Any = Night()
    outcomes.decide(whole, whole, SETTINGS, everyone, names)
    parted: Any = Night()
    known: dict[str, Passed] = {}
    indexes = list(range(shards))
    order.shuffle(indexes)
    for index in indexes:
        own = {name: everyone[name] for name in names[index::shards]}
        challengers = [name for name in known if "champion" not in parted.named(name)]
        outcomes.decide(parted, parted, SETTINGS, own, names, known=known, challengers=challengers)
        known |= own
    assert parted.aliased == whole.aliased
