"""Messages on the platform's topics, but for indicators (`indicators`) and versions of before (`earlier`).

Every class here is the one definition of its message: `kit.codec` encodes and decodes it, and
`kit.contracts.schema` writes its JSON Schema to `schemas/`, where a test refuses an incompatible change.
Readers ignore fields that they do not know. Times are UTC with a zone; prices are in `currency` per `unit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal, get_args

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.resolutions import lengths

Provenance = Literal["market", "replay", "synthetic"]
"""Where a price or an indicator comes from: `market` as the source dated it, `replay` a withheld market one
mapped onto today, `synthetic` made by the generator. Figures of synthetic and real data are never mixed."""

PROVENANCES: Final[tuple[Provenance, ...]] = get_args(Provenance)
"""All of them."""

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Times that a message may have, from the first up to the second. No market is older, none dates so far
ahead, and all that is computed from a time (another zone, a look-back of years) is still one."""

PRICE_LIMIT: Final = 1e12
"""Largest size of a price or indicator: beyond every commodity in every currency, and far below where a
square, a sum or a relative interval of them is no number any more."""

PRINTABLE: Final = r"[^\x00-\x1f\x7f-\x9f]"
"""A character that is no control character; PostgreSQL takes no NUL."""

END: Final = r"$(?!\n)"
"""The end of a text; Python's $ alone lets a line end pass."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]*{END}")]
Utc = Annotated[datetime, msgspec.Meta(tz=True)]
Currency = Annotated[str, msgspec.Meta(pattern=rf"^[A-Z]{{3}}{END}")]
Unit = Annotated[str, msgspec.Meta(min_length=1, max_length=16, pattern=rf"^{PRINTABLE}*{END}")]


Product = Literal["day-ahead", "intraday", "real-time", "settlement", "spot", "forward"]
"""What was traded: `day-ahead`, `intraday` and `forward` prices are known before their delivery, those of
`real-time`, `settlement` and `spot` not before it begins."""

Withdrawn = Literal["source", "platform"]
"""Who took a price back: its `source`, which has no price of the period any more, or we, the `platform`,
since the source's price is wrong."""

LEAD: Final[Mapping[str, timedelta]] = {
    "day-ahead": timedelta(days=8),
    "intraday": timedelta(days=8),
    "forward": timedelta(days=366 * 30),
}
"""How long before its delivery a price of a product may be known; 0 for the others. Day-ahead auctions clear
one to seven days ahead (the longest are those over holidays), forwards for years."""

Resolution = Annotated[
    str, msgspec.Meta(pattern=rf"^P([1-9]\d{{0,2}}[DWMY]|T0S|T[1-9]\d{{0,4}}[SMH]){END}", max_length=8)
]
"""Length of a series' delivery periods, as an ISO 8601 duration of one part: PT15M, PT1H, P1D (a local day,
of 23 to 25 hours), P1M. PT0S is an instant: a quote, of no period."""

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How much later than the clock that it is judged by a price may say it was published: clocks differ."""

INSTANT: Final = "PT0S"
SYNTHETIC_PREFIX: Final = "SYN-"


def out_of_range(field: str, time: datetime) -> ValueError:
    """Why a message has no such time."""
    return ValueError(f"{field} {time.isoformat()} is not within {EARLIEST:%Y} and {LATEST:%Y}")


class NotKnownYet(ValueError):
    """It says that it was published at a time that is yet to come."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema_version"):
    """What is said of a delivery period [`delivery_start`, `delivery_end`) in UTC: a price, or an indicator.

    `published_at` is when the market made it known; as of an instant means known by then. A message of the
    same source, series, `delivery_start` and `resolution` with a later `published_at` is a revision
    (`correction`), and the latest holds. What is replayed stands for what was withheld of `replayed_from`,
    mapped onto today: its period is as long as a step of the replay, its `resolution` the original's, which
    elsewhere the period has (`lengths`). Where
    the source says that a revision was published at a time at which it said otherwise, that is its
    `stated_at`, and `published_at` when it was met. Every time is within `EARLIEST` and `LATEST`.
    """

    source: Name
    delivery_start: Utc
    delivery_end: Utc
    resolution: Resolution
    published_at: Utc
    provenance: Provenance
    correction: bool = False
    replayed_from: Utc | None = None
    stated_at: Utc | None = None

    withdrawn: ClassVar[Withdrawn | None] = None
    """Of a message that takes back what it says; None of all that hold."""

    def __post_init__(self) -> None:
        # Every message comes through here: what is right is found so with few comparisons.
        start, end, published = self.delivery_start, self.delivery_end, self.published_at
        if not EARLIEST <= start <= end < LATEST or not start <= published < LATEST:
            self._check_times()
        if (self.resolution == INSTANT) != (start == end):
            raise ValueError(
                f"delivery_end {end.isoformat()} does not fit resolution {self.resolution} from"
                f" {start.isoformat()}: only an instant ({INSTANT}) has no length"
            )
        provenance, replayed_from = self.provenance, self.replayed_from
        if (replayed_from is None) == (provenance == "replay"):
            raise ValueError("what is replayed, and nothing else, has its true date in replayed_from")
        shortest, longest = lengths(self.resolution)
        if replayed_from is None and not shortest <= end - start <= longest:
            raise ValueError(
                f"delivery_end {end.isoformat()} does not fit resolution {self.resolution} from"
                f" {start.isoformat()}: that is a period of {end - start}"
            )
        if self.stated_at is not None and not EARLIEST <= self.stated_at <= published:
            raise ValueError(
                f"stated_at {self.stated_at.isoformat()} is later than published_at {published.isoformat()}"
            )
        if replayed_from is not None and not EARLIEST <= replayed_from < LATEST:
            raise out_of_range("replayed_from", replayed_from)

    def require_known(self, by: datetime) -> None:
        """That it was published when it was met, at `by`: what is known tomorrow is no knowledge today, and
        what is known in a hundred years would outlast each revision until then.

        Of a message that is the time at which it was written, so that each reading says the same.

        Raises:
            NotKnownYet: by more than `CLOCK_SKEW`.
        """
        if self.published_at - by > CLOCK_SKEW:
            raise NotKnownYet(
                f"published_at {self.published_at.isoformat()} is later than {by.isoformat()}, when it was"
                f" met, by more than {CLOCK_SKEW}: give the time at which the market made it known"
            )

    def _check_times(self) -> None:
        start, end, published = self.delivery_start, self.delivery_end, self.published_at
        for field, time in (("delivery_start", start), ("delivery_end", end), ("published_at", published)):
            if not EARLIEST <= time < LATEST:
                raise out_of_range(field, time)
        if end < start:
            raise ValueError(f"delivery_end {end.isoformat()} is before delivery_start {start.isoformat()}")
        what, lead = self._lead()
        if start - published > lead:
            raise ValueError(
                f"published_at {published.isoformat()} is before the delivery of {what},"
                f" {start.isoformat()}, by more than {lead}"
            )

    def _lead(self) -> tuple[str, timedelta]:
        """What it is, and how long before its delivery it may be known."""
        raise NotImplementedError


