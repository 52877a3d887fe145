"""The base of all that the sources file holds."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Keys that it does not know are refused; nothing changes once it is read."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)
