"""Sessions of people who signed in at the issuer: a cookie that says who, of which tenant, and until when.

It is signed with what follows from data-api's password of the database. Every pod has that, so no replica has
to be told of a session and no other secret is kept; and whoever has the password could make an API key with
it. While it is rotated the one before holds, too. The issuer is not asked again before the session ends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from workloads.data_api.identity import Principal
from workloads.data_api.settings import DataApiSettings
from workloads.kit import db
from workloads.kit.contracts.entitlements import Scope

PREFIX: Final = "p."
"""Of each such cookie: what stands for a key begins with the key's id."""


class Person(msgspec.Struct, frozen=True):
    """Who signed in.

    Attributes:
        key: public name, made from the issuer's subject.
        until: seconds of the epoch.
    """

    tenant: str
    key: str
    scopes: tuple[Scope, ...]
    until: int


class People:
    """Writes such cookies and reads them.

    Args:
        secrets: the one that signs first, then those that still hold.
        seconds: how long a session lasts.
    """

    def __init__(self, secrets: Callable[[], Sequence[str]], seconds: int) -> None:
        self._secrets, self._seconds = secrets, seconds

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return self._seconds

    def cookie(self, principal: Principal) -> str:
        """Of a person who just signed in."""
        scopes = tuple(sorted(principal.scopes))
        person = Person(principal.tenant, principal.key, scopes, int(time.time()) + self._seconds)
        body = base64.urlsafe_b64encode(msgspec.json.encode(person)).decode()
        return f"{PREFIX}{body}.{_signature(self._secrets()[0], body)}"

    def read(self, cookie: str) -> Person | None:
        """Whose it is; None where it is nobody's, or no longer."""
        body, _, signature = cookie.removeprefix(PREFIX).partition(".")
        held = (_signature(secret, body).encode() for secret in self._secrets())
        signed = any(hmac.compare_digest(one, signature.encode()) for one in held)
        if not signed or not cookie.startswith(PREFIX):
            return None
        person = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Person)
        return person if time.time() < person.until else None


def of(settings: DataApiSettings) -> People | None:
    """Those of a server; None where nobody signs in at an issuer."""
    if settings.oidc is None or settings.oidc.client_id is None:
        return None
    return People(lambda: db.passwords(settings.postgres_password_file), settings.oidc.session_seconds)


def _signature(secret: str, body: str) -> str:
    key = hashlib.sha256(f"session of the hub {secret}".encode()).digest()
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
