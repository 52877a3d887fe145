"""Who somebody is, from the issuer's token."""

# Superset is in an environment of its own.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false

from __future__ import annotations

from typing import Any

from superset.security import SupersetSecurityManager

from workloads.superset.login import PROVIDER


class SecurityManager(SupersetSecurityManager):
    """Superset's, which reads the claims of the platform's issuer."""

    def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
        """Name, address and the issuer's roles of who logs in; the token's signature, issuer and audience
        have been verified before."""
        if provider != PROVIDER:
            return super().get_oauth_user_info(provider, resp)
        claims: dict[str, Any] = resp.get("userinfo") or {}
        return {
            "username": claims.get("preferred_username") or claims["sub"],
            "email": claims.get("email") or f"{claims['sub']}@localhost",
            "first_name": claims.get("given_name", ""),
            "last_name": claims.get("family_name", ""),
            "role_keys": list(claims.get("roles", [])),
        }
