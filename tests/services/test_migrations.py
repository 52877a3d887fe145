from __future__ import annotations

from tests.services.clients import KafkaClient, MigratedDatabase


def test_smoke(database: MigratedDatabase, kafka: KafkaClient) -> None:
    assert database.query("SELECT count(*) FROM commodity_prices_daily") == [(0,)]
    t = kafka.topic()
    kafka.produce(t, [b"1", b"2"])
    assert [r.raw for r in kafka.read(t)]
