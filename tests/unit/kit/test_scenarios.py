"""Scenarios of a curve, spreads, and what a position gains."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError

from workloads.kit.curves.build import Curve, build
from workloads.kit.curves.quotes import Product, Quote
from workloads.kit.curves.scenarios import Scenario
from workloads.kit.curves.value import Plant, Position, spread, value
from workloads.kit.markets import peak

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def curve() -> Curve:
    quotes = [
        Quote(period="2027-03", price=60),
        Quote(period="2027-03", profile="peak", price=75),
        Quote(period="2027-04", price=50),
    ]
    return build(quotes, BERLIN, peak("power"))


def _scenario(*steps: dict[str, Any]) -> Scenario:
    return Scenario.model_validate({"name": "what if", "steps": steps})


def test_steps_follow_each_other(curve: Curve) -> None:
    shift = {"kind": "shift", "amount": 4, "of": {"period": "2027-03", "profile": "peak"}}
    steeper = {"kind": "shape", "factor": 2}
    both = _scenario(shift, steeper).on(curve)
    other = _scenario(steeper, shift).on(curve)
    # What is shifted first is spread with the rest; a day's mean is kept by the second step alone.
    monday = slice(0, 24)
    assert both.name == "what if"
    assert np.ptp(both.prices[monday]) == pytest.approx(2 * (np.ptp(curve.prices[monday]) + 4))
    assert np.ptp(other.prices[monday]) == pytest.approx(2 * np.ptp(curve.prices[monday]) + 4)
    assert both.daily() == pytest.approx(_scenario(shift).on(curve).daily())
    assert both.mean(Product(period="2027-04")) == pytest.approx(50)


def test_a_tilt_leaves_the_near_end(curve: Curve) -> None:
    moved = _scenario({"kind": "tilt", "amount": -10}).on(curve).prices - curve.prices
    assert moved[[0, -1]] == pytest.approx([0, -10])
    assert np.all(np.diff(moved) < 0)


def test_an_outage_is_of_its_hours(curve: Curve) -> None:
    step = {"kind": "outage", "megawatts": 1400, "per_gigawatt": 2.5, "of": {"period": "2027-W10"}}
    moved = _scenario(step).on(curve).prices - curve.prices
    assert np.count_nonzero(moved) == 168
    assert moved.max() == pytest.approx(3.5)
    assert moved.argmax() == 7 * 24  # 8 March


def test_hours_beyond_the_curve_are_refused(curve: Curve) -> None:
    beyond = {"kind": "shift", "amount": 1, "of": {"period": "2027-05"}}
    with pytest.raises(ValueError, match=r"2027-05 base is not within the curve, 2027-03-01 to before"):
        _scenario(beyond).on(curve)
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        _scenario({"kind": "twist", "amount": 1})


def test_a_position_gains_what_its_hours_cost_more(curve: Curve) -> None:
    sold = value(Position(period="2027-03", megawatts=-10, price=62), curve)
    assert sold.hours == 743  # an hour fewer: the clock goes forward
    assert sold.energy == -7430
    assert sold.profit == pytest.approx(7430 * 2)
    bought = value(Position(period="2027-03", profile="peak", megawatts=10, price=70), curve)
    assert bought.profit == pytest.approx(10 * 23 * 12 * 5)


def test_spreads_are_of_the_fuel_that_a_mwh_takes() -> None:
    power = np.array([80.0, -5.0])
    gas = Plant(efficiency=0.5, emission=0.2)
    assert spread(power, 30.0, gas) == pytest.approx([20, -65])
    assert spread(power, 30.0, gas, carbon=70.0) == pytest.approx([80 - 60 - 28, -5 - 60 - 28])
    coal = Plant(efficiency=0.4, energy=6.98, emission=0.34)
    assert spread(power, 6.98 * 16, coal)[0] == pytest.approx(80 - 40)
    with pytest.raises(ValueError, match="efficiency 0: give a share"):
        Plant(efficiency=0)
