"""What a stack makes of api-integration: its providers' keys, where they are, and how many share a limit."""

from __future__ import annotations

from typing import Any

import pytest

from infra.stack import Stack
from tests.stack import Registration, record, settings, values
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def objects() -> Objects:
    config = values()
    config["carbon:secrets"]["sources"]["open-meteo"] = "weather-key-00000005"
    section = config["carbon:api_integration"]
    section["destinations"] = [{"cidr": "192.0.2.0/24", "port": 443}]
    section["workers"] = 2
    section["scaler"] |= {"max_replicas": 3}
    seen: dict[str, Registration] = record(lambda: Stack(settings(config))).seen
    found = [r.inputs for r in seen.values() if r.type.startswith("kubernetes:")]
    return [o for o in found if o["metadata"]["name"] == API_INTEGRATION.name]


def one(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = [o for o in objects if o["kind"] == kind]
    return found


def test_it_has_the_keys_of_its_providers_and_no_other_source(objects: Objects) -> None:
    assert "open-meteo" in str(one(objects, "Secret"))
    assert "market-key" not in str(one(objects, "Secret"))


def test_it_knows_how_many_share_a_limit_at_most(objects: Objects) -> None:
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    told = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert (told["MAX_PROCESSES"], told["WORKERS"]) == ("6", "2")
    assert told["REDIS_URL"]


def test_it_reaches_its_destinations(objects: Objects) -> None:
    egress = one(objects, "NetworkPolicy")["spec"]["egress"]
    outside = [rule for rule in egress if "192.0.2.0/24" in str(rule["to"])]
    assert [port["port"] for rule in outside for port in rule["ports"]] == [443]
