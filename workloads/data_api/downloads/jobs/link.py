"""Links to files: an address with an end and a signature, which needs no credential.

A signature is of one job and one end, by a key that is the job's alone and made for it; so a link says
nothing of the tenant, cannot be made from another one, and is gone with its job.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

FILES: Final = "/v1/downloads/files"
_KEY_BYTES: Final = 32


def new_key() -> bytes:
    """A job's own."""
    return secrets.token_bytes(_KEY_BYTES)


def made(job: UUID, key: bytes, until: datetime) -> str:
    """The address below the API's own."""
    end = int(until.timestamp())
    return f"{FILES}/{job}?{urlencode({'expires': end, 'signature': _signature(job, key, end)})}"


def good(job: UUID, key: bytes, end: int, signature: str) -> bool:
    """Whether the signature is the job's, of that end."""
    return hmac.compare_digest(_signature(job, key, end), signature)


def _signature(job: UUID, key: bytes, end: int) -> str:
    return hmac.new(key, f"{job}\n{end}".encode(), hashlib.sha256).hexdigest()
