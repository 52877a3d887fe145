"""What customers do, on `customer-events`: told by the platform itself, and by imports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal, get_args

import msgspec

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import EARLIEST, LATEST, Currency, Name, Utc, out_of_range

Kind = Literal["login", "api-call", "download", "scenario", "error", "purchase", "nps"]
"""What happened. data-api tells the first five; purchases and answers to the question of recommendation
(Net Promoter Score) come by import."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

ACTIVE: Final[tuple[Kind, ...]] = ("login", "api-call", "download", "scenario", "purchase")
"""What a customer does of its own will, and by which it is known to be alive."""

POINTS: Final[Mapping[Kind, float]] = {
    "login": 3.0,
    "api-call": 0.1,
    "download": 5.0,
    "scenario": 8.0,
    "error": -1.0,
    "purchase": 20.0,
}
"""What an event of a kind is worth to the engagement score; a purchase is the rarest and worth the most."""

PROMOTER, PASSIVE = 9, 7
"""Answers to the question of recommendation from these on; below `PASSIVE` it is a detractor's."""

CHURN_HIGH, CHURN_MEDIUM = 0.5, 0.2
"""Probabilities to be gone from these on; below `CHURN_MEDIUM` it is low."""

AMOUNT_LIMIT: Final = 1e12

CUT_LOCK: Final = 7_301_947_313
"""Advisory lock of the database of figures: shared by who writes events until they are committed, and taken
alone for a moment by who is about to read as of an instant, so that none of before it is still on its way."""

_SKEW: Final = timedelta(minutes=5)
"""How far clocks of two machines may be apart."""


class CustomerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a customer, which is a tenant; the message key is `customer`.

    `event_id` is its identity (a UUID as text): told again, it counts once. `subject` is the credential that
    acted, by its public id, or a hash: nothing that names a person. `occurred_at` is when it happened,
    `published_at` when its source knew of it: as of an instant before that, it is not known. `product` is
    what was used or bought. A `purchase` has an `amount` above 0 and its `currency`, `nps` a `score` of 0 to
    10, and no other kind has any of them. `status` is the answer's of an `error`.
    """

    topic: ClassVar[str] = topics.CUSTOMER_EVENTS

    schema_version: Literal[1] = 1
    event_id: Annotated[
        str, msgspec.Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$(?!\n)")
    ]
    customer: Name
    subject: Name
    kind: Kind
    occurred_at: Utc
    published_at: Utc
    source: Name
    product: Name | None = None
    amount: Annotated[float, msgspec.Meta(gt=0, le=AMOUNT_LIMIT)] | None = None
    currency: Currency | None = None
    score: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None
    status: Annotated[int, msgspec.Meta(ge=100, le=599)] | None = None

    def __post_init__(self) -> None:
        for field, time in (("occurred_at", self.occurred_at), ("published_at", self.published_at)):
            if not EARLIEST <= time < LATEST:
                raise out_of_range(field, time)
        if self.occurred_at - self.published_at > _SKEW:
            raise ValueError(
                f"published_at {self.published_at.isoformat()} is before it occurred,"
                f" {self.occurred_at.isoformat()}"
            )
        if (self.amount is None) == (self.kind == "purchase"):
            raise ValueError(
                f"amount {self.amount} of kind {self.kind}: a purchase has one, nothing else does"
            )
        if self.amount is not None and not math.isfinite(self.amount):
            raise ValueError(f"amount {self.amount} is no number")
        if (self.amount is None) != (self.currency is None):
            raise ValueError("an amount has a currency, and nothing else has one")
        if (self.score is None) == (self.kind == "nps"):
            raise ValueError(f"score {self.score} of kind {self.kind}: an answer (nps) has one, nothing else")

    @property
    def message_key(self) -> str:
        """What keeps a customer's events in order."""
        return self.customer
