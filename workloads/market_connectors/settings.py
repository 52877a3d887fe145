"""What market-connectors reads from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from workloads.kit.contracts import env
from workloads.kit.settings import Settings
from workloads.price_pipeline.settings import RunSettings


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class MarketSettings(Settings):
    """Which markets, and how they are asked."""

    markets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(min_length=1)
    """Names of the table, with commas between them."""
    secrets_dir: Path = Path(env.SECRETS_DIR)
    """Holds each market's key under the name that the table says."""
    first_days: int = Field(default=14, ge=1)
    """How far back a market is asked that the topic has nothing of; what is before comes by a backfill."""
    look_back_days: int = Field(default=3, ge=0)
    """How far before the newest that is known changes and what was missing are looked for."""
    again_minutes: int = Field(default=10, ge=0, le=60)
    """In the first so many minutes of an hour a market is asked though all that it published is known: an
    auction of tomorrow may be corrected before the next one. With runs as far apart, that is one an hour."""
    stay_seconds: float = Field(default=0, ge=0)
    """How long a run without a range stays, to bring within seconds what is published meanwhile. Below the
    time between two runs, so that one is over before the next is due."""
    pass_seconds: float = Field(default=20, gt=0)
    """Between two looks of a run that stays at what is due."""
    press_minutes: float = Field(default=60, ge=0)
    """How long after its publication a day that is not there is asked for at each look; then once a run."""
    attempts: int = Field(default=4, ge=1)
    """Of one question."""
    retry_wait_max_seconds: float = Field(default=60, ge=0)
    """Longest wait before an attempt. A market that asks for more is asked in the next run."""
    silence_max_seconds: float = Field(default=60, gt=0)
    """For which a market may say nothing before the question has failed, and is asked again."""
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """Of every host, instead of what the table says."""


class MarketRunSettings(MarketSettings, RunSettings):
    """A run that publishes."""
