"""Prices that no market made are published where a stack says so, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from infra.settings.bases import SettingsError
from infra.settings.parsing import parse
from infra.settings.stack import PlatformSettings
from tests import stack
from tests.stack import record
from tools.gate import settings as gate
from tools.paths import ROOT
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE, PRICE_REPLAY
from workloads.kit.contracts.messages import PROVENANCES
from workloads.kit.contracts.sources.kinds import Sources

Config = dict[str, Any]
Change = Callable[[Config], None]

SYNTHETIC = {
    "kind": "synthetic",
    "symbols": [
        {
            "symbol": "SYN-A",
            "market": "a",
            "currency": "EUR",
            "unit": "t",
            "level": 10,
            "reversion": 0.1,
            "volatility": 0.02,
        }
    ],
}
REPLAY = {"resources": {"cpu": "1", "memory": "1Gi", "memory_limit": "1Gi"}}


def read(name: str, change: Change = lambda _: None) -> PlatformSettings:
    config = {f"carbon:{key}": value for key, value in gate.whole(name).merged().items()}
    change(config)
    read = parse({k: json.dumps(v) for k, v in config.items()}, file=f"stacks/Pulumi.{name}.yaml").platform
    assert read is not None
    return read


def refused(change: Change, name: str = "prod") -> str:
    with pytest.raises(SettingsError) as error:
        read(name, change)
    return str(error.value)


def section(config: Config) -> Config:
    found: Config = config["carbon:price_pipeline"]
    return found


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_where_people_take_prices_for_a_markets_they_are_a_markets(name: str) -> None:
    found = read(name)
    assert found.provenance == ["market"]
    assert PRICE_REPLAY.name not in found.running
    assert PRICE_PIPELINE.name in found.running
    sources = found.workload("price_pipeline").sources
    assert sources
    assert {source.provenance for source in sources} == {"market"}


def test_a_stack_without_sources_of_its_own_is_refused_with_key_and_remedy() -> None:
    for change in (lambda c: section(c).pop("sources"), lambda c: section(c).update(sources=None)):
        said = refused(change)
        assert said.startswith("stacks/Pulumi.prod.yaml: carbon:price_pipeline.sources is missing")
        assert "provenance allows market" in said
        assert "name the stack's own sources" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda c: section(c)["sources"].append(SYNTHETIC),
            ["carbon:price_pipeline.sources.1 (synthetic synthetic) publishes synthetic prices", "remove it"],
        ),
        (
            lambda c: section(c).update(replay=REPLAY),
            ["carbon:price_pipeline.replay publishes replay prices", "remove it"],
        ),
        (lambda c: section(c).update(sources=[]), ["carbon:price_pipeline: sources: lists no source"]),
        (lambda c: c.update({"carbon:provenance": []}), ["carbon:provenance"]),
        (lambda c: c.update({"carbon:provenance": ["real"]}), ['carbon:provenance.0 = "real"']),
    ],
)
def test_what_no_market_made_is_refused_with_key_and_remedy(change: Change, words: list[str]) -> None:
    said = refused(change)
    assert [word for word in words if word not in said] == []
    assert "Remedy: " in said


def test_a_stack_may_say_that_its_prices_are_made() -> None:
    def change(config: Config) -> None:
        config["carbon:provenance"] = [*PROVENANCES]
        section(config)["sources"].append(SYNTHETIC)
        section(config).update(replay=REPLAY)

    assert PRICE_REPLAY.name in read("dev", change).running


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "ftp://prices.example"}, "sources.0: url: it (not shown) is no address"),
        (
            {"tiem_zone": "UTC"},
            "sources.0.tiem_zone is not a setting. Remedy: write time_zone if that was meant",
        ),
        ({"time_zone": "Mars"}, "sources.0.time_zone"),
        ({"kind": "soap"}, "sources.0"),
    ],
)
def test_a_source_is_held_to_the_pipelines_own_model(change: Config, said: str) -> None:
    assert f"carbon:price_pipeline.{said}" in refused(lambda c: section(c)["sources"][0].update(change))


def test_the_value_of_a_key_that_is_none_is_not_shown() -> None:
    """It may be a password in the wrong place."""
    assert "hunter2" not in refused(lambda c: section(c)["sources"][0].update(pasword="hunter2hunter2"))


def test_the_pod_is_told_and_its_sources_are_those_of_the_stack() -> None:
    from infra.stack import Stack

    config = stack.values()
    shown = yaml.safe_load((ROOT / "workloads" / "price_pipeline" / "sources.yaml").read_text())["sources"]
    config["carbon:price_pipeline"]["sources"] = json.loads(json.dumps(shown, default=str))
    seen = record(lambda: Stack(stack.settings(config))).seen.values()
    objects = {(r.inputs["kind"], r.inputs["metadata"]["name"]): r.inputs for r in seen if "kind" in r.inputs}
    listed = json.loads(objects["ConfigMap", PRICE_PIPELINE.name]["data"]["sources.yaml"])
    assert Sources.model_validate(listed) == Sources.model_validate({"sources": shown})
    pods = (
        objects["CronJob", PRICE_PIPELINE.name]["spec"]["jobTemplate"]["spec"]["template"],
        objects["Deployment", PRICE_REPLAY.name]["spec"]["template"],
    )
    for pod in pods:
        told = {v["name"]: v.get("value") for v in pod["spec"]["containers"][0]["env"]}
        assert told[env.PROVENANCE] == "market,replay,synthetic"
        assert told[env.SOURCES_FILE] == "/etc/carbon/sources.yaml"


def _forecast(*symbols: str) -> Change:
    def change(config: Config) -> None:
        config["carbon:forecast_run"] = {
            "resources": {"cpu": "10m", "memory": "256Mi", "cpu_limit": "2", "memory_limit": "1Gi"},
            "instruments": [
                {"symbol": name, "source": f"source-{at}", "time_zone": "UTC"}
                for at, name in enumerate(symbols)
            ],
        }

    return change


def test_forecasts_of_synthetic_prices_are_refused_where_a_markets_alone_are_allowed() -> None:
    said = refused(_forecast("DE", "SYN-POWER-DE"))
    assert "forecast_run.instruments.1 (SYN-POWER-DE) publishes synthetic prices" in said
    assert "instruments.0" not in said
    read("local", _forecast("DE", "SYN-POWER-DE"))


def test_an_instrument_is_listed_once_whatever_its_source() -> None:
    said = refused(_forecast("DE", "FR", "DE"))
    assert "carbon:forecast_run.instruments: DE is listed twice" in said
    assert "FR" not in said
