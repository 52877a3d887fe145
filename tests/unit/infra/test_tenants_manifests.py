"""A tenant's rights, guard, topics and secrets, as objects."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifests import tenant, tenant_access
from infra.manifests.admission import ENFORCED
from infra.manifests.network import Peer
from infra.manifests.resources import cloudnative_pg
from infra.manifests.resources.external_secrets import Remote
from infra.manifests.tenant import Given
from infra.settings import Labels
from infra.settings.data import PostgresCloudNativePG
from infra.settings.tenants import TenantSettings
from workloads.kit.contracts import tenants, topics

IDENTITY = Labels(
    environment="production", owner="platform", team="platform", product="carbon", cost_center="c1"
)
VALUES: dict[str, Any] = {
    "owner": "ada",
    "team": "traders",
    "department": "markets",
    "cost_center": "c2",
    "products": ["hub"],
    "groups": {"admin": ["admins"], "developer": ["devs"]},
    "quota": {"cpu": "1", "memory": "1Gi", "memory_limit": "2Gi", "pods": 5, "claims": 1},
    "kafka": {"topics": {"orders": {"partitions": 2, "retention_ms": 60_000}}},
}
SETTINGS = TenantSettings.model_validate(VALUES)
WHO = (IDENTITY, "pilot-one", SETTINGS)

SMALL = {"cpu": "100m", "memory": "256Mi", "memory_limit": "1Gi"}

Rights = set[tuple[str, str, str]]


def rights(rules: list[dict[str, Any]]) -> Rights:
    """(API group, kind, verb)."""
    return {
        (group, kind, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for kind in rule["resources"]
        for verb in rule["verbs"]
    }


VIEWER, DEVELOPER, ADMIN = (
    rights(rules)
    for rules in (tenant_access.viewer_rules(), tenant_access.developer_rules(), tenant_access.admin_rules())
)
CHANGING = {"create", "update", "patch", "delete", "deletecollection"}


def test_each_role_holds_what_the_lesser_ones_hold() -> None:
    """Kubernetes lets an admin bind a role only if he holds all of it."""
    assert VIEWER < DEVELOPER < ADMIN


def test_a_viewer_changes_nothing_and_sees_no_secret() -> None:
    assert {verb for _, _, verb in VIEWER} == {"get", "list", "watch"}
    assert "secrets" not in {kind for _, kind, _ in VIEWER}
    assert ("", "pods/log", "get") in VIEWER


def test_a_developer_runs_workloads() -> None:
    for kind in ("deployments", "statefulsets"):
        assert {("apps", kind, verb) for verb in ("create", "patch", "delete")} <= DEVELOPER
    assert ("batch", "cronjobs", "create") in DEVELOPER
    assert ("", "pods", "delete") in DEVELOPER


def test_what_is_the_platforms_is_nobodys_to_change() -> None:
    changed = {kind for _, kind, verb in ADMIN if verb in CHANGING}
    assert not changed & {"resourcequotas", "limitranges", "roles", "namespaces", "pods/exec", "events"}
    assert {kind for _, kind, verb in ADMIN - DEVELOPER if verb in CHANGING} == {
        "networkpolicies",
        "rolebindings",
    }


def test_nobody_gets_into_a_container_or_becomes_somebody_else() -> None:
    kinds = {kind for _, kind, _ in ADMIN}
    assert not [k for k in kinds if k.startswith(("pods/", "serviceaccounts/")) and k != "pods/log"]
    assert not {verb for _, _, verb in ADMIN} & {"*", "escalate", "bind", "impersonate"}
    assert "*" not in kinds


def test_a_role_without_people_is_there_for_the_admin_to_give() -> None:
    made = tenant_access.access(*WHO)
    assert {o["metadata"]["name"] for o in made if o["kind"] == "Role"} == {"viewer", "developer", "admin"}
    bound = {o["metadata"]["name"]: o["subjects"] for o in made if o["kind"] == "RoleBinding"}
    assert bound.keys() == {"developer", "admin"}
    assert bound["admin"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "admins"}]
    assert {o["metadata"]["namespace"] for o in made} == {"production-pilot-one"}


def test_the_policies_hold_in_the_namespace() -> None:
    assert tenant.home(*WHO)["metadata"]["labels"].items() >= ENFORCED.items()


def test_the_guard_is_about_this_namespace_and_all_that_its_people_may_write_there() -> None:
    policy, binding = tenant_access.guard(*WHO)
    spec = policy["spec"]
    assert spec["failurePolicy"] == "Fail"
    assert spec["matchConstraints"]["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "production-pilot-one"}
    }
    guarded = {kind for rule in spec["matchConstraints"]["resourceRules"] for kind in rule["resources"]}
    platforms = {o["kind"] for o in (*tenant.surroundings(*WHO), *tenant_access.access(*WHO))}
    plural = {"NetworkPolicy": "networkpolicies"}
    written = {kind for _, kind, verb in ADMIN if verb in CHANGING}
    assert {plural.get(k, f"{k.lower()}s") for k in platforms} & written == guarded
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "validationActions": ["Deny"],
    }


def test_topics_and_rights_on_kafka_are_those_of_its_prefix() -> None:
    *declared, user = tenant.streaming(*WHO, replication_factor=3, min_in_sync=2)
    assert [t["metadata"]["name"] for t in declared] == ["tenant.pilot-one.orders"]
    assert declared[0]["spec"]["partitions"] == 2
    assert declared[0]["spec"]["config"]["retention.ms"] == 60_000
    acls = user["spec"]["authorization"]["acls"]
    assert {(a["resource"]["name"], a["resource"]["patternType"]) for a in acls} == {
        ("tenant.pilot-one.", "prefix")
    }
    assert {a["resource"]["type"] for a in acls} == {"topic", "group", "transactionalId"}
    assert user["spec"]["quotas"]["producerByteRate"] == 1_048_576
    assert user["metadata"]["labels"]["tenant"] == "pilot-one"


def test_no_prefix_starts_anothers_nor_a_topic_of_the_platform() -> None:
    names = ["pilot", "pilot-one", "pilot-one-b", topics.COMMODITY_PRICES]
    prefixes = [tenants.prefix(name) for name in names]
    for prefix in prefixes:
        assert [p for p in prefixes if p.startswith(prefix)] == [prefix]
        assert not [t.name for t in topics.DECLARED if t.name.startswith(prefix)]


def test_secrets_of_the_platform_are_read_one_by_one() -> None:
    account, role, binding, store = tenant.store(*WHO, ["kafka-user-tenant-pilot-one", "carbon-ca"])
    assert role["metadata"]["namespace"] == "carbon"
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["carbon-ca", "kafka-user-tenant-pilot-one"],
            "verbs": ["get"],
        }
    ]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "production-pilot-one"}
    ]
    assert account["automountServiceAccountToken"] is False
    kubernetes = store["spec"]["provider"]["kubernetes"]
    assert kubernetes["remoteNamespace"] == "carbon"
    assert kubernetes["auth"] == {"serviceAccount": {"name": account["metadata"]["name"]}}


def test_a_copied_secret_comes_from_the_tenants_own_store() -> None:
    copied = Given(name="kafka", values={"user.crt": Remote("kafka-user-tenant-pilot-one", "user.crt", "5m")})
    assert copied.sources == {"kafka-user-tenant-pilot-one"}
    (made,) = tenant.given(*WHO, [copied])
    assert made["kind"] == "ExternalSecret"
    assert made["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": "platform"}
    assert made["metadata"]["namespace"] == "production-pilot-one"


def test_the_operator_keeps_the_tenants_limit_of_connections() -> None:
    """It sets what is left out back to its own default, and the migrations set the limit."""
    settings = PostgresCloudNativePG.model_validate(
        {
            "kind": "cloudnative-pg",
            "resources": SMALL,
            "storage": {"size": "10Gi"},
            "wal_storage": {"size": "1Gi"},
            "backup": {"resources": SMALL},
            "pooler": {"resources": SMALL},
        }
    )
    roles = ["mlflow", tenants.role("pilot-one")]
    made = cloudnative_pg.cluster(IDENTITY, settings, domain="cluster.local", roles=roles)
    limits = {r["name"]: r.get("connectionLimit") for r in made["spec"]["managed"]["roles"]}
    assert limits == {"mlflow": None, "tenant_pilot_one": tenants.CONNECTIONS}


def test_no_path_is_no_policy() -> None:
    assert tenant.paths(*WHO, []) == []
    both = [(Peer("carbon", "postgres"), 5432), (Peer("carbon", "kafka"), 9092)]
    out, *into = tenant.paths(*WHO, both)
    assert out["metadata"]["namespace"] == "production-pilot-one"
    assert out["spec"]["policyTypes"] == ["Egress"]
    assert len(out["spec"]["egress"]) == 2
    assert {p["metadata"]["name"] for p in into} == {
        "production-pilot-one-postgres",
        "production-pilot-one-kafka",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"products": ["hub", "hub"]}, "has one twice"),
        ({"products": []}, "at least 1 item"),
        ({"products": ["hubs"]}, "hub"),
        ({"groups": {"admin": ["a"], "viewer": ["a"]}}, "gives one group two roles"),
        ({"groups": {"admin": ["system:masters"]}}, "Kubernetes's own"),
        ({"groups": {"admin": []}}, "at least 1 item"),
        ({"budget": {"monthly_usd": 10, "emails": ["nobody"]}}, "emails"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_refuse(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TenantSettings.model_validate(VALUES | change)


def test_what_is_not_said_of_a_tenant_entitles_it_to_nothing() -> None:
    gets = SETTINGS.entitlement
    assert (gets.products, gets.markets) == (("hub",), ())
    assert gets.history_days is not None
    assert gets.delay_minutes > 0
    assert gets.rows_per_month is not None


@pytest.mark.parametrize(
    ("entitlements", "named"),
    [
        ({"markets": ["*", "power"]}, "power"),
        ({"markets": ["a b"]}, "markets"),
        ({"history_days": 0}, "history_days"),
        ({"delay_minutes": -1}, "delay_minutes"),
        ({"rows": 5}, "rows"),
    ],
)
def test_an_entitlement_that_is_none_is_refused_by_name(entitlements: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        TenantSettings.model_validate(VALUES | {"entitlements": entitlements})
