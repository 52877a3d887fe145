"""Dead letters of commodity-prices: looked at, repaired and sent again, with a record of who did it.

Each group that refuses a message writes a letter of its own; here they are one, by the place that the message
has on the topic. What is sent again goes through the message's own checks and keeps its key, so that it joins
its series; a group that took the original already finds that it says nothing new. Letter and record are one
transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from workloads.kit.codec import DecodeError, decoder, encode
from workloads.kit.contracts.declared.price_pipeline import LETTERS_ID
from workloads.kit.contracts.earlier import PriceV1
from workloads.kit.contracts.messages import AuditEvent, NotKnownYet, Price
from workloads.kit.contracts.topics import COMMODITY_PRICES, PLATFORM_AUDIT, dead_letter
from workloads.kit.dead_letters import ORIGINAL_BYTES, Impossible
from workloads.kit.log_reader import read_committed_to_end
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output, Record
from workloads.kit.settings import KafkaSettings

ACTION: Final = "resend"
_SHOWN: Final = 300
"""Characters of a message that a list shows."""

_decode = decoder(Price)


@dataclass(slots=True)
class Letter:
    """A message of the topic that was refused.

    Attributes:
        place: `<partition>@<offset>` on the topic.
        groups: those that refused it.
        refused_ms: when the first did, by the broker's clock.
        fields: what the message holds, where it is JSON.
        cut: whether the letter holds less than the message.
        sent_again: when somebody did.
    """

    place: str
    key: str
    raw: bytes
    error: str
    reason: str
    refused_ms: int
    cut: bool
    groups: set[str] = field(default_factory=set[str])
    sent_again: datetime | None = None

    @property
    def fields(self) -> Mapping[str, Any]:
        try:
            found = msgspec.json.decode(self.raw)
        except (DecodeError, RecursionError, UnicodeDecodeError):
            return {}
        return found if isinstance(found, dict) else {}

    def summary(self) -> dict[str, Any]:
        """As JSON values, the message as it begins."""
        return {
            "place": self.place,
            "key": self.key,
            "error": self.error,
            "reason": self.reason,
            "groups": sorted(self.groups),
            "message": self.raw[:_SHOWN].decode(errors="backslashreplace"),
            "cut": self.cut,
            "sent_again": self.sent_again.isoformat() if self.sent_again else None,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant: those that meet all that is said.

    Args:
        places: these, whatever else they are.
        symbol: of the message, by its key or its own word.
        since, until: of its delivery start, both included; one that says none is not meant.
    """

    places: Collection[str] = ()
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def of(self, letters: Iterable[Letter]) -> list[Letter]:
        return [letter for letter in letters if self._means(letter)]

    def _means(self, letter: Letter) -> bool:
        if self.places and letter.place not in self.places:
            return False
        fields = letter.fields
        if self.symbol is not None and self.symbol not in (letter.key, fields.get("symbol")):
            return False
        if self.since is None and self.until is None:
            return True
        try:
            # A message of version 1 says event_time for it.
            start = msgspec.convert(fields.get("delivery_start", fields.get("event_time")), datetime)
            return (self.since or start) <= start <= (self.until or start)
        except (msgspec.ValidationError, TypeError):
            return False


class NotRepaired(Exception):
    """What would be sent is still no price."""


def read(settings: KafkaSettings) -> list[Letter]:
    """All letters of messages, in the order in which they were refused.

    Raises:
        KafkaUnavailable: the brokers do not answer.
    """
    found: dict[str, Letter] = {}
    for record in read_committed_to_end(settings, dead_letter(COMMODITY_PRICES), bytes):
        letter = _letter(record)
        if letter is not None:
            known = found.setdefault(letter.place, letter)
            known.groups |= letter.groups
    for record in read_committed_to_end(settings, PLATFORM_AUDIT, decoder(AuditEvent)):
        event = record.value
        if event.action == ACTION and (letter := found.get(event.subject.partition(" ")[2])) is not None:
            letter.sent_again = event.at
    return sorted(found.values(), key=lambda letter: letter.refused_ms)


def repaired(letter: Letter, changes: Mapping[str, Any], now: datetime) -> Price:
    """The price that a letter holds once `changes` are made to its fields; null takes a field away.

    Args:
        now: when it is sent: it has to be known by then.

    Raises:
        NotRepaired: it is none, and why.
    """
    if letter.error == Impossible.__name__:
        raise NotRepaired(
            f"{letter.place}: it was published and taken as it is: correct it at its source, which makes it "
            "a correction; sent again it would change what was known then"
        )
    if letter.cut:
        raise NotRepaired(
            f"{letter.place}: the letter holds the message's start alone: publish the price anew"
        )
    raw = letter.raw
    if changes:
        if not (fields := dict(letter.fields)):
            raise NotRepaired(
                f"{letter.place}: the message is no JSON object, so that it has no field to set"
            )
        own = PriceV1.__struct_fields__
        if fields.get("schema_version") == 1 and (others := sorted(set(changes) - set(own))):
            raise NotRepaired(
                f"{letter.place}: the message is of version 1, which has no {', '.join(others)}: it has"
                f" {', '.join(own)}"
            )
        fields |= changes
        raw = msgspec.json.encode({name: value for name, value in fields.items() if value is not None})
    try:
        price = _decode(raw)
        price.require_known(now)
        return price
    except (DecodeError, NotKnownYet) as error:
        raise NotRepaired(f"{letter.place}: {error}") from error


def send(
    settings: KafkaSettings,
    chosen: Sequence[tuple[Letter, Price]],
    changes: Mapping[str, Any],
    who: str,
    reason: str,
    now: datetime,
) -> None:
    """Send prices made of letters, and record it: all of it, or nothing.

    Raises:
        Aborted, ProducerLost, KafkaUnavailable: Kafka; nothing was sent.
    """
    with TransactionalProducer(settings, LETTERS_ID) as producer, producer.transaction() as transaction:
        for letter, price in chosen:
            event = AuditEvent(
                at=now,
                actor=who,
                action=ACTION,
                subject=f"{COMMODITY_PRICES} {letter.place}",
                reason=reason,
                detail={name: _plain(value) for name, value in changes.items()},
            )
            transaction.send(Output(COMMODITY_PRICES, price.message_key, encode(price)))
            transaction.send(Output(PLATFORM_AUDIT, price.message_key, encode(event)))


def _letter(record: Record[bytes]) -> Letter | None:
    """None for a row that a source's checks refused: it never was a message, and is mended at its source."""
    headers = dict(record.headers)
    if headers.get("topic") != COMMODITY_PRICES.encode() or "offset" not in headers:
        return None
    said = {name: content.decode(errors="backslashreplace") for name, content in headers.items()}
    return Letter(
        place=f"{said.get('partition', '')}@{said['offset']}",
        key=(record.key or b"").decode(errors="backslashreplace"),
        raw=record.raw,
        error=said.get("error", ""),
        reason=said.get("reason", ""),
        refused_ms=record.timestamp_ms,
        cut=ORIGINAL_BYTES in headers,
        groups={said["group"]} if said.get("group") else set(),
    )


def _plain(value: Any) -> str | int | float | bool | None:
    return (
        value if isinstance(value, str | int | float | bool | None) else msgspec.json.encode(value).decode()
    )
