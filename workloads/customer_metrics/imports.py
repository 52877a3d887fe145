"""Purchases, answers (NPS) and other doings of customers from a CSV, onto `customer-events`.

Columns: customer, kind, occurred_at (ISO 8601 with a zone), and amount with currency, or score; product,
subject, published_at and id where there are. Without `id` a row is known by what it says, so that a file
that is imported again adds nothing, and two rows that say the same are one. Without `published_at` it is
known from now on: what was computed as of before does not change, and figures that learn from the past do
not use it for that past. Rows that are no event are left out and named: line, field, value, remedy.
"""

from __future__ import annotations

import csv
import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from workloads.kit.codec import encode
from workloads.kit.contracts.customers import KINDS, CustomerEvent
from workloads.kit.contracts.declared.customer_metrics import CUSTOMER_IMPORT_ID
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaSettings

SOURCE: Final = "import"
_NEEDED: Final = ("customer", "kind", "occurred_at")
COLUMNS: Final = (*_NEEDED, "amount", "currency", "score", "product", "subject", "published_at", "id")
_TOGETHER: Final = 10_000
"""Events a transaction: it ends long before the brokers lose patience."""
_SHOWN: Final = 60
_SKEW: Final = timedelta(minutes=5)
"""How far the clock of who wrote the file may be ahead."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]+", re.ASCII)
"""What Python takes besides (1_000, digits of other scripts) is a slip in a file."""

_IDS: Final = uuid.UUID("0f0a7a0e-7a3e-5d6c-9a53-6f6c2f0f4b11")

_REMEDIES: Final[Mapping[str, str]] = {
    "customer": "give the tenant's name: letters, digits, . _ -",
    "kind": f"give one of {', '.join(KINDS)}",
    "occurred_at": "give a time with its zone, such as 2026-03-01T12:00:00Z",
    "published_at": "give a time with its zone, not before occurred_at, or leave the column out",
    "amount": "give a purchase an amount above 0, with a dot for decimals, and nothing else one",
    "currency": "give three capital letters, such as EUR, with an amount",
    "score": "give an answer (nps) a whole number from 0 to 10, and nothing else one",
    "product": "give letters, digits, . _ -, or leave it empty",
    "subject": "give the id of a credential, or leave it empty",
    "id": "give each event of a customer and kind an id of its own, or leave the column out",
}


class BadFile(Exception):
    """It is no file of this kind: what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is no event."""

    line: int
    field: str
    value: str
    detail: str

    def __str__(self) -> str:
        remedy = _REMEDIES.get(self.field, "see docs/customers.md")
        return f"line {self.line}: {self.field} {self.value[:_SHOWN]!r}: {self.detail}; {remedy}"


def read(lines: Iterable[str], now: datetime) -> Iterator[CustomerEvent | BadRow]:
    """An event or what is wrong with it, a row.

    Raises:
        BadFile: a column is missing, unknown or there twice.
    """
    rows = csv.reader(_without_mark(lines), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
    except csv.Error as error:
        raise BadFile(f"line 1: {error}; save it as CSV with commas") from error
    _check(header)
    seen: dict[str, tuple[int, int]] = {}
    while True:
        first = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            read = f"nothing of lines {first} to {rows.line_num} was read"
            detail = f"{error}; {read}: look for a quote that stays open"
            yield BadRow(first, "row", "", detail)
            continue
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            yield BadRow(rows.line_num, "row", ",".join(row), f"it has {len(row)} cells of {len(header)}")
            continue
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        event = _event(rows.line_num, cells, now)
        if isinstance(event, CustomerEvent) and cells.get("id"):
            said = msgspec.structs.replace(event, published_at=event.occurred_at)
            line, before = seen.setdefault(event.event_id, (rows.line_num, hash(said)))
            if before != hash(said):
                detail = f"line {line} has the same and says something else"
                yield BadRow(rows.line_num, "id", cells["id"], detail)
                continue
        yield event


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Lines without the mark of byte order that spreadsheets begin a file with, before a quote, too."""
    for number, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if number == 0 else line


