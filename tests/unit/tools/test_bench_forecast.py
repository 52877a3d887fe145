"""`make bench forecast`: from a file of prices to figures with aims, and a document of its own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import numpy as np
import pytest

from tests.bench import forecast
from tests.bench.measure import Failure
from tests.bench.power.results import Result
from tests.bench.rig import Rig
from tools.console import Step
from tools.errors import UsageError
from workloads.model_training import day_ahead
from workloads.model_training.kinds.forest import Forest
from workloads.model_training.kinds.lear import Lear

_HOURS = 24 * 240


def _write(directory: Path) -> None:
    random = np.random.default_rng(3)
    load = random.normal(0, 1, _HOURS)
    prices = 30 + 20 * load + random.normal(0, 3, _HOURS)
    begin = np.datetime64("2018-01-01", "h")
    times = [str(begin + hour).replace("T", " ") + ":00:00" for hour in range(_HOURS)]
    lines = [f"{t},{p:.2f},{x:.4f}" for t, p, x in zip(times, prices, load, strict=True)]
    (directory / "T.csv").write_text("\n".join(["time,price,load", *lines]) + "\n")
    poor = [f"{t},{p + 30:.2f}" for t, p in zip(times, prices, strict=True)][24 * 180 :]
    (directory / "T-published.csv").write_text("\n".join(["time,theirs", *poor]) + "\n")


def test_a_file_of_prices_becomes_figures_with_aims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path)
    monkeypatch.setenv("DATA", str(tmp_path))
    monkeypatch.setattr(forecast, "_OUT", tmp_path)
    monkeypatch.setattr(day_ahead, "members", lambda: (Lear(56, every=50), Lear(84, every=50)))
    monkeypatch.setattr(day_ahead, "beside", lambda: (Forest(trees=2, every=200),))
    figures = forecast.run(cast(Rig, SimpleNamespace(quick=True)), Step("forecast"))
    error, accuracy, off, width, seconds = figures
    assert [other.name for other in error.others] == ["naive", "theirs", "lear"]
    aims = {aim.against: aim.reached for aim in error.aims}
    assert aims["naive"]
    assert aims["theirs"]
    assert accuracy.aims[0].reached
    for figure in (error, off, width, seconds):
        assert not isinstance(figure.ours, Failure)
        assert np.isfinite(figure.ours.median)
    result = msgspec.json.decode((tmp_path / "forecast-T.json").read_bytes(), type=Result)
    # A quick run ends after four weeks of the test period.
    assert (result.start, result.end) == ("2018-06-30", "2018-07-27")
    assert result.row("forest").errors.mae > result.row("ensemble").errors.mae


def test_without_data_it_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATA", raising=False)
    with pytest.raises(UsageError, match="DATA is not set"):
        forecast.run(cast(Rig, SimpleNamespace(quick=True)), Step("forecast"))
