"""The realm as it is to be, in Keycloak's own terms; nothing here is secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workloads.kit.contracts.people import (
    ANALYST,
    AUDIENCE,
    DASHBOARDS_CLIENT,
    DASHBOARDS_SIGNED_IN,
    HUB_CLIENT,
    OPERATOR,
    REALM,
    ROLES_CLAIM,
    SIGNED_IN,
    STRONG,
    TENANT_CLAIM,
    Program,
    RealmFacts,
    tenant_role,
)

Json = dict[str, Any]

DECLARED: Final = "declared"
"""Attribute of clients and people that a stack file names: those that it names no longer are put away."""

SETTINGS: Final[Mapping[str, Any]] = {
    "realm": REALM,
    "enabled": True,
    "displayName": "carbon platform",
    "sslRequired": "external",
    "registrationAllowed": False,
    "resetPasswordAllowed": False,
    "editUsernameAllowed": False,
    "rememberMe": False,
    "bruteForceProtected": True,
    "failureFactor": 10,
    "passwordPolicy": "length(14) and notUsername",
    "accessTokenLifespan": 300,
    "ssoSessionIdleTimeout": 4 * 3600,
    "ssoSessionMaxLifespan": 12 * 3600,
    "defaultSignatureAlgorithm": "RS256",
    "eventsEnabled": True,
    "adminEventsEnabled": True,
}

_ADMIN_ONLY: Final = {"view": ["admin"], "edit": ["admin"]}
_OWN: Final = {"view": ["admin", "user"], "edit": ["admin", "user"]}

PROFILE: Final[Mapping[str, Any]] = {
    "attributes": [
        {"name": "username", "permissions": {"view": ["admin", "user"], "edit": ["admin"]}},
        *({"name": name, "permissions": _OWN} for name in ("email", "firstName", "lastName")),
        # Nobody says of themselves whose they are.
        *({"name": name, "permissions": _ADMIN_ONLY} for name in (TENANT_CLAIM, DECLARED)),
    ]
}
"""What a person's account holds, and who may change it."""

SECOND_FACTOR: Final[Mapping[str, str]] = {"auth-username-password-form": "pwd", "auth-otp-form": "otp"}
"""Step of the sign-in → what a token's `amr` says of it (RFC 8176)."""


def roles(facts: RealmFacts) -> list[str]:
    """Names of those that people may have."""
    return ["viewer", "developer", "admin", OPERATOR, ANALYST, *map(tenant_role, facts.tenants)]


def people(facts: RealmFacts) -> dict[str, tuple[str | None, list[str]]]:
    """Person → tenant and roles, that of the tenant at the dashboards included."""
    found: dict[str, tuple[str | None, list[str]]] = {}
    for name, one in facts.people.items():
        of_tenant = [tenant_role(one.tenant)] if one.tenant is not None else []
        found[name] = (one.tenant, [*one.roles, *of_tenant])
    return found


def is_strong(held: list[str]) -> bool:
    """Whether who has these roles signs in with a second factor."""
    return any(role in STRONG for role in held)


def clients(facts: RealmFacts) -> list[Json]:
    """All of them, without secrets."""
    found = [_of_people(HUB_CLIENT, facts.hub, SIGNED_IN, [_audience(), *_claims()])]
    if facts.dashboards is not None:
        found.append(_of_people(DASHBOARDS_CLIENT, facts.dashboards, DASHBOARDS_SIGNED_IN, _claims()))
    return [*found, *(_of_program(name, one) for name, one in facts.programs.items())]


def _of_people(name: str, at: str, path: str, mappers: list[Json]) -> Json:
    return {
        **_client(name),
        "publicClient": True,
        "standardFlowEnabled": True,
        "redirectUris": [at + path],
        "webOrigins": [],
        "attributes": {
            DECLARED: "true",
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{at}/*",
        },
        "protocolMappers": mappers,
    }


def _of_program(name: str, one: Program) -> Json:
    return {
        **_client(name),
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "clientAuthenticatorType": "client-secret",
        "attributes": {DECLARED: "true"},
        "protocolMappers": [
            _audience(),
            _fixed(TENANT_CLAIM, one.tenant, "String"),
            _fixed(ROLES_CLAIM, " ".join(one.roles), "String"),
        ],
    }


def _client(name: str) -> Json:
    off = (
        "standardFlowEnabled",
        "implicitFlowEnabled",
        "directAccessGrantsEnabled",
        "serviceAccountsEnabled",
    )
    return {"clientId": name, "enabled": True, "protocol": "openid-connect", **dict.fromkeys(off, False)}


def _claims() -> list[Json]:
    """What people's tokens say: whose they are, what they may do, how they signed in."""
    return [
        _mapper(
            TENANT_CLAIM,
            "oidc-usermodel-attribute-mapper",
            {"user.attribute": TENANT_CLAIM, "claim.name": TENANT_CLAIM, "jsonType.label": "String"},
        ),
        _mapper(
            ROLES_CLAIM,
            "oidc-usermodel-realm-role-mapper",
            {"claim.name": ROLES_CLAIM, "jsonType.label": "String", "multivalued": "true"},
        ),
        _mapper("amr", "oidc-amr-mapper", {}),
    ]


def _fixed(claim: str, value: str, kind: str) -> Json:
    config = {"claim.name": claim, "claim.value": value, "jsonType.label": kind}
    return _mapper(claim, "oidc-hardcoded-claim-mapper", config)


def _audience() -> Json:
    config = {"included.custom.audience": AUDIENCE, "id.token.claim": "false"}
    return _mapper("audience", "oidc-audience-mapper", config)


def _mapper(name: str, kind: str, config: Mapping[str, str]) -> Json:
    everywhere = {"access.token.claim": "true", "id.token.claim": "true", "introspection.token.claim": "true"}
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {**everywhere, **config},
    }
