"""Where a page ended, as text that a client gives back: opaque to it, checked here.

A cursor names the last row of a page by its key, never by a count: rows that arrive meanwhile move nothing.
It carries the instant as of which the first page was read, so that all pages are of one instant, and a
digest of the question, so that it continues no other one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from workloads.kit.contracts.messages import EARLIEST, LATEST

K = TypeVar("K")

LONGEST: Final = 512
_VERSION: Final = 1
_DIGEST: Final = 9


class BadCursor(ValueError):
    """It is none that was given out for this question."""


def encode(question: Mapping[str, Any], as_of: datetime, key: Any) -> str:
    """The cursor after the row of this key (anything that msgspec encodes)."""
    body = msgspec.json.encode((_VERSION, as_of, key))
    return base64.urlsafe_b64encode(_digest(question, body) + body).rstrip(b"=").decode()


def decode(text: str, question: Mapping[str, Any], kind: type[K]) -> tuple[datetime, K]:
    """The instant and the key that a cursor holds.

    Raises:
        BadCursor: it was changed, or is of another question or release.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST], raw[_DIGEST:]
        if digest != _digest(question, body):
            raise BadCursor("it was not given out for this question")
        version, as_of, key = msgspec.json.decode(body, type=tuple[int, datetime, kind])
    except BadCursor:
        raise
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadCursor("it was changed, or is none") from error
    if version != _VERSION or as_of.tzinfo is None or not EARLIEST <= as_of < LATEST:
        raise BadCursor("it is of another release")
    return as_of, key


def _digest(question: Mapping[str, Any], body: bytes) -> bytes:
    asked = msgspec.json.encode({name: str(question[name]) for name in sorted(question)})
    return hashlib.blake2b(asked + b"\0" + body, digest_size=_DIGEST).digest()
