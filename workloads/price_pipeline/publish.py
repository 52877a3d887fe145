"""From rows to messages: what is new, what changed, what is refused, and committing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import TypeVar

import msgspec
import stamina

from workloads.kit import codec
from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Price
from workloads.kit.producer import Aborted, TransactionalProducer
from workloads.kit.records import Output
from workloads.price_pipeline import refusals
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.rows import Refused, Unobserved, check
from workloads.price_pipeline.sources import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """Which event times are looked at: a range that was asked for, or from `look_back` before each series'
    watermark on."""

    since: datetime | None = None
    until: datetime | None = None
    look_back: timedelta | None = None

    @property
    def backfill(self) -> bool:
        """Whether a range was asked for."""
        return self.look_back is None

    def holds(self, price: Price, ledger: Ledger) -> bool:
        """Whether the price is to be looked at."""
        if self.look_back is None:
            return (self.since is None or price.event_time >= self.since) and (
                self.until is None or price.event_time <= self.until
            )
        watermark = ledger.newest(price.source, price.symbol)
        return watermark is None or price.event_time >= watermark - self.look_back


def publish(
    source: Source,
    window: Window,
    ledger: Ledger,
    producer: TransactionalProducer,
    clock: Callable[[], datetime],
    *,
    transaction_rows: int,
    counts: Counter[str],
) -> None:
    """Publish what the ledger lacks of `source`, in event-time order, a transaction each `transaction_rows`.

    The ledger follows what was committed. A failure leaves whole transactions behind and no part of one, and
    since each series was published in order, the next run goes on after them.

    `counts` gets, by row: published, corrections, skipped (known already), refused and of these dead_lettered
    (refused for the first time), unobserved (the source has no price there), older (before the window),
    early (not available yet), duplicates (given again by the same source), fault_<kind> (put in on purpose).

    Raises:
        SourceError: from the source; rows before it may have been published.
        Aborted, ProducerLost, KafkaUnavailable: from Kafka.
    """
    messages = _messages(source, window, ledger, clock, counts)
    for batch in _batches(messages, transaction_rows):
        commit(producer, batch)
        for message in batch:
            if isinstance(message, Refused):
                ledger.note_refused(message)
                counts["dead_lettered"] += 1
            else:
                ledger.note(message)
                counts["corrections" if message.correction else "published"] += 1


def settle(price: Price, ledger: Ledger, now: datetime, *, as_dated: bool) -> Price | None:
    """The message that brings `price` onto the topic; None where the topic has it.

    `as_dated` trusts the price's own available time. Without it a price that turns up behind its series'
    watermark counts as available from now on: the platform did not know it before.
    """
    known = ledger.price(price)
    if known == price.price:
        return None
    if known is not None:
        return msgspec.structs.replace(price, correction=True, available_time=now)
    watermark = ledger.newest(price.source, price.symbol)
    if not as_dated and watermark is not None and price.event_time < watermark:
        return msgspec.structs.replace(price, available_time=max(price.available_time, now))
    return price


def _messages(
    source: Source, window: Window, ledger: Ledger, clock: Callable[[], datetime], counts: Counter[str]
) -> Iterator[Price | Refused]:
    refused: set[tuple[str, bytes]] = set()
    prices: list[Price] = []

    def sound() -> Iterator[Price | Refused]:
        for row in source.rows(window.since, window.until):
            if row.fault:
                counts[f"fault_{row.fault}"] += 1
            result = check(row)
            if isinstance(result, Unobserved):
                counts["unobserved"] += 1
            elif isinstance(result, Price):
                if window.holds(result, ledger):
                    yield result
                else:
                    counts["older"] += 1
            else:
                counts["refused"] += 1
                if not ledger.refused(result) and (result.source, result.raw) not in refused:
                    refused.add((result.source, result.raw))
                    yield result

    for result in sound():
        if (
            source.ordered
            and prices
            and isinstance(result, Price)
            and result.event_time != prices[0].event_time
        ):
            yield from _due(prices, ledger, clock, window, counts)
            prices.clear()
        if isinstance(result, Refused):
            yield result
        else:
            prices.append(result)
    prices.sort(key=lambda price: price.event_time)
    for _, group in groupby(prices, key=lambda price: price.event_time):
        yield from _due(list(group), ledger, clock, window, counts)


def _due(
    prices: list[Price], ledger: Ledger, clock: Callable[[], datetime], window: Window, counts: Counter[str]
) -> Iterator[Price]:
    """Messages for the prices of one instant. Of two of one identity the source's last holds."""
    distinct = {(price.source, price.symbol): price for price in prices}
    counts["duplicates"] += len(prices) - len(distinct)
    now = clock()
    for price in distinct.values():
        if price.available_time > now:
            counts["early"] += 1
        elif (message := settle(price, ledger, now, as_dated=window.backfill)) is None:
            counts["skipped"] += 1
        else:
            yield message


def _output(message: Price | Refused) -> Output:
    if isinstance(message, Refused):
        return refusals.output(message)
    return Output(topics.COMMODITY_PRICES, message.symbol, codec.encode(message))


def commit(producer: TransactionalProducer, messages: Sequence[Price | Refused]) -> None:
    """Publish in one transaction, again if it was aborted."""
    for attempt in stamina.retry_context(on=Aborted, attempts=5, timeout=None):
        with attempt, producer.transaction() as transaction:
            transaction.send_all(map(_output, messages))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