class Price(Delivered, frozen=True, kw_only=True, tag=2):
    """One price on `commodity-prices`; the message key is `symbol`.

    A price belongs to an instrument (`symbol`, `market`, `product`, `currency` per `unit`, `resolution`) and
    to a delivery period, as `Delivered` says. It is known before its delivery where an auction made it, and
    after its delivery began where it was measured. (source, symbol, delivery_start, resolution) is its
    identity. A revision that is `withdrawn` says that from `published_at` on there is no price of the period,
    until one is published again; `price` is the one that it takes back.
    """

    topic: ClassVar[str] = topics.COMMODITY_PRICES

    market: Name
    symbol: Name
    product: Product
    price: Annotated[float, msgspec.Meta(ge=-PRICE_LIMIT, le=PRICE_LIMIT)]
    currency: Currency
    unit: Unit
    withdrawn: Withdrawn | None = None  # type: ignore[misc]  # a message's own, where others have none

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.withdrawn is not None and not self.correction:
            raise ValueError(f"withdrawn {self.withdrawn}: only a correction takes a price back")
        if self.symbol.startswith(SYNTHETIC_PREFIX) != (self.provenance == "synthetic"):
            raise ValueError(
                f"symbol {self.symbol}: symbols of synthetic prices, and no others, start with"
                f" {SYNTHETIC_PREFIX}"
            )

    def _lead(self) -> tuple[str, timedelta]:
        return f"a {self.product} price", LEAD.get(self.product, timedelta(0))

    @property
    def message_key(self) -> str:
        """The key that the message must have: it keeps a series in one partition, in order."""
        return self.symbol

    @property
    def series(self) -> str:
        """Its series among those of its source."""
        return self.symbol

    @property
    def amount(self) -> float:
        """The number that it says, in its `terms`."""
        return self.price

    @property
    def terms(self) -> tuple[str, ...]:
        """What the number is of; another one under the same identity is a revision too."""
        return self.currency, self.unit, self.market, self.product


class Analytics(msgspec.Struct, frozen=True, kw_only=True):
    """Windows of one symbol as of one price, on `commodity-analytics`; the message key is `symbol`.

    Windows count sessions (successive event times of the symbol), not calendar days, so that week-ends and
    holidays do not thin them. A figure is None until its window is full. `volatility_*` is the standard
    deviation of the log returns (per session, not annualised), `trend_30` the least-squares slope of the log
    price per session; both are None while the window holds a price that is not positive. `event_time` is the
    price's `delivery_start`; `available_time` the newest `published_at` in the window. A window holds prices
    of one `resolution`, currency and unit.
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
    resolution: Resolution = "P1D"


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction of a symbol's next session, on `ml-predictions`; the message key is `symbol`.

    (source, symbol, event_time, price_available_time) names the price it was made from, by its
    `delivery_start` and `published_at`, or by that of a later correction in its window, and is its identity;
    a session is as long as its `resolution`.
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
    resolution: Resolution = "P1D"


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did by hand, on `platform-audit`. `subject` is what it was done to, `reason` why."""

    schema_version: Literal[1] = 1
    at: Utc
    actor: str
    action: Name
    subject: str
    reason: str
    detail: dict[str, str | int | float | bool | None] = {}
