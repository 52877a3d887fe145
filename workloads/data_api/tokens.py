"""Access tokens of an OpenID Connect issuer: signed by it, for this audience, and of a known tenant.

Which issuer, and in which claims it says tenant, roles and how a person signed in, are settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, cast

import jwt
import structlog

from workloads.data_api.identity import Principal
from workloads.data_api.issuer import Issuer
from workloads.data_api.refusals import unauthorized
from workloads.data_api.settings import OidcSettings
from workloads.kit.contracts.entitlements import SCOPES, Entitlement, Role, Scope

_log: Any = structlog.get_logger(__name__)

_ROLES: Final[tuple[Role, ...]] = ("viewer", "developer", "admin")
_NOT_VALID: Final = "the credential is not valid"


class Tokens:
    """Who holds a token."""

    def __init__(self, settings: OidcSettings, issuer: Issuer | None = None) -> None:
        self._settings, self._issuer = settings, issuer or Issuer(settings)

    def principal(self, token: str, entitlements: Mapping[str, Entitlement]) -> Principal:
        """Refused where it is none that counts here."""
        claims = self.claims(token, self._settings.audience)
        s = self._settings
        tenant = _claim(claims, s.tenant_claim)
        entitlement = entitlements.get(tenant) if isinstance(tenant, str) else None
        if not isinstance(tenant, str) or entitlement is None:
            raise unauthorized("the token is of no tenant that is one")
        roles = _roles(_claim(claims, s.roles_claim))
        # An administrator who signed in with a password alone may do what others may.
        second = _second_factor(claims, s)
        held: list[Role] = [role for role in roles if role != "admin" or second]
        scopes = frozenset[Scope]().union(*(SCOPES[role] for role in held))
        if "admin" in roles and not second:
            scopes |= SCOPES["developer"]
        who = hashlib.blake2b(f"{s.issuer} {claims['sub']}".encode(), digest_size=6).hexdigest()
        return Principal(
            tenant=tenant,
            key=f"user-{who}",
            scopes=scopes,
            entitlement=entitlement,
            step_up="admin" in roles and not second,
        )

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """What a token of the issuer for `audience` says. Refused where it is none."""
        s = self._settings
        try:
            header = jwt.get_unverified_header(token)
            key = self._issuer.key(str(header.get("kid", "")))
            if key is None or header.get("alg") not in s.algorithms:
                raise unauthorized(_NOT_VALID)
            return jwt.decode(
                token,
                key.key,
                algorithms=[str(header["alg"])],
                audience=audience,
                issuer=s.issuer,
                leeway=s.leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:  # known only once its signature was found good
            raise unauthorized("the token has expired") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            _log.info("token.refused", error=f"{type(error).__name__}: {error}")
            raise unauthorized(_NOT_VALID) from error


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim; a dot goes into one that holds others, as `realm_access.roles`."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = cast("Mapping[str, Any]", found).get(name) if isinstance(found, dict) else None
    return found


def _roles(found: Any) -> list[Role]:
    given: list[Any] = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
    return [role for role in _ROLES if role in given]


def _second_factor(claims: Mapping[str, Any], s: OidcSettings) -> bool:
    methods = claims.get("amr")
    used: list[Any] = cast("list[Any]", methods) if isinstance(methods, list) else []
    return bool(set(s.mfa_amr) & {one for one in used if isinstance(one, str)}) or (
        claims.get("acr") in s.mfa_acr
    )
