"""Messages to bytes and back: JSON, typed and validated while it is decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from workloads.kit.contracts.earlier import EARLIER

T = TypeVar("T", bound=msgspec.Struct)

DecodeError = msgspec.DecodeError
"""What a decoder raises on bytes that are not JSON or not the message; its text names the field."""

encode: Callable[[msgspec.Struct], bytes] = msgspec.json.Encoder().encode
"""A message as UTF-8 JSON. NaN and infinities become null, which no reader accepts for a price."""


def decoder(message: type[T]) -> Callable[[bytes], T]:
    """A function from bytes to `message`, of its version or the one before, which it brings up to it; it
    raises `DecodeError` on bytes that are neither."""
    earlier = EARLIER.get(message)
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(
        message if earlier is None else message | earlier
    ).decode

    def checked(raw: bytes) -> T:
        try:
            decoded: object = decode(raw)
        except RecursionError as error:
            raise DecodeError("nested too deep") from error
        except UnicodeDecodeError as error:
            raise DecodeError(f"not UTF-8: {error}") from error
        if earlier is not None and isinstance(decoded, earlier):
            decoded = decoded.upgraded()
        return cast("T", decoded)

    return checked
