"""The jobs of customer-metrics, and a stack without the set."""

from __future__ import annotations

import pytest

from infra.settings.bases import SettingsError
from tests.stack import registered, settings, values


def test_the_hour_and_the_day_are_a_job_each_and_both_know_the_currency() -> None:
    seen = registered().seen.values()
    jobs = {one.inputs["metadata"]["name"]: one.inputs for one in seen if one.type.endswith(":CronJob")}
    told = {}
    for name, command in (("customer-metrics", "hourly"), ("customer-daily", "daily")):
        (container,) = jobs[name]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["args"] == [command]
        told[name] = {one["name"]: one.get("value") for one in container["env"]}
        assert told[name]["VALUE_CURRENCY"] == "EUR"
    # Only the first imports, and so reaches Kafka.
    assert "KAFKA_BOOTSTRAP" in told["customer-metrics"]
    assert "KAFKA_BOOTSTRAP" not in told["customer-daily"]


def test_a_stack_without_the_set_has_none() -> None:
    config = values()
    config["carbon:sets"] = ["forecasts", "monitoring"]
    seen = registered(config).seen.values()
    assert not [one.name for one in seen if one.name.startswith("customer-")]


def test_a_currency_is_three_capitals() -> None:
    config = values()
    config["carbon:customer_metrics"] = {"resources": RESOURCES, "currency": "euro"}
    with pytest.raises(SettingsError, match="currency"):
        settings(config)


RESOURCES = {"cpu": "10m", "memory": "256Mi", "cpu_limit": "1", "memory_limit": "1Gi"}
