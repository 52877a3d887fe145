"""Keycloak in a stack: its pod, the job after it, and who is told of it; and a stack without the set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.settings.bases import SettingsError
from tests.stack import PILOTS, Registration, registered, settings, values
from workloads.data_api.settings import OidcSettings
from workloads.kit.contracts.people import RealmFacts
from workloads.superset.settings import Oidc


@pytest.fixture(scope="module")
def seen() -> dict[str, Registration]:
    return _seen()


def _seen(config: dict[str, Any] | None = None) -> dict[str, Registration]:
    every = registered(config).seen.values()
    return {one.type.rpartition(":")[2] + "/" + one.name: one for one in every}


def _container(seen: dict[str, Registration], name: str) -> dict[str, Any]:
    [container] = seen[name].inputs["spec"]["template"]["spec"]["containers"]
    return container


def _told(seen: dict[str, Registration], name: str) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in _container(seen, name)["env"]}


def test_it_names_the_address_that_people_use_and_pods_ask_its_service(
    seen: dict[str, Registration],
) -> None:
    at = values()["carbon:addresses"]
    assert _told(seen, "Deployment/keycloak")["KEYCLOAK_HOSTNAME"] == at["keycloak"]
    api = OidcSettings.model_validate_json(_told(seen, "Deployment/data-api")["OIDC"])
    assert api.issuer == f"{at['keycloak']}/realms/carbon"
    assert api.at == "http://keycloak.carbon.svc.cluster.local:8085/realms/carbon"
    assert api.hub == at["data-api"]
    dashboards = Oidc(**json.loads(_told(seen, "Deployment/superset")["OIDC"]))
    assert (dashboards.issuer, dashboards.inside) == (api.issuer, api.inside)
    assert dashboards.roles["operator"] == ["Admin"]
    assert [dashboards.roles[f"tenant-{name}"] for name in PILOTS] == [[f"Tenant {name}"] for name in PILOTS]


def test_the_realm_is_made_once_it_answers(seen: dict[str, Registration]) -> None:
    facts = RealmFacts.model_validate_json(_told(seen, "Job/keycloak-prepare")["REALM"])
    assert facts.hub == values()["carbon:addresses"]["data-api"]
    assert tuple(facts.tenants) == PILOTS
    assert {one.tenant for one in facts.people.values()} == {None, *PILOTS}
    job = seen["Job/keycloak-prepare"].depends_on | seen["MigrationJob/keycloak-prepare"].depends_on
    assert seen["Deployment/keycloak"].urn in job


def test_its_pod_is_restricted_and_secrets_are_files(seen: dict[str, Registration]) -> None:
    container = _container(seen, "Deployment/keycloak")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"] == "1Gi"
    assert "/opt/keycloak/data" in {mount["mountPath"] for mount in container["volumeMounts"]}
    wanted = {"admin-password", "people-key"}
    for name in ("Secret/keycloak", "Secret/keycloak-prepare"):
        assert wanted <= set(seen[name].inputs["data"]["value"])
    for name in ("Deployment/keycloak", "Job/keycloak-prepare"):
        assert "secret-0000" not in json.dumps(_container(seen, name))


def test_only_who_asks_it_reaches_it(seen: dict[str, Registration]) -> None:
    rules = seen["NetworkPolicy/keycloak"].inputs["spec"]["ingress"]
    sources = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in rules
        for peer in rule["from"]
    }
    assert sources == {"data-api", "superset", "keycloak-prepare", "prometheus"}


def test_the_hub_shows_dashboards_to_its_own_pages_alone(seen: dict[str, Registration]) -> None:
    at, told = values()["carbon:addresses"], _told(seen, "Deployment/data-api")
    assert told["DASHBOARDS"] == at["superset"]
    key = told["DASHBOARDS_KEY_FILE"].rpartition("/")[2]
    shared = [seen[f"Secret/{name}"].inputs["data"]["value"][key] for name in ("data-api", "superset")]
    assert shared[0] == shared[1]
    assert json.loads(_told(seen, "Deployment/superset")["EMBEDDERS"]) == [at["data-api"]]


def test_without_the_set_nobody_is_told_of_it() -> None:
    config = values()
    config["carbon:sets"] = [one for one in config["carbon:sets"] if one != "identity"]
    seen = _seen(config)
    assert not [name for name in seen if "keycloak" in name]
    for name in ("Deployment/data-api", "Deployment/superset"):
        assert "OIDC" not in _told(seen, name)


def test_any_other_issuer_is_told_in_its_place_and_reached() -> None:
    config = values()
    config["carbon:data_api"]["oidc"] = {
        "issuer": "https://login.example.org/realms/desk",
        "audience": "prices",
        "destinations": [{"cidr": "192.0.2.0/24", "port": 443}],
    }
    seen = _seen(config)
    told = OidcSettings.model_validate_json(_told(seen, "Deployment/data-api")["OIDC"])
    assert (told.issuer, told.audience, told.client_id) == (
        "https://login.example.org/realms/desk",
        "prices",
        None,
    )
    assert "192.0.2.0/24" in json.dumps(seen["NetworkPolicy/data-api"].inputs["spec"]["egress"])


def test_it_needs_to_know_where_people_reach_it() -> None:
    config = values()
    del config["carbon:addresses"]["keycloak"]
    with pytest.raises(SettingsError, match=r"keycloak needs addresses\.keycloak"):
        settings(config)


def test_people_are_of_a_tenant_that_there_is() -> None:
    config = values()
    config["carbon:keycloak"] = {"people": {"mallory": {"tenant": "pilot-nine", "roles": ["viewer"]}}}
    with pytest.raises(SettingsError, match=r"keycloak: mallory needs tenants\.pilot-nine"):
        settings(config)