def _check(header: list[str]) -> None:
    if missing := [name for name in _NEEDED if name not in header]:
        raise BadFile(f"column {', '.join(missing)} is missing; the columns are {', '.join(COLUMNS)}")
    if unknown := [name for name in header if name not in COLUMNS]:
        raise BadFile(f"column {', '.join(unknown)[:_SHOWN]!r} is unknown; take it out: no more is kept")
    if len(set(header)) != len(header):
        raise BadFile("a column is there twice; keep one of each name")


def _event(line: int, cells: Mapping[str, str], now: datetime) -> CustomerEvent | BadRow:
    try:
        values = _values(cells, now)
    except _Wrong as wrong:
        return BadRow(line, wrong.field, cells.get(wrong.field, ""), wrong.detail)
    try:
        return msgspec.convert(values, CustomerEvent)
    except msgspec.ValidationError as error:
        field = _field(str(error), cells)
        return BadRow(line, field, cells.get(field, ""), str(error))


class _Wrong(Exception):
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.detail = field, detail


def _values(cells: Mapping[str, str], now: datetime) -> dict[str, Any]:
    occurred, published = _time(cells, "occurred_at"), _time(cells, "published_at")
    if occurred is None:
        raise _Wrong("occurred_at", "it is empty")
    for field, time in (("occurred_at", occurred), ("published_at", published)):
        if time is not None and time - now > _SKEW:
            raise _Wrong(field, "it is in the future")
    says = {
        "customer": cells["customer"],
        "kind": cells["kind"],
        "subject": cells.get("subject") or None,
        "occurred_at": occurred,
        "product": cells.get("product") or None,
        "amount": _number(cells, "amount", _NUMBER, float),
        "currency": cells.get("currency") or None,
        "score": _number(cells, "score", _WHOLE, int),
    }
    # By what is said, not by how: 10 and 10.00 are one amount. Orders and answers may count from 1 each.
    known = [cells["customer"], cells["kind"], cells["id"]] if cells.get("id") else list(says.values())
    event_id = str(uuid.uuid5(_IDS, hashlib.sha256(msgspec.json.encode(known)).hexdigest()))
    # Who answered is not known, so that no other answer of the customer takes this one's place.
    anybody = event_id if cells["kind"] == "nps" else SOURCE
    return {
        **says,
        "event_id": event_id,
        "subject": says["subject"] or anybody,
        "published_at": published or max(now, occurred),
        "source": SOURCE,
    }


def _time(cells: Mapping[str, str], field: str) -> datetime | None:
    text = cells.get(field)
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise _Wrong(field, "it has no zone")
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Wrong(field, "it is no time") from error


def _number(
    cells: Mapping[str, str], field: str, form: re.Pattern[str], kind: type[float] | type[int]
) -> float | int | None:
    text = cells.get(field)
    if not text:
        return None
    # Of a number with thousands of digits, Python's own conversion to an integer would end.
    if not form.fullmatch(text) or len(text) > _SHOWN:
        raise _Wrong(field, "it is no number")
    return kind(text)


def _field(said: str, cells: Mapping[str, str]) -> str:
    """The field that a message of msgspec is about: by its path, or by the first word that names one."""
    _, _, path = said.partition("`$.")
    if path:
        return path.partition("`")[0]
    words = (word.strip(",:;()") for word in said.split())
    return next((word for word in words if word in _REMEDIES and word in cells), "row")


def publish(settings: KafkaSettings, events: Iterable[CustomerEvent]) -> int:
    """Send them in transactions; again the same ones change nothing. Returns how many.

    Raises:
        KafkaUnavailable, ProducerLost, Aborted: what was sent before stays; import the file again.
    """
    sent = 0
    batch: list[CustomerEvent] = []
    with TransactionalProducer(settings, CUSTOMER_IMPORT_ID) as producer:

        def send() -> int:
            with producer.transaction() as transaction:
                transaction.send_all(Output(one.topic, one.message_key, encode(one)) for one in batch)
            return len(batch)

        for event in events:
            batch.append(event)
            if len(batch) >= _TOGETHER:
                sent += send()
                batch.clear()
        if batch:
            sent += send()
    return sent
