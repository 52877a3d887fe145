"""Personal data: what becomes of it before it leaves its source."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from workloads.kit.contracts.sources.legacy import Protection
from workloads.kit.contracts.warehouse import Value
from workloads.warehouse_etl.sources import Record, SourceError

_LENGTH = 32
"""Characters of a pseudonym: 128 bits, so that two values do not meet."""


def protector(personal: Mapping[str, Protection], key: bytes | None) -> Callable[[Record], Record]:
    """A function that changes a record's personal columns.

    Args:
        key: of pseudonyms; whoever has it can try values.

    Raises:
        SourceError: a pseudonym is asked for and there is no key.
    """
    if not personal:
        return lambda record: record
    if "pseudonym" in personal.values() and not key:
        raise SourceError(
            "columns are to be pseudonyms and there is no key for them: set WAREHOUSE_PSEUDONYM_KEY_FILE"
        )

    def changed(name: str, value: Value) -> Value:
        if value is None or (kind := personal.get(name)) is None:
            return value
        if kind == "drop":
            return None
        text = str(value)
        if kind == "mask":
            # Of one character, nothing is shown.
            return f"{text[:1]}{'*' * (len(text) - 1)}" if len(text) > 1 else "*"
        return hmac.new(key or b"", text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]

    return lambda record: {name: changed(name, value) for name, value in record.items()}
