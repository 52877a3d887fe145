"""Forecasts that are recorded go to `ml-predictions`, each once.

A run is recorded first and marked as sent once its message stands on the topic. A process may end between the
two, so that what was written since is looked at before a message is sent.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg import sql

from workloads.kit import log_reader
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.forecast_run import FORECAST_ID
from workloads.kit.contracts.tables import FORECAST_RUNS, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaSettings

Identity = tuple[str, str, str, date, datetime]
"""Source, symbol, resolution, delivery day and issue of a run."""

_CLOCKS: Final = timedelta(minutes=10)
"""How far two machines' clocks may be apart."""

_TABLE: Final = sql.Identifier(SCHEMA, FORECAST_RUNS)
# Locked until they are marked: two processes at once share them out.
_UNSENT: Final = sql.SQL(
    "SELECT source, symbol, resolution, delivery_day, issued_at, message, made_at FROM {}"
    " WHERE outcome = 'forecast' AND sent_at IS NULL ORDER BY made_at, symbol FOR UPDATE SKIP LOCKED"
).format(_TABLE)
_MARK: Final = sql.SQL(
    "UPDATE {} SET sent_at = now() WHERE (source, symbol, resolution, delivery_day, issued_at)"
    " = (%s, %s, %s, %s, %s)"
).format(_TABLE)


class _Head(msgspec.Struct, frozen=True):
    """What names a run in its message; the messages of other versions have no `delivery_day`."""

    source: str
    symbol: str
    resolution: str
    delivery_day: date
    issued_at: datetime


def send(conn: Connection, settings: KafkaSettings) -> int:
    """Send what is recorded and not marked as sent, and mark it; returns how many went out.

    Raises:
        Aborted, ProducerLost, KafkaUnavailable: they stay as they are, and are sent by the next call.
    """
    with conn.transaction(), conn.cursor() as cursor:
        rows: list[tuple[Any, ...]] = cursor.execute(_UNSENT).fetchall()
        if not rows:
            return 0
        # Opening the producer ends what another left open: then the topic says what was sent.
        with TransactionalProducer(settings, FORECAST_ID) as producer:
            runs: dict[Identity, bytes] = {(*row[:3], row[3], row[4]): row[5] for row in rows}
            there = _on_topic(settings, min(row[6] for row in rows) - _CLOCKS)
            due = {identity: message for identity, message in runs.items() if identity not in there}
            if due:
                with producer.transaction() as tx:
                    for (_, symbol, *_), message in due.items():
                        tx.send(Output(topics.ML_PREDICTIONS, symbol, bytes(message)))
        cursor.executemany(_MARK, list(runs))
    return len(due)


def _on_topic(settings: KafkaSettings, since: datetime) -> set[Identity]:
    decode = decoder(_Head)

    def head(raw: bytes) -> _Head | None:
        return decode(raw) if b'"delivery_day"' in raw else None

    found = log_reader.read_committed_to_end(settings, topics.ML_PREDICTIONS, head, since)
    heads = (record.value for record in found)
    return {(h.source, h.symbol, h.resolution, h.delivery_day, h.issued_at) for h in heads if h is not None}
