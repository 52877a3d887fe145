"""What a price or an indicator is, given what was published of its period: new, a correction, a withdrawal,
or known already."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar, cast

import msgspec

from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price
from workloads.price_pipeline.ledger import Held, Ledger

M = TypeVar("M", bound=Message)

_MICROSECOND: Final = timedelta(microseconds=1)


def outcome(message: Message) -> Literal["published", "corrections", "withdrawn"]:
    """As what a message counts."""
    if message.withdrawn is not None:
        return "withdrawn"
    return "corrections" if message.correction else "published"


def settle(price: M, ledger: Ledger, now: datetime, *, stated: bool, as_dated: bool) -> M | None:
    """The message that brings `price` onto the topic; None where the topic has it.

    A price, currency, unit, market or product that differs from what is held is a correction; likewise an
    indicator's value or unit. A price that the source withdraws takes back what is held, if anything is; one
    that was withdrawn is published again where the source gives it again. What the platform took back is not,
    while the source says what it said; where the source withdraws it, too, that is what the source said last.

    Args:
        stated: the source itself says when the market published this price: then that holds, and one from
            before what the source said last is a revision of the past. Otherwise, and where it dates a
            correction from before what is held, it counts as published now; and so does a price that turns
            up behind its series' watermark: nobody knew it before.
        as_dated: trust the source's lag for the latter too: history is filled.

    Raises:
        ValueError: a forecast turns up when its delivery is over, and nothing says that it was known before.
    """
    held = ledger.held(price)
    if isinstance(price, Price) and price.withdrawn is not None:
        taken_back = ledger.taken_back(price)
        if taken_back is None:
            return None
        price = cast("M", taken_back)
    if held is not None:
        if _is_known(price, held, ledger) or (stated and price.published_at < held.stated_at):
            return None
        if stated and price.published_at > held.published_at:
            return msgspec.structs.replace(price, correction=True)
        # Never before what it corrects, whatever the clock says.
        return msgspec.structs.replace(
            price,
            published_at=max(now, held.published_at + _MICROSECOND),
            stated_at=price.published_at if stated else None,
            correction=True,
        )
    watermark = ledger.newest(price.source, price.series)
    if not stated and not as_dated and watermark is not None and price.delivery_start < watermark:
        return msgspec.structs.replace(price, published_at=max(price.published_at, now))
    return price


def follow(before: Message, price: Message, *, stated: bool) -> Message | None:
    """The message that brings `price` after `before` of the same run, which no ledger has yet; None where it
    says the same."""
    if says(before) == says(price):
        return None
    message = before if price.withdrawn is not None and isinstance(before, Price) else price
    known = max(price.published_at, before.published_at + _MICROSECOND)
    revised = msgspec.structs.replace(
        message,
        correction=True,
        published_at=known,
        stated_at=price.published_at if stated and known != price.published_at else None,
    )
    if isinstance(revised, Price):
        return msgspec.structs.replace(revised, withdrawn=price.withdrawn)
    return revised


def says(message: Message) -> tuple[object, ...]:
    """What it says of its period."""
    return ("withdrawn",) if message.withdrawn else (message.amount, *message.terms)


def _is_known(message: Message, held: Held, ledger: Ledger) -> bool:
    """What the platform took back is, too, however the source dates it."""
    return message.withdrawn is None and held.withdrawn != "source" and ledger.same(message, held)
