"""A look at every champion: what one that cannot be judged costs the others."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import psycopg
import pytest

from tests.fixture_models import artifact
from workloads.kit.contracts.models import Card
from workloads.model_training import monitor
from workloads.model_training.settings import MonitorSettings

SETTINGS = MonitorSettings(
    postgres_host="unused", postgres_user="unused", mlflow_tracking_uri="http://unused"
)


class Record:
    """Outcomes and registry in memory: A's outcomes `fail`, B is right in each of sixty sessions."""

    def __init__(self, fails: Exception) -> None:
        self._fails = fails
        self._symbol = ""

    def transaction(self) -> Any:
        return nullcontext()

    def execute(self, _: Any, asked: tuple[Any, ...]) -> Any:
        self._symbol = asked[0]
        return self

    def fetchall(self) -> list[tuple[float, float, bool]]:
        if self._symbol == "A":
            raise self._fails
        return [(0.0, 0.01, True)] * 60

    def aliases(self) -> dict[str, dict[str, int]]:
        return {"A": {"champion": 1}, "B": {"champion": 2}}

    def card(self, symbol: str, _: int) -> Card:
        return artifact(symbol).card


def checked(fails: Exception) -> dict[str, monitor.Finding]:
    record: Any = Record(fails)
    return {one.symbol: one for one in monitor.check(record, record, SETTINGS)}


@pytest.mark.parametrize("error", [psycopg.DataError("value out of range: overflow"), KeyError("x")])
def test_a_champion_that_cannot_be_judged_is_named_and_the_next_is_judged(error: Exception):
    found = checked(error)
    assert (found["A"].action, found["B"].action) == ("failed", "kept")
    assert type(error).__name__ in found["A"].reason


def test_a_lost_database_ends_the_look():
    with pytest.raises(psycopg.OperationalError):
        checked(psycopg.OperationalError("gone"))
