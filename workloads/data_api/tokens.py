"""Access tokens of an OpenID Connect issuer: signed by it, for this audience, and of a known tenant.

Which issuer, and in which claims it says tenant, roles and how a person signed in, are settings.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final, cast

import jwt
import structlog

from workloads.data_api.identity import Principal
from workloads.data_api.problems import Refused
from workloads.data_api.refusals import unauthorized
from workloads.data_api.settings import OidcSettings
from workloads.kit.contracts.entitlements import SCOPES, Entitlement, Role, Scope

_log: Any = structlog.get_logger(__name__)

_DISCOVERY: Final = "/.well-known/openid-configuration"
_MOST_BYTES: Final = 1_048_576
_ROLES: Final[tuple[Role, ...]] = ("viewer", "developer", "admin")
_NOT_VALID: Final = "the credential is not valid"


class Keys:
    """The issuer's signing keys by id, read again when they are old or a token names one that is new."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._held: dict[str, jwt.PyJWK] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None

    def of(self, kid: str) -> jwt.PyJWK | None:
        """The key; None where the issuer has none of this id. Refused where it was never read."""
        s = self._settings
        old = self._read_at is None or time.monotonic() - self._read_at > s.keys_seconds
        if old or kid not in self._held:
            # A flood of tokens with ids that there are not is none at the issuer.
            with self._lock:
                rested = self._tried_at is None or time.monotonic() - self._tried_at > s.rest_seconds
                if rested:
                    self._tried_at = time.monotonic()
                    self._read()
        if self._read_at is None:
            raise Refused(
                503,
                "the identity provider does not answer",
                field="Authorization",
                value=None,
                remedy="ask again after Retry-After, or with an API key",
                reason="issuer",
            )
        return self._held.get(kid)

    def _read(self) -> None:
        try:
            url = self._settings.keys_url
            if url is None:
                issuer = self._settings.issuer
                described = self._get(f"{issuer.rstrip('/')}{_DISCOVERY}")
                if described.get("issuer") != issuer:
                    raise ValueError(f"it calls itself {described.get('issuer')!r}")
                url = self._settings.checked_url(str(described["jwks_uri"]))
            found = self._get(url)["keys"]
        except (OSError, ValueError, LookupError) as error:
            _log.warning("issuer.away", issuer=self._settings.issuer, error=str(error))
            return
        keys: dict[str, jwt.PyJWK] = {}
        for one in found:
            try:
                if one.get("use", "sig") == "sig":
                    keys[str(one["kid"])] = jwt.PyJWK(one)
            except (jwt.PyJWTError, LookupError) as error:  # of a kind that is not known here
                _log.info("issuer.key_left_out", error=str(error))
        self._held, self._read_at = keys, time.monotonic()

    def _get(self, url: str) -> dict[str, Any]:
        with _OPENER.open(url, timeout=self._settings.timeout_seconds) as answer:
            read: Any = json.loads(answer.read(_MOST_BYTES))
        if not isinstance(read, dict):
            raise ValueError(f"{url} is no JSON object")
        return cast("dict[str, Any]", read)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An issuer's keys are where it says, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirect)


class Tokens:
    """Who holds a token."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings, self._keys = settings, Keys(settings)

    def principal(self, token: str, entitlements: Mapping[str, Entitlement]) -> Principal:
        """Refused where it is none that counts here."""
        claims = self._claims(token)
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

    def _claims(self, token: str) -> dict[str, Any]:
        s = self._settings
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.of(str(header.get("kid", "")))
            if key is None or header.get("alg") not in s.algorithms:
                raise unauthorized(_NOT_VALID)
            return jwt.decode(
                token,
                key.key,
                algorithms=[str(header["alg"])],
                audience=s.audience,
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
