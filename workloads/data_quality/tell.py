"""Storing and publishing alerts outside of the consumer loop: those of the clock."""

from __future__ import annotations

from collections.abc import Sequence

from workloads.data_quality.alerts import insert
from workloads.kit.codec import encode
from workloads.kit.contracts import tables
from workloads.kit.contracts.quality import QualityAlert
from workloads.kit.db import Database
from workloads.kit.producer import TransactionalProducer
from workloads.kit.records import Output
from workloads.kit.settings import KafkaSettings


def tell(
    settings: KafkaSettings, database: Database, transactional_id: str, alerts: Sequence[QualityAlert]
) -> None:
    """Publish and store those alerts that are not in the table yet.

    They are published first: a crash before they are stored publishes them again, with the same ids.

    Raises:
        Transient, ProducerLost, KafkaUnavailable: nothing of it is stored; it may be tried again.
    """
    with database.transaction() as connection:
        there = {
            row[0]
            for row in connection.execute(
                f"SELECT id FROM {tables.QUALITY_ALERTS} WHERE id = ANY(%s)", ([one.id for one in alerts],)
            )
        }
        new = [one for one in alerts if one.id not in there]
        if new:
            with TransactionalProducer(settings, transactional_id) as producer, producer.transaction() as tx:
                tx.send_all(Output(QualityAlert.topic, one.source, encode(one)) for one in new)
            insert(connection, new)
