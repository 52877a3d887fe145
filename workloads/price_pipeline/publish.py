"""From rows to messages: what is new, what changed, what is refused, and committing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

import stamina

from workloads.kit import codec
from workloads.kit.contracts.indicators import Message
from workloads.kit.producer import Aborted, TransactionalProducer
from workloads.kit.records import Output
from workloads.price_pipeline import refusals
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.labels import Seen
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.marks import is_untimed
from workloads.price_pipeline.rows import RawRow, Refused, Unobserved
from workloads.price_pipeline.settle import follow, outcome, says, settle
from workloads.price_pipeline.sources import Source, SourceError

T = TypeVar("T")

_STATED_AHEAD: Final = timedelta(days=1)
"""How far from now a row may say that it will be published: a date alone is the end of its day."""
_WAITED_FOR: Final = timedelta(days=366)
"""For how long a row is held back whose time of publication follows from its delivery; one of later than that
is of a wrong date, or of a curve whose quotes have a time of their own."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which delivery starts are looked at: a range that was asked for, or from `look_back` before each
    series' watermark on, or before now where that is earlier."""

    since: datetime | None = None
    until: datetime | None = None
    look_back: timedelta | None = None

    @property
    def backfill(self) -> bool:
        """Whether a range was asked for."""
        return self.look_back is None

    def holds(self, price: Message, ledger: Ledger, now: datetime) -> bool:
        """Whether the price is to be looked at. What is delivered from now on always is: the near months of
        a forward curve are years before its last one."""
        if self.look_back is None:
            return (self.since is None or price.delivery_start >= self.since) and (
                self.until is None or price.delivery_start <= self.until
            )
        watermark = ledger.newest(price.source, price.series)
        return watermark is None or price.delivery_start >= min(watermark, now) - self.look_back


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
    """Publish what the ledger lacks of `source`, in order of delivery, a transaction each `transaction_rows`.

    The ledger follows what was committed. A failure leaves whole transactions behind and no part of one, and
    since each series was published in order, the next run goes on after them.

    `counts` gets, by row: published, corrections, withdrawn, skipped (known already), refused and of these
    dead_lettered (refused for the first time), unobserved (the source has no price there), older (before the
    window), early (not published yet, and waited for), duplicates (given again by the source with the same
    price), fault_<kind> (put in on purpose). Of two prices of one identity the source's last holds, and the
    other is refused: a column that tells them apart may not be configured.

    Raises:
        SourceError: from the source; rows before it may have been published.
        Aborted, ProducerLost, KafkaUnavailable: from Kafka.
    """
    found = messages(source, window, ledger, clock, counts)
    for batch in _batches(found, transaction_rows):
        commit(producer, batch)
        for message in batch:
            if isinstance(message, Refused):
                ledger.note_refused(message)
                counts["dead_lettered"] += 1
            else:
                ledger.note(message)
                counts[outcome(message)] += 1


class _Found(NamedTuple):
    """A price or an indicator, and the row that gave it."""

    price: Message
    row: RawRow

    @property
    def stated(self) -> bool:
        return self.row.published_at is not None and not is_untimed(self.row)


def messages(
    source: Source, window: Window, ledger: Ledger, clock: Callable[[], datetime], counts: Counter[str]
) -> Iterator[Message | Refused]:
    """What publishing the source would write, in order of delivery; the ledger stays as it is."""
    told: set[tuple[str, str, bytes]] = set()
    seen = Seen()
    found: list[_Found] = []

    def refuse(refused: Refused) -> Iterator[Refused]:
        counts["refused"] += 1
        fault = (refused.source, refused.symbol, refused.raw)
        if not ledger.refused(refused) and fault not in told:
            told.add(fault)
            yield refused

    def due() -> Iterator[Message | Refused]:
        found.sort(key=lambda one: one.price.delivery_start)
        for _, group in groupby(found, key=lambda one: one.price.delivery_start):
            chosen, given_up = _distinct(list(group), counts)
            for refused in given_up:
                yield from refuse(refused)
            for one in _due(chosen, ledger, clock, window, counts):
                yield from refuse(one) if isinstance(one, Refused) else (one,)
        found.clear()

    for row in source.rows(window.since, window.until):
        if row.fault:
            counts[f"fault_{row.fault}"] += 1
        result = check(row, seen)
        if isinstance(result, Unobserved):
            counts["unobserved"] += 1
        elif isinstance(result, Refused):
            yield from refuse(result)
        elif not window.holds(result, ledger, clock()):
            counts["older"] += 1
        else:
            if source.ordered and found and result.delivery_start != found[0].price.delivery_start:
                yield from due()
            found.append(_Found(result, row))
    yield from due()


