"""What docs/forecasts.md shows of a market's files is what the pipeline takes and the set forecasts."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tools.paths import ROOT
from workloads.kit.contracts.instruments import Instrument
from workloads.kit.contracts.sources.kinds import CsvSource
from workloads.price_pipeline import config


def test_the_sources_of_the_page_are_those_of_the_sets_instrument(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "forecasts.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "sources.yaml"
    file.write_text(example, encoding="utf-8")
    prices, forecasts = config.load(file, allowed=("market",)).sources
    assert isinstance(prices, CsvSource)
    assert isinstance(forecasts, CsvSource)
    chosen = yaml.safe_load((ROOT / "stacks" / "sets" / "forecasts.yaml").read_text(encoding="utf-8"))
    [listed] = chosen["config"]["carbon:forecast_run"]["instruments"]
    instrument = Instrument.model_validate(listed)
    assert instrument.source == prices.name
    assert instrument.resolution == prices.resolution == forecasts.resolution
    assert instrument.indicator_zone == forecasts.market
    text = yaml.safe_load(example)["sources"]
    assert [instrument.symbol] == list(text[0]["columns"]["prices"].values())
    assert instrument.indicators == list(text[1]["columns"]["indicators"].values())
