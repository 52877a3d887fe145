"""How people log in: at an issuer of OpenID Connect where there is one, else by password."""

from __future__ import annotations

from typing import Any, Final

from workloads.superset.settings import Oidc

_AUTH_DB, _AUTH_OAUTH = 1, 4
"""Flask-AppBuilder's numbers of the two ways."""

PROVIDER: Final = "platform"


def config(oidc: Oidc | None) -> dict[str, Any]:
    """The part of Superset's configuration."""
    if oidc is None:
        return {"AUTH_TYPE": _AUTH_DB, "AUTH_USER_REGISTRATION": False}
    from workloads.superset.people import SecurityManager

    issuer = oidc.issuer.rstrip("/")
    return {
        "AUTH_TYPE": _AUTH_OAUTH,
        "CUSTOM_SECURITY_MANAGER": SecurityManager,
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
    }
