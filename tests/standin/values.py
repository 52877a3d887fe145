"""Known, well-formed values for what a provider computes: the same for the same resource, always."""

from __future__ import annotations

import base64
import hashlib
import json
import typing
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi import _types as types

from tests.standin import sdk, wire


@dataclass(frozen=True)
class Seed:
    """Where all that is made up about a resource comes from."""

    text: str

    @property
    def digest(self) -> str:
        """40 hexadecimal digits."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    @property
    def uuid(self) -> str:
        return str(uuid.UUID(self.digest[:32]))

    def hex(self, digits: int) -> str:
        """Up to 40 digits."""
        return self.digest[:digits]

    def number(self, limit: int) -> int:
        """From 0 to `limit` - 1."""
        return int(self.digest, 16) % limit

    def of(self, what: str) -> Seed:
        """The seed of a part."""
        return Seed(f"{self.text}/{what}")


def seed(urn: str, relevant: Mapping[str, Any]) -> Seed:
    """A resource's seed: another one when an input changes that replaces it, so that replacement cascades."""
    return Seed(f"{urn} {json.dumps(relevant, sort_keys=True)}")


def certificate(at: Seed) -> str:
    """Base64 of a PEM block, as APIs hand out certificate authorities. Its content is no certificate."""
    body = base64.b64encode(hashlib.sha512(at.text.encode()).digest()).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    pem = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
    return base64.b64encode(pem.encode()).decode()


def made_up(of: Any, name: str, at: Seed) -> Any:
    """A value of a type: text from its name, one element in a list, every property of an object."""
    choice = sdk.choices(of)[0]
    inner = sdk.element(choice)
    if inner is not None:
        return [made_up(inner, name, at)] if _is_list(choice) else {}
    if isinstance(choice, type) and types.is_output_type(choice):
        return {key: made_up(t, key, at.of(key)) for key, t in sdk.outputs(choice).items()}
    if choice is bool:
        return False
    if choice in (int, float):
        return 0
    return f"{name}-{at.of(name).hex(8)}" if choice is str else {}


def completed(given: Any, shown: Any, taken: Any, at: Seed) -> Any:
    """What was given, with what only the provider computes at any depth.

    Args:
        given: an input, marks included.
        shown: its type among the outputs.
        taken: its type among the inputs.
    """
    if wire.is_marked(given) or given is None:
        return given
    output, input_ = sdk.choices(shown)[0], sdk.choices(taken)[-1]
    if isinstance(given, list):
        inner, own = sdk.element(output), sdk.element(input_)
        if inner is None or own is None:
            return given
        return [completed(item, inner, own, at.of(str(i))) for i, item in enumerate(given)]
    if not isinstance(given, dict) or not _is_object(output) or not types.is_input_type(input_):
        return given
    accepted = sdk.inputs(input_)
    known = {
        key: completed(value, sdk.outputs(output)[key], accepted[key], at.of(key))
        if key in accepted and key in sdk.outputs(output)
        else value
        for key, value in given.items()
    }
    computed = {
        key: made_up(of, key, at.of(key)) for key, of in sdk.outputs(output).items() if key not in accepted
    }
    return computed | known


def _is_object(of: Any) -> bool:
    return isinstance(of, type) and types.is_output_type(of)


def _is_list(of: Any) -> bool:
    return len(typing.get_args(of)) == 1
