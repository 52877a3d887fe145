"""What `make bench forecast` says of a walk: every forecast measured, in files and on the screen."""

from __future__ import annotations

import io

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tests.bench.power import screen
from tests.bench.power.results import Result, judge
from tests.bench.power.sets import Set
from workloads.kit.power.days import Days
from workloads.model_training import day_ahead
from workloads.model_training.kinds.forest import Forest
from workloads.model_training.kinds.lear import Lear
from workloads.model_training.kinds.naive import Naive


@pytest.fixture(scope="module")
def result() -> Result:
    random = np.random.default_rng(7)
    count = 220
    exogenous = random.normal(0, 1, (count, 1, 24))
    prices = 8 + 12 * exogenous[:, 0] + random.normal(0, 2, (count, 24))
    dates = np.datetime64("2019-06-01") + np.arange(count)
    days = Days(dates, prices, exogenous)
    first = 160
    data = Set("X", days, first, {"perfect": prices[first:].copy()}, ("load",), 0)
    kinds = (Lear(56, every=20), Lear(84, every=20), Forest(trees=3, every=60))
    walked = day_ahead.walk(days, kinds, day_ahead.warm_up(first))
    naive = day_ahead.walk(days, (Naive(),), walked.first).of("naive")
    ensemble = day_ahead.combine(walked.only(["lear-56", "lear-84"]), days)
    return judge(data, walked, ensemble, naive)


def test_each_forecast_is_measured_over_the_test_period_alone(result: Result) -> None:
    assert [row.name for row in result.rows] == [
        "naive",
        "perfect",
        "lear-56",
        "lear-84",
        "forest",
        "lear",
        "ensemble",
    ]
    assert (result.start, result.end, result.days) == ("2019-11-08", "2020-01-06", 60)
    assert all(row.errors.periods == 60 * 24 for row in result.rows)
    assert result.row("perfect").errors.mae == 0
    assert result.row("naive").errors.rmae == 1
    assert result.row("ensemble").errors.mae < 0.5 * result.row("naive").errors.mae
    assert list(result.row("naive").by_month) == ["2019-11", "2019-12", "2020-01"]
    assert len(result.row("naive").by_hour) == 24


def test_the_tests_say_who_is_better(result: Result) -> None:
    ours = result.row("ensemble").better_than
    assert ours["naive"] < 0.001
    assert ours["perfect"] > 0.999
    assert result.row("naive").seconds is None
    assert (result.row("ensemble").seconds or 0) > 0
    assert list(result.weights) == ["lear-56", "lear-84"]


def test_intervals_are_told_by_quarter_and_by_sign(result: Result) -> None:
    found = result.intervals
    assert list(found.by_quarter) == ["2019 Q4", "2020 Q1"]
    assert sum(one.periods for one in found.by_price.values()) == found.whole.periods == 60 * 24
    assert min(one.periods for one in found.by_price.values()) > 100
    assert 0.8 < found.whole.coverage < 0.97
    assert 0 < found.crps < result.row("ensemble").errors.mae


def test_it_is_written_and_shown(result: Result) -> None:
    again = msgspec.json.decode(msgspec.json.encode(result), type=Result)
    assert again == result
    out = io.StringIO()
    screen.show(result, Console(file=out, width=160))
    shown = out.getvalue()
    for name in (*(row.name for row in result.rows), "2019 Q4", "price negative", "CRPS"):
        assert name in shown
