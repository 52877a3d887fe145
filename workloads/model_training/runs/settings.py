"""Settings of forecast-run."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.contracts.instruments import Instruments
from workloads.kit.settings import KafkaSettings, PostgresSettings


class ForecastSettings(KafkaSettings, PostgresSettings):
    """What is forecast, and when a forecast may be called good."""

    instruments: Instruments = Field(default=[])
    """JSON list. An instrument that is not in it keeps its prediction of the next session."""

    false_discovery_rate: float = Field(default=0.05, gt=0, lt=0.5)
    """Of the instruments promoted at one look, the share that is expected to be so by luck, at most."""
    gate_days: int = Field(default=182, ge=56)
    """Newest days, forecast by what was known before each, that a kind is judged on."""
    gate_every_days: int = Field(default=28, ge=1)
    """Days between two looks at an instrument: who looks daily finds luck sooner or later."""
    watch_days: int = Field(default=28, ge=28)
    """Live days from one look at a champion to the next, and those that pass after a roll-back."""
    watch_newest_days: int = Field(default=84, ge=28)
    """Newest live days that count at a look."""
    watch_level: float = Field(default=0.05, gt=0, lt=0.5)
    """The chance of a champion that is as good as the baseline to be rolled back within a year, at most."""
