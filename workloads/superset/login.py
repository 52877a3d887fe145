"""How people log in: at an issuer of OpenID Connect where there is one, else by password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workloads.kit.contracts.declared.superset import ADMIN
from workloads.superset.settings import Oidc

_AUTH_DB, _AUTH_OAUTH = 1, 4
"""Flask-AppBuilder's numbers of the two ways."""

PROVIDER: Final = "platform"
SECOND_FACTORS: Final = "SECOND_FACTORS"
"""Of the configuration: what `amr` has to say of who is to be Admin."""


def config(oidc: Oidc | None) -> dict[str, Any]:
    """The part of Superset's configuration."""
    if oidc is None:
        return {"AUTH_TYPE": _AUTH_DB, "AUTH_USER_REGISTRATION": False}
    issuer = (oidc.inside or oidc.issuer).rstrip("/")
    return {
        "AUTH_TYPE": _AUTH_OAUTH,
        "OAUTH_PROVIDERS": [
            {
                "name": PROVIDER,
                "icon": "fa-key",
                "token_key": "access_token",
                "remote_app": {
                    "client_id": oidc.client_id,
                    "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
                    "client_kwargs": {
                        "scope": "openid profile email",
                        "code_challenge_method": "S256",
                        "token_endpoint_auth_method": "none",
                    },
                },
            }
        ],
        # Who comes with a role that is mapped is let in, and has at each log-in the roles of that day.
        "AUTH_USER_REGISTRATION": True,
        "AUTH_USER_REGISTRATION_ROLE": "Public",
        "AUTH_ROLES_SYNC_AT_LOGIN": True,
        "AUTH_ROLES_MAPPING": dict(oidc.roles),
        SECOND_FACTORS: list(oidc.second_factors),
    }


def held(
    claims: Mapping[str, Any], mapped: Mapping[str, list[str]], second_factors: Sequence[str]
) -> list[str]:
    """The issuer's roles of a person that count: who signed in without a second factor is no Admin.

    Args:
        mapped: the issuer's roles → those here.
        second_factors: what `amr` says of one; where that is nothing, none is asked.
    """
    strong = not second_factors or bool(set(second_factors) & set(claims.get("amr") or ()))
    return [role for role in claims.get("roles") or () if strong or ADMIN not in mapped.get(role, [])]
