"""Messages on the platform's topics.

Every class here is the one definition of its message: `kit.codec` encodes and decodes it, and
`kit.contracts.schema` writes its JSON Schema to `schemas/`, where a test refuses an incompatible change.
Readers ignore fields that they do not know. Times are UTC with a zone; prices are in `currency` per `unit`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

Provenance = Literal["market", "replay", "synthetic"]
"""Where a price comes from: `market` as the source dated it, `replay` a withheld market price mapped onto
today, `synthetic` made by the generator. Figures of synthetic and real data are never mixed."""

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Times that a price may have, from the first up to the second. No market is older, none dates so far ahead,
and all that is computed from a time (another zone, a look-back of years) is still one."""

PRICE_LIMIT: Final = 1e12
"""Largest size of a price: beyond every commodity in every currency, and far below where a square, a sum or a
relative interval of prices is no number any more."""

PRINTABLE: Final = r"[^\x00-\x1f\x7f-\x9f]"
"""A character that is no control character; PostgreSQL takes no NUL."""

_END: Final = r"$(?!\n)"  # Python's $ alone lets a line end pass

Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]*{_END}")
]
Utc = Annotated[datetime, msgspec.Meta(tz=True)]
Currency = Annotated[str, msgspec.Meta(pattern=rf"^[A-Z]{{3}}{_END}")]
Unit = Annotated[str, msgspec.Meta(min_length=1, max_length=16, pattern=rf"^{PRINTABLE}*{_END}")]


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One price on `commodity-prices`; the message key is `symbol`.

    (source, symbol, event_time) is its identity. A later message of the same identity with another price
    is a correction: the one with the later `available_time` holds. `event_time` is the instant the price
    refers to, `available_time` the first instant at which the platform could know it, never earlier.
    `replayed_from` is the true date of a replayed price, and only a replayed price has one. Every time is
    within `EARLIEST` and `LATEST`.
    """

    schema_version: Literal[1] = 1
    source: Name
    market: Name
    symbol: Name
    event_time: Utc
    available_time: Utc
    price: Annotated[float, msgspec.Meta(ge=-PRICE_LIMIT, le=PRICE_LIMIT)]
    currency: Currency
    unit: Unit
    provenance: Provenance
    correction: bool = False
    replayed_from: Utc | None = None

    def __post_init__(self) -> None:
        replayed_from = self.replayed_from
        if not EARLIEST <= self.event_time < LATEST:
            raise _out_of_range("event_time", self.event_time)
        if not EARLIEST <= self.available_time < LATEST:
            raise _out_of_range("available_time", self.available_time)
        if replayed_from is not None and not EARLIEST <= replayed_from < LATEST:
            raise _out_of_range("replayed_from", replayed_from)
        if (replayed_from is None) == (self.provenance == "replay"):
            raise ValueError("a replayed price, and no other, has its true date in replayed_from")


class Analytics(msgspec.Struct, frozen=True, kw_only=True):
    """Windows of one symbol as of one price, on `commodity-analytics`; the message key is `symbol`.

    Windows count sessions (successive event times of the symbol), not calendar days, so that week-ends and
    holidays do not thin them. A figure is None until its window is full. `volatility_*` is the standard
    deviation of the log returns (per session, not annualised), `trend_30` the least-squares slope of the log
    price per session; both are None while the window holds a price that is not positive.
    """

    schema_version: Literal[1] = 1
    source: Name
    market: Name
    symbol: Name
    event_time: Utc
    available_time: Utc
    provenance: Provenance
    last: float
    mean_7: float | None
    mean_30: float | None
    volatility_7: float | None
    volatility_30: float | None
    trend_30: float | None
    sessions: int


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction of a symbol's next session, on `ml-predictions`; the message key is `symbol`.

    (source, symbol, event_time, price_available_time) names the price it was made from and is its identity.
    `predicted_return` is the log return over one session; `lower` and `upper` bound the price at
    `nominal_level`. `skill_score` is the model's relative improvement over the naive last value in mean
    absolute error on a later window that it had not seen (1 - MAE / MAE_naive). `skill` is `none` unless the
    model passed its gate: then the figure is published as information, never as a good prediction.
    `model_version` 0 is the naive last value itself, used while a symbol has no model or no full window.
    """

    schema_version: Literal[1] = 1
    source: Name
    market: Name
    symbol: Name
    event_time: Utc
    price_available_time: Utc
    available_time: Utc
    provenance: Provenance
    horizon_sessions: Literal[1] = 1
    price: float
    predicted_return: float
    prediction: float
    lower: float
    upper: float
    nominal_level: float
    model_name: str
    model_version: int
    model_alias: Literal["champion", "challenger", "naive"]
    skill: Literal["proven", "none"]
    skill_score: float | None
    replayed_from: Utc | None = None


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did by hand, on `platform-audit`. `subject` is what it was done to, `reason` why."""

    schema_version: Literal[1] = 1
    at: Utc
    actor: str
    action: Name
    subject: str
    reason: str
    detail: dict[str, str | int | float | bool | None] = {}


def _out_of_range(field: str, time: datetime) -> ValueError:
    return ValueError(f"{field} {time.isoformat()} is not within {EARLIEST:%Y} and {LATEST:%Y}")


MESSAGES: dict[str, type[msgspec.Struct]] = {
    "commodity-prices": Price,
    "commodity-analytics": Analytics,
    "ml-predictions": Prediction,
    "platform-audit": AuditEvent,
}