def _distinct(found: list[_Found], counts: Counter[str]) -> tuple[list[_Found], list[Refused]]:
    """Of the prices of one delivery start: those to publish, in the order in which they became known, and
    those that another one of the same identity, known at the same time, contradicts. The source's last
    holds; had the source a column more that tells them apart, it is lost no more than any refused row."""
    kept: dict[tuple[str, str, str, datetime], _Found] = {}
    given_up: list[Refused] = []
    for one in found:
        price = one.price
        key = (price.source, price.series, price.resolution, price.published_at)
        before = kept.pop(key, None)
        if before is not None:
            if before.price == price:
                counts["duplicates"] += 1
            elif (price.withdrawn is None) != (before.price.withdrawn is None):
                # Taken back and given again at once: the price holds, wherever the rows stand.
                counts["duplicates"] += 1
                one = one if price.withdrawn is None else before
            else:
                now, was = (
                    ", ".join(map(str, says(of))) if price.amount == before.price.amount else of.amount
                    for of in (price, before.price)
                )
                reason = f"{price.delivery_start:%Y-%m-%dT%H:%MZ} is given again with {now}, not {was}:"
                reason += " the later row holds; is a column missing in `columns`?"
                given_up.append(_given_up(before, "identity", reason))
        kept[key] = one
    return sorted(kept.values(), key=lambda one: one.price.published_at), given_up


def _due(
    found: list[_Found], ledger: Ledger, clock: Callable[[], datetime], window: Window, counts: Counter[str]
) -> Iterator[Message | Refused]:
    """Messages for rows of one delivery start; each is the ledger's before the next is settled."""
    now = clock()
    pending: dict[tuple[str, str, str], Message] = {}
    due: list[_Found] = []
    for one in found:
        if one.price.published_at <= now or (one.price.withdrawn is not None and not one.stated):
            due.append(one)
        elif (reason := _too_early(one, now)) is None:
            counts["early"] += 1
        else:
            yield _given_up(one, "published_at", reason)
    last = {_identity(one.price): one for one in due}
    for one in due:
        price, identity = one.price, _identity(one.price)
        if (before := pending.get(identity)) is not None:
            # A second revision in one run: what it is compared with is not on the topic yet.
            if (message := follow(before, price, stated=one.stated)) is not None:
                pending[identity] = message
                yield message
            continue
        held = ledger.held(price)
        if one is not last[identity] and held is not None and price.published_at <= held.published_at:
            # History of the price: published, or overtaken by the revision that follows.
            counts["skipped"] += 1
            continue
        try:
            message = settle(price, ledger, now, stated=one.stated, as_dated=window.backfill)
        except ValueError as error:
            remedy = "where it was known in time, give `columns.published_at`, or run with --backfill"
            yield _given_up(one, "published_at", f"{error}; {remedy}")
            continue
        if message is None:
            counts["unobserved" if price.withdrawn and held is None else "skipped"] += 1
        else:
            pending[identity] = message
            yield message


def _too_early(one: _Found, now: datetime) -> str | None:
    """Why a price that is not published yet is not waited for; None where it is."""
    longest = _STATED_AHEAD if one.stated else _WAITED_FOR
    if one.price.published_at - now <= longest:
        return None
    remedy = (
        "is it read as the source means it? `published_format` and `time_zone` say how"
        if one.stated
        else "is the delivery's date right? Quotes of so far ahead say theirs by columns.published_at"
    )
    return (
        f"published_at {one.price.published_at.isoformat()} of the delivery of"
        f" {one.price.delivery_start.isoformat()} is more than {longest.days} d from now: {remedy}"
    )


def _given_up(one: _Found, error: str, reason: str) -> Refused:
    price, row = one.price, one.row
    return Refused(
        price.source, price.series, row.raw, error, reason, row.line, price.topic, row.terms.workload
    )


def _identity(price: Message) -> tuple[str, str, str]:
    """Of messages of one delivery start."""
    return price.source, price.series, price.resolution


def _output(message: Message | Refused) -> Output:
    if isinstance(message, Refused):
        return refusals.output(message)
    return Output(message.topic, message.message_key, codec.encode(message))


def commit(producer: TransactionalProducer, messages: Sequence[Message | Refused]) -> None:
    """Publish in one transaction, again if it was aborted."""
    for attempt in stamina.retry_context(on=Aborted, attempts=5, timeout=None):
        with attempt, producer.transaction() as transaction:
            transaction.send_all(map(_output, messages))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Of so many each; where the items end in a SourceError, those that came before it, too."""
    batch: list[T] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except SourceError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
