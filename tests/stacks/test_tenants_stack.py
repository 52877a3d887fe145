"""Tenants on the local stack: what a tenant gets, what it may do, and what it cannot reach."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies import limits
from policies.check import broken
from policies.examples import kubernetes
from policies.exceptions import Register
from policies.rule import Stack as Declared
from tests.stack import Recorder, Registration, registered, values
from workloads.kit.contracts import tenants

QUOTA = {"cpu": "500m", "memory": "1Gi", "memory_limit": "2Gi", "pods": 10, "claims": 2}


def tenant(name: str, *products: str) -> dict[str, Any]:
    return {
        "owner": f"{name}-owner",
        "team": f"{name}-team",
        "department": "markets",
        "cost_center": f"{name}-4711",
        "products": list(products),
        "groups": {"admin": [f"{name}-admins"], "developer": [f"{name}-devs"], "viewer": [f"{name}-all"]},
        "quota": QUOTA,
    }


def with_tenants() -> dict[str, Any]:
    config = values()
    config["carbon:tenants"] = {
        "pilot-one": tenant("pilot-one", "hub", "api", "downloads"),
        "pilot-two": tenant("pilot-two", "hub", "downloads"),
        "api-only": tenant("api-only", "api"),
    }
    config["carbon:tenants"]["pilot-one"]["entitlements"] = {"markets": ["power"], "rows_per_month": None}
    for name in config["carbon:tenants"]:
        config["carbon:secrets"]["roles"][tenants.role(name)] = f"{name}-password-0000001"
    return config


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return registered(with_tenants())


@pytest.fixture(scope="module")
def objects(recorded: Recorder) -> list[dict[str, Any]]:
    return [r.inputs for r in recorded.seen.values() if r.type.startswith("kubernetes:")]


def of(objects: list[dict[str, Any]], kind: str, namespace: str | None) -> dict[str, dict[str, Any]]:
    """Name → object."""
    return {
        o["metadata"]["name"]: o
        for o in objects
        if o["kind"] == kind and o["metadata"].get("namespace") == namespace
    }


def test_each_tenant_is_one_component_with_a_namespace_of_its_environment(recorded: Recorder) -> None:
    found = {r.name for r in recorded.seen.values() if r.type == "carbon:tenant:Tenant"}
    assert found == {"local-pilot-one", "local-pilot-two", "local-api-only"}
    for urn, r in recorded.seen.items():
        if r.type == "carbon:tenant:Tenant":
            assert recorded.completed[urn]["namespace"] == r.name


def test_the_production_environment_gives_the_names_that_people_know() -> None:
    config = with_tenants()
    config["carbon:labels"] |= {"environment": "prod", "known_as": "production"}
    seen = registered(config).seen
    assert "production-pilot-one" in {r.name for r in seen.values() if r.type == "carbon:tenant:Tenant"}


def test_every_object_of_a_tenant_keeps_every_rule(objects: list[dict[str, Any]]) -> None:
    stack = Declared([kubernetes(o) for o in objects])
    found = broken(stack, limits.of("local"), Register.now(), "local")
    assert [(rule.id, f.resource.name, f.detail) for rule, f in found] == []


def test_cost_is_told_by_labels(objects: list[dict[str, Any]]) -> None:
    mine = [o for o in objects if o["metadata"]["labels"].get("tenant") == "pilot-one"]
    assert len(mine) > 15
    for o in mine:
        labels = o["metadata"]["labels"]
        assert labels["owner"] == "pilot-one-owner"
        assert labels["team"] == "pilot-one-team"
        assert labels["department"] == "markets"
        assert labels["cost-center"] == "pilot-one-4711"
        assert labels["product"] == "carbon"
        assert labels["env"] == "local"
    named = [o for o in objects if "pilot-one" in json.dumps(o["metadata"]["name"])]
    assert {o["metadata"]["name"] for o in named} <= {o["metadata"]["name"] for o in mine}


def test_the_namespace_is_restricted_and_bounded(objects: list[dict[str, Any]]) -> None:
    home = of(objects, "Namespace", None)["local-pilot-one"]["metadata"]["labels"]
    modes = ("enforce", "audit", "warn")
    assert {home[f"pod-security.kubernetes.io/{mode}"] for mode in modes} == {"restricted"}
    hard = of(objects, "ResourceQuota", "local-pilot-one")["quota"]["spec"]["hard"]
    assert hard["requests.cpu"] == "500m"
    assert hard["pods"] == "10"
    assert hard["services.nodeports"] == hard["services.loadbalancers"] == "0"
    assert {"secrets", "configmaps", "count/jobs.batch", "requests.storage"} <= hard.keys()
    (limit,) = of(objects, "LimitRange", "local-pilot-one")["limits"]["spec"]["limits"]
    assert limit["default"]["memory"] == "256Mi"
    account = of(objects, "ServiceAccount", "local-pilot-one")["default"]
    assert account["automountServiceAccountToken"] is False


def test_paths_are_closed_but_for_those_of_the_products(objects: list[dict[str, Any]]) -> None:
    def reached(name: str) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for policy in of(objects, "NetworkPolicy", f"local-{name}").values():
            for rule in policy["spec"].get("egress", []):
                for end in rule["to"]:
                    where = end.get("namespaceSelector", {}).get("matchLabels", {})
                    if where.get("kubernetes.io/metadata.name") == "carbon":
                        target = end["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                        found |= {(target, port["port"]) for port in rule["ports"]}
        return found

    # Kafka of the local stack knows no clients: who reaches it has all of it.
    assert reached("pilot-one") == {("data-api", 8090), ("model-server", 8080), ("postgres", 5432)}
    assert reached("pilot-two") == {("postgres", 5432)}
    assert reached("api-only") == {("data-api", 8090), ("model-server", 8080)}
    policies = of(objects, "NetworkPolicy", "local-pilot-two")
    assert policies["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }
    assert policies["within-namespace"]["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert set(policies) == {"default-deny", "allow-dns", "within-namespace", "platform"}


def test_each_path_is_open_at_the_platforms_end_for_this_tenant_alone(objects: list[dict[str, Any]]) -> None:
    at = {
        name: policy["spec"]
        for name, policy in of(objects, "NetworkPolicy", "carbon").items()
        if policy["metadata"]["labels"].get("tenant")
    }
    assert set(at) == {
        "local-pilot-one-data-api",
        "local-pilot-one-model-server",
        "local-pilot-one-postgres",
        "local-pilot-two-postgres",
        "local-api-only-data-api",
        "local-api-only-model-server",
    }
    spec = at["local-pilot-two-postgres"]
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "postgres"}}
    (rule,) = spec["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "local-pilot-two"}}}
    ]
    assert [port["port"] for port in rule["ports"]] == [5432]
    assert spec["policyTypes"] == ["Ingress"]


def test_the_migrations_know_the_tenants_and_their_passwords(objects: list[dict[str, Any]]) -> None:
    (job,) = [o for o in objects if o["kind"] == "Job" and o["metadata"]["name"].startswith("migrations")]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environment = {e["name"]: e.get("value") for e in container["env"]}
    assert json.loads(environment["TENANTS"]) == ["api-only", "pilot-one", "pilot-two"]
    gets = json.loads(environment["ENTITLEMENTS"])
    assert gets.keys() == {"api-only", "pilot-one", "pilot-two"}
    assert gets["pilot-two"]["products"] == ["hub", "downloads"]
    # Who is not given anything sees nothing: neither a market nor what is new.
    assert gets["api-only"]["markets"] == []
    assert gets["api-only"]["delay_minutes"] > 0
    assert gets["pilot-one"]["markets"] == ["power"]
    secret = of(objects, "Secret", "carbon")["migrations"]["data"]
    given = secret.get("value", secret)
    assert {"tenant_pilot_one", "tenant_pilot_two", "tenant_api_only"} <= given.keys()


def test_a_tenant_holds_its_own_password_and_no_other(objects: list[dict[str, Any]]) -> None:
    for name in ("pilot-one", "pilot-two"):
        secrets = of(objects, "Secret", f"local-{name}")
        assert secrets.keys() == {"database"}
        data = secrets["database"]["data"]
        assert data.get("value", data).keys() == {"host", "port", "dbname", "username", "password"}


def test_a_stack_without_tenants_runs_the_migrations_as_before() -> None:
    config = values()
    del config["carbon:tenants"]
    # Its people are those of tenants.
    config["carbon:sets"] = [name for name in config["carbon:sets"] if name != "identity"]
    jobs = [r for r in registered(config).seen.values() if r.type.endswith(":Job")]
    (migrations,) = [r for r in jobs if r.name == "migrations"]
    (container,) = migrations.inputs["spec"]["template"]["spec"]["containers"]
    assert "TENANTS" not in {e["name"] for e in container["env"]}


def test_rights_come_last_and_the_guard_before_everything(recorded: Recorder) -> None:
    def named(kind: str, name: str) -> Registration:
        (found,) = [r for r in recorded.seen.values() if r.type.endswith(f":{kind}") and r.name == name]
        return found

    guard = named("ValidatingAdmissionPolicyBinding", "local-pilot-one-platform-objects")
    quota = named("ResourceQuota", "local-pilot-one-quota")
    binding = named("RoleBinding", "local-pilot-one-admin")
    assert guard.urn in quota.depends_on
    assert quota.urn in binding.depends_on


def test_a_namespace_with_data_is_protected_where_the_stack_says_so() -> None:
    config = with_tenants()
    config["carbon:tenants"]["pilot-one"]["protect"] = True
    seen = registered(config).seen
    assert [r.name for r in seen.values() if r.protect] == ["local-pilot-one"]
