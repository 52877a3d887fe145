"""Calls of third-party APIs, as api-integration reports them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Name, Utc

Outcome = Literal["answered", "not-modified", "negative", "refused", "failed"]
"""What a call brought: an answer, word that the last one still holds, word that there is no such thing, a
refusal of us (a key, a limit), or nothing of use (a fault, a timeout, an answer that cannot be read)."""


class ApiCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request that went out to a provider, on `api-events`; the message key is the provider. Retries are
    calls of their own. `status` is None where no answer came, `milliseconds` counts until its last byte.

    `cache` says what was at hand when it was made: nothing, or an answer whose time was over. `cache_hit` is
    true where the provider said that that one still holds. `question` is the normalised question, without
    the key. `caller` is who asked first, by its own word; `request_id` that of its request.
    """

    topic: ClassVar[str] = topics.API_EVENTS

    schema_version: Literal[1] = 1
    call_id: str
    at: Utc
    request_id: str
    caller: Name
    provider: Name
    route: Name
    question: str
    attempt: Annotated[int, msgspec.Meta(ge=1)]
    outcome: Outcome
    status: int | None
    milliseconds: Annotated[float, msgspec.Meta(ge=0)]
    cache: Literal["miss", "expired"]
    cache_hit: bool
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    cost_units: Annotated[int, msgspec.Meta(ge=0)]

    @property
    def message_key(self) -> str:
        """What keeps a provider's calls in order."""
        return self.provider
