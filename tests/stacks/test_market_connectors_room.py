"""The jobs of market-connectors, and what a stack is told of a section that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings.bases import SettingsError
from infra.stack import Stack
from tests.stack import record, registered, settings, values

SECTION: dict[str, Any] = {"resources": {"cpu": "10m", "memory": "64Mi", "memory_limit": "128Mi"}}


def jobs(*markets: str, secrets: tuple[str, ...] = ("entsoe",)) -> dict[str, dict[str, Any]]:
    """The CronJobs of these markets, by name."""
    config = values()
    config["carbon:market_connectors"] = {**SECTION, "markets": list(markets)}
    config["carbon:secrets"]["sources"] = dict.fromkeys(secrets, "a-key-of-a-market-0005")
    read = settings(config)
    seen = record(lambda: Stack(read)).seen.values()
    objects = [one.inputs for one in seen if one.type.startswith("kubernetes:")]
    named = {one["metadata"]["name"]: one for one in objects if one.get("kind") == "CronJob"}
    return {name: job for name, job in named.items() if name.startswith("market-")}


def container(job: dict[str, Any]) -> dict[str, Any]:
    (found,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return found


def test_a_group_of_markets_is_a_job_with_its_own_schedule_and_those_without_a_market_are_none() -> None:
    found = jobs("PL", "ERCOT-HB-NORTH", "DE-LU")

    assert set(found) == {"market-connectors", "market-america"}
    assert container(found["market-america"])["args"] == ["run", "--group", "america"]
    told = {one["name"]: one.get("value") for one in container(found["market-connectors"])["env"]}
    assert told["MARKETS"] == "DE-LU,PL"
    assert found["market-connectors"]["spec"]["schedule"] == "*/10 8-18 * * *"
    assert found["market-connectors"]["spec"]["concurrencyPolicy"] == "Forbid"
    assert jobs("GB-INDEX")["market-live"]["spec"]["schedule"] == "*/5 * * * *"
    # AEMO needs no key.
    assert set(jobs("NSW1", "VIC1", secrets=())) == {"market-australia"}


def test_a_run_stays_until_shortly_before_the_next_and_is_ended_before_it() -> None:
    found = jobs("PL", "GB-INDEX")
    for name, every in (("market-connectors", 600), ("market-live", 300)):
        told = {one["name"]: one.get("value") for one in container(found[name])["env"]}
        assert every - 60 <= int(told["STAY_SECONDS"]) < every
    assert found["market-live"]["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 300


def test_a_server_that_is_silent_takes_no_market_of_another_server_with_it_that_is_asked_all_day() -> None:
    found = jobs("NSW1", "GB-INDEX")
    told = {
        name: {one["name"]: one.get("value") for one in container(job)["env"]} for name, job in found.items()
    }
    assert {name: one["MARKETS"] for name, one in told.items()} == {
        "market-australia": "NSW1",
        "market-live": "GB-INDEX",
    }
    # Its daily reports come after 04:00 in Brisbane.
    assert found["market-australia"]["spec"]["schedule"] == "*/10 18-23 * * *"


def test_a_stack_without_the_section_has_none() -> None:
    seen = registered().seen.values()
    assert not [one for one in seen if "market-" in one.name]


def test_a_market_that_is_not_in_the_table_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"there is no DE; docs/markets\.md lists them"):
        jobs("DE")
    with pytest.raises(SettingsError, match="PL is listed twice"):
        jobs("PL", "PL")


def test_a_key_that_the_stack_has_not_is_named_with_its_markets() -> None:
    with pytest.raises(Exception, match=r"DE-LU, PL needs the secret entsoe.*carbon:secrets.sources"):
        jobs("PL", "DE-LU", "ERCOT-HB-NORTH", secrets=())
