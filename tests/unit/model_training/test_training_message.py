"""What the message of a delivery day says of each period, and of whose forecast it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from workloads.kit.contracts.forecasts import LEVELS, DeliveryForecast
from workloads.kit.contracts.instruments import ForecastKind, Instrument
from workloads.model_training.promotion import Losses
from workloads.model_training.runs import message
from workloads.model_training.runs.grid import Grid
from workloads.model_training.runs.known import Known, Newest
from workloads.model_training.runs.model import Made

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
INSTRUMENT = Instrument(symbol="DE", source="a", time_zone="UTC")
NEWEST = Newest(AT, AT, -4.2, "power", "market", "EUR", "MWh")
QUANTILES = np.linspace(-20.0, 20.0, len(LEVELS))
DAYS: Any = None


def told(
    champion: ForecastKind | None = None, missing: tuple[str, ...] = (), **made: Any
) -> DeliveryForecast:
    values: dict[str, Any] = {
        "prediction": np.full(24, 3.0),
        "quantiles": np.repeat(QUANTILES[:, np.newaxis], 24, axis=1),
        "baseline": np.full(24, 5.0),
        "members": {},
        "losses": Losses(np.ones(3), np.full(3, 2.0)),
        "drivers": lambda: {"load": np.arange(24.0)},
    }
    known = Known(date(2026, 3, 2), AT, Grid("PT1H", "UTC"), DAYS, (), missing, NEWEST)
    kind = champion or INSTRUMENT.kind
    return message.of(INSTRUMENT, known, champion, {kind: Made(**values | made)}, AT)


@pytest.mark.parametrize(("prediction", "lower", "upper"), [(3, -20, 20), (-30, -30, 20), (25, -20, 25)])
def test_each_period_has_its_interval_which_holds_its_prediction(
    prediction: float, lower: float, upper: float
) -> None:
    made = told(prediction=np.full(24, float(prediction)))
    assert [one.delivery_start.hour for one in made.periods] == [*range(24)]
    for hour, one in enumerate(made.periods):
        assert (one.prediction, one.lower, one.upper, one.baseline) == (prediction, lower, upper, 5.0)
        assert one.quantiles == QUANTILES.tolist()
        assert one.moved_by == {"load": float(hour)}


@pytest.mark.parametrize(
    ("champion", "missing", "alias", "skill"),
    [
        (None, (), "challenger", "none"),
        ("lear", (), "champion", "proven"),
        ("lear", ("load",), "champion", "none"),
    ],
)
def test_skill_is_proven_of_a_champion_that_had_all_it_was_proven_with(
    champion: ForecastKind | None, missing: tuple[str, ...], alias: str, skill: str
) -> None:
    made = told(champion, missing)
    assert (made.model_alias, made.skill, made.missing) == (alias, skill, [*missing])


def test_a_forecast_that_cannot_be_explained_is_told_all_the_same() -> None:
    def fails() -> dict[str, Any]:
        raise ArithmeticError

    for drivers in (fails, lambda: {"load": np.full(24, np.nan)}):
        assert {len(one.moved_by) for one in told(drivers=drivers).periods} == {0}
