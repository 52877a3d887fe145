"""Makes the realm what is declared; again it changes nothing; what people set for themselves stays."""

from __future__ import annotations

from typing import Any

import structlog

from workloads.keycloak_prepare import realm
from workloads.keycloak_prepare.admin import Admin
from workloads.keycloak_prepare.realm import DECLARED, Json
from workloads.kit.contracts.people import REALM, TENANT_CLAIM, RealmFacts, first_password, tenant_role

_TOTP = "CONFIGURE_TOTP"

_log: Any = structlog.get_logger(__name__)


class Reconciler:
    """Args:
    people_key: what first passwords and programs' secrets follow from.
    """

    def __init__(self, admin: Admin, facts: RealmFacts, people_key: str) -> None:
        self._admin, self._facts, self._key = admin, facts, people_key
        self.changes = 0

    def run(self) -> None:
        """All of it. Raises as `Admin`."""
        self._settings()
        self._profile()
        self._second_factor()
        self._roles()
        self._clients()
        self._people()

    def _changed(self, what: str, name: str) -> None:
        self.changes += 1
        _log.info("realm_changed", what=what, name=name)

    def _settings(self) -> None:
        there = self._admin.get(REALM)
        if there is None:
            self._admin.post(body=dict(realm.SETTINGS))
            self._changed("realm made", REALM)
        elif _differs(realm.SETTINGS, there):
            self._admin.put(REALM, body=dict(realm.SETTINGS))
            self._changed("settings", REALM)
        # Of those who administer Keycloak itself, too.
        guarded = {"bruteForceProtected": True, "failureFactor": 10}
        if _differs(guarded, self._admin.get("master") or {}):
            self._admin.put("master", body=guarded)
            self._changed("settings", "master")

    def _profile(self) -> None:
        there = self._admin.get(REALM, "users", "profile")
        wanted = dict(realm.PROFILE)
        if _differs(wanted, there):
            self._admin.put(REALM, "users", "profile", body=wanted)
            self._changed("profile", REALM)

    def _second_factor(self) -> None:
        steps = self._admin.get(REALM, "authentication", "flows", "browser", "executions")
        for step in steps:
            said = realm.SECOND_FACTOR.get(step.get("providerId", ""))
            if said is None or step.get("authenticationConfig"):
                continue
            # As long as a session at Keycloak may last.
            seconds = str(realm.SETTINGS["ssoSessionMaxLifespan"])
            config = {"default.reference.value": said, "default.reference.maxAge": seconds}
            body = {"alias": f"amr-{said}", "config": config}
            self._admin.post(REALM, "authentication", "executions", step["id"], "config", body=body)
            self._changed("sign-in", said)

    def _roles(self) -> None:
        there = {one["name"] for one in self._admin.get(REALM, "roles", max="1000")}
        for name in realm.roles(self._facts):
            if name not in there:
                self._admin.post(REALM, "roles", body={"name": name})
                self._changed("role", name)

    def _clients(self) -> None:
        there = {one["clientId"]: one for one in self._admin.get(REALM, "clients", max="1000")}
        wanted = {one["clientId"]: one for one in realm.clients(self._facts)}
        for name, one in wanted.items():
            if not one["publicClient"]:
                one["secret"] = first_password(self._key, name)
            if name not in there:
                self._admin.post(REALM, "clients", body=one)
                self._changed("client", name)
            else:
                self._client(name, one, there[name])
        for name, one in there.items():
            if DECLARED in one.get("attributes", {}) and name not in wanted:
                self._admin.delete(REALM, "clients", one["id"])
                self._changed("client no longer declared", name)

    def _client(self, name: str, wanted: Json, there: Json) -> None:
        at = (REALM, "clients", there["id"])
        mappers = {one["name"]: one for one in wanted.pop("protocolMappers")}
        if _differs(wanted, there):
            self._admin.put(*at, body={**there, **wanted})
            self._changed("client", name)
        held = {one["name"]: one for one in there.get("protocolMappers", [])}
        for mapper in mappers.keys() | held.keys():
            if mapper in mappers and not _differs(mappers[mapper], held.get(mapper, {})):
                continue
            if mapper in held:
                self._admin.delete(*at, "protocol-mappers", "models", held[mapper]["id"])
            if mapper in mappers:
                self._admin.post(*at, "protocol-mappers", "models", body=mappers[mapper])
            self._changed("claim", f"{name}.{mapper}")

    def _people(self) -> None:
        wanted = realm.people(self._facts)
        for name, (tenant, held) in wanted.items():
            self._person(name, tenant, held)
        for one in self._admin.get(REALM, "users", q=f"{DECLARED}:true", max="1000"):
            if one["username"] not in wanted and one["enabled"]:
                self._admin.put(REALM, "users", one["id"], body={**one, "enabled": False})
                self._admin.post(REALM, "users", one["id"], "logout", body={})
                self._changed("person no longer declared", one["username"])

    def _person(self, name: str, tenant: str | None, held: list[str]) -> None:
        attributes = {DECLARED: ["true"], **({TENANT_CLAIM: [tenant]} if tenant is not None else {})}
        facts: Json = {"username": name, "enabled": True, "attributes": attributes}
        there = self._found(name)
        if there is None:
            password = {"type": "password", "value": first_password(self._key, name), "temporary": False}
            self._admin.post(REALM, "users", body={**facts, "credentials": [password]})
            self._changed("person", name)
            there = self._found(name)
            assert there is not None, "it was made"
        elif there.get("attributes", {}) != attributes or not there["enabled"]:
            self._admin.put(REALM, "users", there["id"], body={**there, **facts})
            self._changed("person", name)
        at = (REALM, "users", there["id"])
        self._held(name, at, held)
        self._factor(name, at, held)

    def _found(self, name: str) -> Json | None:
        found = self._admin.get(REALM, "users", username=name, exact="true")
        return self._admin.get(REALM, "users", found[0]["id"]) if found else None

    def _held(self, name: str, at: tuple[str, ...], wanted: list[str]) -> None:
        known = {one["name"]: one for one in self._admin.get(REALM, "roles", max="1000")}
        ours = {*wanted, *realm.roles(self._facts)}
        # That of a tenant that is no more, too.
        there = {
            name: one
            for one in self._admin.get(*at, "role-mappings", "realm")
            if (name := one["name"]) in ours or name.startswith(tenant_role(""))
        }
        if more := [known[role] for role in wanted if role not in there]:
            self._admin.post(*at, "role-mappings", "realm", body=more)
        if less := [one for role, one in there.items() if role not in wanted]:
            self._admin.delete(*at, "role-mappings", "realm", body=less)
        if more or less:
            self._changed("roles", name)

    def _factor(self, name: str, at: tuple[str, ...], held: list[str]) -> None:
        """An administrator has a second factor, or makes one at the next sign-in."""
        if not realm.is_strong(held):
            return
        there = self._admin.get(*at)
        asked = there.get("requiredActions", [])
        factors = {one["type"] for one in self._admin.get(*at, "credentials")} - {"password"}
        if not factors and _TOTP not in asked:
            self._admin.put(*at, body={**there, "requiredActions": [*asked, _TOTP]})
            self._changed("second factor asked for", name)


def _differs(wanted: Any, there: Any) -> bool:
    """Whether something that is wanted is otherwise; what Keycloak has besides does not count."""
    if isinstance(wanted, dict):
        return not isinstance(there, dict) or any(
            _differs(inner, there.get(key)) for key, inner in wanted.items()
        )
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        return (
            not isinstance(there, list)
            or len(wanted) != len(there)
            or any(_differs(*pair) for pair in zip(wanted, there, strict=True))
        )
    if isinstance(wanted, list):
        return not isinstance(there, list) or sorted(wanted) != sorted(there)
    return wanted != there
