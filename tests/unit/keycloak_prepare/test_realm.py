"""The realm as it is declared: who may come back where, who is asked for a second factor, and no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workloads.keycloak_prepare import realm
from workloads.keycloak_prepare.reconcile import Reconciler, _differs
from workloads.kit.contracts.people import Person, Program, RealmFacts, first_password
from workloads.superset.login import held

FACTS = RealmFacts(
    hub="https://hub.example.org",
    dashboards="https://dashboards.example.org",
    tenants=["acme"],
    people={"ada": Person(tenant="acme", roles=["admin"]), "olga": Person(tenant=None, roles=["operator"])},
    programs={"robot": Program(tenant="acme", roles=["viewer"])},
)


def _clients(facts: RealmFacts = FACTS) -> dict[str, dict[str, Any]]:
    return {one["clientId"]: one for one in realm.clients(facts)}


@pytest.mark.parametrize("name", ["ada", "hub", "dashboards", "account", "realm-management"])
def test_a_program_has_a_name_of_its_own(name: str) -> None:
    program = {name: Program(tenant="acme", roles=["viewer"])}
    with pytest.raises(ValueError, match=f"programs: {name} is the name of a person, or of a client"):
        RealmFacts(hub=FACTS.hub, people=FACTS.people, programs=program)


def test_browsers_come_back_to_the_one_page_of_each_and_prove_that_they_left() -> None:
    clients = _clients()
    assert clients["hub"]["redirectUris"] == ["https://hub.example.org/hub/signed-in"]
    assert clients["dashboards"]["redirectUris"] == [
        "https://dashboards.example.org/oauth-authorized/platform"
    ]
    for name in ("hub", "dashboards"):
        assert clients[name]["attributes"]["pkce.code.challenge.method"] == "S256"
        assert not clients[name]["implicitFlowEnabled"]
        assert not clients[name]["directAccessGrantsEnabled"]
    assert "dashboards" not in _clients(FACTS.model_copy(update={"dashboards": None}))


def test_a_programs_tokens_say_what_is_declared_and_it_cannot_sign_in() -> None:
    robot = _clients()["robot"]
    said = {one["name"]: one["config"].get("claim.value") for one in robot["protocolMappers"]}
    assert (said["tenant"], said["roles"]) == ("acme", "viewer")
    assert robot["serviceAccountsEnabled"]
    assert not robot["standardFlowEnabled"]


def test_nobody_changes_whose_they_are() -> None:
    [tenant] = [one for one in realm.PROFILE["attributes"] if one["name"] == "tenant"]
    assert tenant["permissions"] == {"view": ["admin"], "edit": ["admin"]}


def test_administrators_of_a_tenant_and_of_the_platform_need_a_second_factor() -> None:
    strong = {name: realm.is_strong(roles) for name, (_, roles) in realm.people(FACTS).items()}
    assert strong == {"ada": True, "olga": True}
    assert not realm.is_strong(["viewer", "developer", "analyst", "tenant-acme"])
    assert realm.people(FACTS)["ada"] == ("acme", ["admin", "tenant-acme"])


class Held:
    """An administrator's API that knows one person's roles."""

    def __init__(self, *roles: str) -> None:
        self.roles = [{"id": name, "name": name} for name in roles]
        self.known = [{"id": name, "name": name} for name in ("viewer", "admin", "tenant-acme", *roles)]
        self.taken: list[str] = []
        self.given: list[str] = []

    def get(self, *path: str, **_: str) -> list[dict[str, str]]:
        return self.roles if "role-mappings" in path else self.known

    def post(self, *_: str, body: list[dict[str, str]]) -> None:
        self.given += [one["name"] for one in body]

    def delete(self, *_: str, body: list[dict[str, str]]) -> None:
        self.taken += [one["name"] for one in body]


def test_a_role_of_a_tenant_that_is_no_more_is_taken_and_what_others_gave_stays() -> None:
    admin: Any = Held("viewer", "tenant-gone", "tenant-acme", "default-roles-carbon", "of-a-person")
    people = Reconciler(admin, FACTS, "key")
    people._held("ada", ("carbon", "users", "1"), ["admin", "tenant-acme"])
    assert (admin.given, admin.taken) == (["admin"], ["viewer", "tenant-gone"])


def test_no_secret_is_in_what_is_declared() -> None:
    written = json.dumps([realm.SETTINGS, realm.PROFILE, realm.clients(FACTS), FACTS.model_dump()])
    for word in ("secret", "credentials", '"password"'):
        assert word not in written.replace("client-secret", "")


def test_first_passwords_are_each_ones_own_and_follow_from_the_key() -> None:
    made = {first_password(key, name) for key in ("one", "two") for name in ("ada", "olga")}
    assert len(made) == 4
    assert first_password("one", "ada") in made
    assert all(len(one) == 24 for one in made)


@pytest.mark.parametrize(
    ("wanted", "there", "differs"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {"b": 1}, True),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, True),
        (["x", "y"], ["y", "x"], False),
        (["x"], ["x", "y"], True),
        ([{"name": "a"}], [{"name": "a", "id": 1}], False),
        ([{"name": "a"}], [{"name": "a"}, {"name": "b"}], True),
    ],
)
def test_what_keycloak_has_besides_is_no_difference(wanted: Any, there: Any, differs: bool) -> None:
    assert _differs(wanted, there) is differs


def test_at_the_dashboards_nobody_is_admin_without_a_second_factor() -> None:
    mapped = {"operator": ["Admin"], "analyst": ["Analysts"]}
    claims: dict[str, Any] = {"roles": ["operator", "analyst"], "amr": ["pwd"]}
    assert held(claims, mapped, ["otp"]) == ["analyst"]
    assert held(claims | {"amr": ["pwd", "otp"]}, mapped, ["otp"]) == ["operator", "analyst"]
    assert held({"roles": ["operator"]}, mapped, ["otp"]) == []
    assert held({"roles": ["operator"]}, mapped, []) == ["operator"]
