"""Values of legacy systems as a record has them: JSON that loses nothing."""

from __future__ import annotations

import base64
import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from workloads.kit.contracts.warehouse import Value
from workloads.warehouse_etl.sources import Record

_SAFE = 2**63
_MIDNIGHT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]00:00(:00(\.0+)?)?")


def plain(value: Any) -> Value:
    """A value as JSON keeps it: decimals and times as text, bytes in base64, NUL as the replacement
    character, which PostgreSQL takes."""
    if type(value) is str and value.isascii() and "\0" not in value:
        return value
    match value:
        case None | bool():
            return value
        case int():
            return value if -_SAFE <= value < _SAFE else str(value)
        case float():
            if math.isfinite(value) and abs(value) >= _SAFE:
                # JSON of PostgreSQL has its digits, and another number is read of them.
                return format(Decimal(repr(value)), "f")
            return value if math.isfinite(value) else str(value)
        case str():
            return value.replace("\0", "\ufffd").encode(errors="replace").decode()
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case dict() | list() | tuple():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def key_of(record: Record, columns: tuple[str, ...]) -> str | None:
    """What tells a record from others: the value of its key column, or of several as a JSON list of texts.
    None where one is missing. What is written once with spaces or a midnight and once without is one key."""
    values = [_key_part(record.get(name)) for name in columns]
    if not all(values):
        return None
    return values[0] if len(values) == 1 else msgspec.json.encode(values).decode()


def _key_part(value: Value) -> str:
    if value is None:
        return ""
    text = str(value).strip()
    return text[:10] if _MIDNIGHT.fullmatch(text) else text
