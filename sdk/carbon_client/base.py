"""What the models are made of: an answer's rows, and what is given in a request's body."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone; what the API gives out is UTC."""

When: TypeAlias = datetime | str
"""A time with its zone, or ISO 8601 text of one, such as 2026-03-29T00:00:00Z."""


class Answer(msgspec.Struct, frozen=True):
    """Base of what the API gives out. What a newer API says besides is left out."""


class Given(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of what a request's body is made of."""
