"""API keys: `ck_<id>_<secret>`. The id finds the row, the secret proves it; only its digest is kept.

A secret is 256 random bits, so a plain SHA-256 of it is as good as a slow hash: there is no word list of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workloads.kit.contracts.entitlements import Scope

_KEY: Final = re.compile(r"ck_([0-9a-f]{12})_([0-9a-f]{64})")

PREFIX: Final = "ck_"
"""Of every key, so that scanners of code and logs know one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A row of the table."""

    id: str
    tenant: str
    digest: bytes
    scopes: frozenset[Scope]
    expires_at: datetime
    revoked_at: datetime | None
    requests_per_minute: int | None = None


def parse(credential: str) -> tuple[str, str] | None:
    """id and secret; None where it is no key."""
    found = _KEY.fullmatch(credential)
    return (found[1], found[2]) if found else None


def make() -> tuple[str, str]:
    """id and secret of a new key."""
    return secrets.token_hex(6), secrets.token_hex(32)


def text(key_id: str, secret: str) -> str:
    """The key as its holder gives it."""
    return f"{PREFIX}{key_id}_{secret}"


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


_NO_DIGEST: Final = digest(secrets.token_hex(32))


def proven(key: Key | None, secret: str) -> bool:
    """Whether the secret is the key's. The work is the same where there is no such key."""
    same = hmac.compare_digest(digest(secret), _NO_DIGEST if key is None else key.digest)
    return same and key is not None


def checked_scopes(given: Sequence[str]) -> tuple[Scope, ...]:
    """Scopes in a fixed order, each once. ValueError, with the remedy, where one is none."""
    known: tuple[Scope, ...] = ("read", "write", "admin")
    wrong = [one for one in given if one not in known]
    if wrong or not given:
        raise ValueError(f"scope {', '.join(wrong) or 'none'!r} is none: give some of {', '.join(known)}")
    return tuple(one for one in known if one in given)
