"""What a stack makes of api-integration: its providers' keys, its way out, and how many share a limit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack import Registration, platform, registered, values
from workloads.kit.contracts import providers
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def objects() -> Objects:
    config = values()
    config["carbon:secrets"]["sources"]["open-meteo"] = "weather-key-00000005"
    section = config["carbon:api_integration"]
    section["workers"] = 2
    section["scaler"] |= {"max_replicas": 3}
    seen: dict[str, Registration] = registered(config).seen
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


def test_it_leaves_the_cluster_by_the_names_of_its_table_alone(objects: Objects) -> None:
    assert platform().hosts[API_INTEGRATION.name] == list(providers.hosts())
    egress = one(objects, "NetworkPolicy")["spec"]["egress"]
    assert any(EGRESS_PROXY.name in str(rule["to"]) for rule in egress)
    assert not any("ipBlock" in str(rule["to"]) for rule in egress)
