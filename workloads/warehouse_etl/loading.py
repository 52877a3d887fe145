"""The staging topic to the raw layer: each message once, its offset moving with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
import structlog
from confluent_kafka import Consumer
from psycopg.types.json import Jsonb

from workloads.kit import codec, kafka
from workloads.kit.contracts import topics
from workloads.kit.contracts.declaration import NO_GROUP
from workloads.kit.contracts.warehouse import StagedRows
from workloads.kit.db import Connection
from workloads.kit.dead_letters import MAX_BYTES, text_of
from workloads.kit.log_reader import bounds, read_ranges
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output, Record
from workloads.warehouse_etl import drift
from workloads.warehouse_etl.extract import batches
from workloads.warehouse_etl.settings import WarehouseSettings

_log: Any = structlog.get_logger(__name__)

_decode = codec.decoder(StagedRows)


@dataclass(frozen=True)
class _Poison:
    error: str


@dataclass
class Loaded:
    """What was loaded, and how many messages were set aside."""

    rows: int = 0
    loads: int = 0
    poison: int = 0

    def add(self, staged: StagedRows | _Poison) -> None:
        """What a message brought."""
        if isinstance(staged, StagedRows):
            self.rows += len(staged.rows)
            self.loads += staged.end is not None


def drain(settings: WarehouseSettings, connection: Connection, producer: TransactionalProducer) -> Loaded:
    """Load all that the topic has now.

    Raises:
        KafkaUnavailable: the brokers are away; what was loaded stays.
    """
    done, dead = Loaded(), topics.dead_letter(settings.staging_topic)
    for records in read_ranges(settings, settings.staging_topic, _ranges(settings, connection), _taken):
        for some in batches(records, settings.transaction_messages):
            try:
                with connection.transaction():
                    for record in some:
                        _apply(connection, record)
            except (psycopg.Error, Incomplete) as error:
                if not _is_its_own(error):
                    raise
                # One of them cannot be loaded: each by itself, and that one is set aside.
                for record in some:
                    _alone(connection, producer, record, dead, done)
            else:
                _set_aside(producer, dead, [one for one in some if isinstance(one.value, _Poison)], done)
                for record in some:
                    done.add(record.value)
    return done


class Incomplete(Exception):
    """A load's last message came, and not all of its rows are there."""


_OF_A_MESSAGE = ("22", "23", "54")
"""Classes of SQLSTATE: bad data, a broken constraint, a limit. All else is the server's."""


def _is_its_own(error: Exception) -> bool:
    """Whether a message is at fault, so that the others can be loaded without it."""
    return isinstance(error, Incomplete) or (
        isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in _OF_A_MESSAGE
    )


def _taken(raw: bytes) -> StagedRows | _Poison:
    try:
        return _decode(raw)
    except Exception as error:  # whatever is in it, the topic is read on
        return _Poison(f"{type(error).__name__}: {text_of(error)}")


def _alone(
    connection: Connection,
    producer: TransactionalProducer,
    record: Record[StagedRows | _Poison],
    dead: str,
    done: Loaded,
) -> None:
    try:
        with connection.transaction():
            _apply(connection, record)
        poison = [record] if isinstance(record.value, _Poison) else []
    except (psycopg.Error, Incomplete) as error:
        if not _is_its_own(error):
            raise
        record = msgspec.structs.replace(record, value=_Poison(f"{type(error).__name__}: {text_of(error)}"))
        poison = [record]
    # The letter first: sent twice it is a nuisance, never sent a loss.
    _set_aside(producer, dead, poison, done)
    done.add(record.value)
    with connection.transaction():
        _moved(connection, record)


def _apply(connection: Connection, record: Record[StagedRows | _Poison]) -> None:
    staged = record.value
    if isinstance(staged, StagedRows):
        if staged.rows:
            connection.execute(
                "INSERT INTO raw.records (load_id, ordinal, source, table_name, operation, key, record)"
                " SELECT %s, %s + number - 1, %s, %s, %s, item ->> 0, item -> 1"
                " FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS items (item, number)",
                (
                    staged.load_id,
                    staged.first,
                    staged.source,
                    staged.table,
                    staged.operation,
                    msgspec.json.encode(staged.rows).decode(),
                ),
            )
        if staged.end is not None:
            _end(connection, staged)
    _moved(connection, record)


def _end(connection: Connection, staged: StagedRows) -> None:
    end = staged.end
    if end is None:
        return
    row = connection.execute(
        "SELECT count(*) FROM raw.records WHERE load_id = %s", (staged.load_id,)
    ).fetchone()
    if row is None or row[0] != end.rows + end.deletes:
        raise Incomplete(f"load {staged.load_id} has {end.rows + end.deletes} rows, and {row} came")
    connection.execute(
        "INSERT INTO etl.loads (load_id, source, table_name, read_at, rows, deletes, watermark, columns)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            staged.load_id,
            staged.source,
            staged.table,
            staged.read_at,
            end.rows,
            end.deletes,
            end.watermark,
            Jsonb(end.columns),
        ),
    )
    for file in end.files:
        connection.execute(
            "INSERT INTO etl.files (source, table_name, file, digest, load_id) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (source, table_name, file)"
            " DO UPDATE SET digest = excluded.digest, load_id = excluded.load_id",
            (staged.source, staged.table, file.name, file.digest, staged.load_id),
        )
    drift.state(connection, staged.source, staged.table, staged.read_at, now="ready", columns=end.columns)


def _moved(connection: Connection, record: Record[Any]) -> None:
    connection.execute(
        "INSERT INTO etl.offsets (partition, next_offset) VALUES (%s, %s)"
        " ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset",
        (record.partition, record.offset + 1),
    )


def _set_aside(
    producer: TransactionalProducer, dead: str, poison: Sequence[Record[StagedRows | _Poison]], done: Loaded
) -> None:
    if not poison:
        return
    with producer.transaction() as transaction:
        for record in poison:
            reason = record.value.error if isinstance(record.value, _Poison) else ""
            _log.error(
                "staged_message_refused", offset=record.offset, partition=record.partition, error=reason
            )
            transaction.send(
                Output(
                    dead,
                    key=record.key,
                    value=record.raw[:MAX_BYTES],
                    headers=[
                        ("reason", reason.encode()[:2000]),
                        ("source_offset", f"{record.partition}@{record.offset}".encode()),
                    ],
                )
            )
    done.poison += len(poison)


def _ranges(settings: WarehouseSettings, connection: Connection) -> dict[int, tuple[int, int]]:
    known = dict(connection.execute("SELECT partition, next_offset FROM etl.offsets").fetchall())
    # All that was written, not all that is committed by now: a commit is told before its mark is on the
    # topic. Of an older producer nothing is open, since ours fenced it off.
    uncommitted = {"isolation.level": "read_uncommitted"}
    reader = Consumer({**kafka.reading(settings), **uncommitted, "group.id": NO_GROUP})
    try:
        there = bounds(reader, settings, settings.staging_topic)
    finally:
        reader.close()
    # What the topic no longer has is passed over; a topic that was made anew starts from its beginning.
    return {
        partition: (max(low, at) if (at := known.get(partition, 0)) <= high else low, high)
        for partition, (low, high) in there.items()
    }
