"""Which instruments are forecast for whole delivery days, and when: a stack's settings, and the job's."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from workloads.kit.contracts.indicators import INDICATOR_PATTERN

ForecastKind = Literal["ensemble", "kernel", "lear", "network", "forest"]
"""What forecasts: `workloads.model_training.kinds`."""

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f"time zone {text!r} is not known: give a name such as Europe/Berlin") from error
    return text


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is no time of day: give one such as 12:00, quoted")
    return text


Name = Annotated[str, Field(pattern=_NAME)]


class Instrument(BaseModel):
    """An instrument whose whole next delivery day is forecast; all others keep the next session alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Name = Field(description="Symbol of its day-ahead prices.")
    source: Name = Field(description="Source of its prices, as price-pipeline names it.")
    resolution: Literal["PT1H", "PT30M", "PT15M"] = Field(
        default="PT1H", description="Length of its periods."
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        description="The market's zone, whose days and gate closure are meant, such as Europe/Berlin."
    )
    zone: Name | None = Field(
        default=None, description="Bidding zone of its indicators; by default the symbol."
    )
    indicators: list[Annotated[str, Field(pattern=INDICATOR_PATTERN)]] = Field(
        default=[], description="Forecasts that are known before the auction, such as load and wind-solar."
    )
    kind: ForecastKind = Field(default="ensemble", description="What forecasts it.")
    gate_closure: Annotated[str, AfterValidator(_clock)] = Field(
        default="12:00", description="Local time, the day before delivery, at which bids are due."
    )
    margin_minutes: int = Field(
        default=30, ge=0, le=720, description="How long before the gate closes the forecast is issued."
    )

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if len(set(self.indicators)) < len(self.indicators):
            raise ValueError(f"indicators {self.indicators} of {self.symbol}: name each once")
        return self

    @property
    def indicator_zone(self) -> str:
        """The bidding zone of its indicators."""
        return self.zone or self.symbol

    def issue(self, delivery: date) -> datetime:
        """The instant, with a zone, that a forecast of a delivery day is issued at."""
        closes = datetime.combine(
            delivery - timedelta(days=1), time.fromisoformat(self.gate_closure), ZoneInfo(self.time_zone)
        )
        # In the local day's own time: an hour that the clock repeats is taken as its first.
        return closes.astimezone(ZoneInfo("UTC")) - timedelta(minutes=self.margin_minutes)

    def newest(self, now: datetime) -> tuple[date, datetime]:
        """The last delivery day whose forecast is due at `now`, and the instant that it is issued at."""
        day = now.astimezone(ZoneInfo(self.time_zone)).date() + timedelta(days=2)
        while self.issue(day) > now:
            day -= timedelta(days=1)
        return day, self.issue(day)


def _each_once(listed: list[Instrument]) -> list[Instrument]:
    symbols = [one.symbol for one in listed]
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise ValueError(f"{', '.join(twice)} is listed twice: a symbol has one source, one resolution")
    return listed


Instruments = Annotated[list[Instrument], AfterValidator(_each_once)]
"""All that are forecast so."""
