"""The engine's values as Python's, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from tools.gate.marks import UNKNOWN, is_marked, is_secret, plain

__all__ = ["UNKNOWN", "is_marked", "is_secret", "plain", "raw", "read", "write"]


def read(values: Struct) -> dict[str, Any]:
    """The values, secrets in clear, other marked maps as they are."""
    return plain(MessageToDict(values))


def raw(values: Struct) -> dict[str, Any]:
    """The values with every mark left in place."""
    return MessageToDict(values)


def write(values: Mapping[str, Any]) -> Struct:
    """A message of the values, marks included."""
    message = Struct()
    message.update(values)
    return message
