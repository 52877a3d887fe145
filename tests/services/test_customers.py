"""customer-consumer and what feeds it, as deployed: processes, Kafka, PostgreSQL."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask_openapi3.openapi import OpenAPI
from prometheus_client import REGISTRY
from psycopg import sql

from tests import nasty
from tests.services.access import add_key, client, entitle, let_in
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish, running
from tests.services.servers import free_ports, until
from tests.services.test_access import settings
from workloads.data_api.app import create_app
from workloads.data_api.store import Store, StoreAway
from workloads.data_api.told import Told, ToldSettings
from workloads.kit.codec import encode
from workloads.kit.contracts import metrics, tables, topics
from workloads.kit.contracts.customers import CustomerEvent, Kind

pytestmark = pytest.mark.thorough

PACKAGE = "workloads.customer_consumer"
NO_MESSAGE = (
    *("empty", "blank", "null", "number", "list", "text", "truncated", "two values", "nest", "closed nest"),
    *("nest of objects", "avro", "protobuf", "gzip", "utf-16", "byte order mark", "half a pair"),
    *("later version", "version as text", "version of 30 digits", "known in the first of time"),
)
"""Of `nasty.BAD`, what is bad whatever the message is of."""

CURVES = {"quotes": [{"period": "2028", "price": 1}]}
START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = (
    "SELECT customer, hour, kind, currency, events, amount, score"
    f" FROM {tables.CUSTOMER_HOURS} ORDER BY 1, 2, 3, 4"
)


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


def event(number: int, kind: Kind = "api-call", customer: str = "pilot-one", **changed: Any) -> CustomerEvent:
    """An event of a customer, the same one for the same number."""
    at = changed.pop("at", START + timedelta(minutes=number))
    amounts = {"purchase": {"amount": 2.5, "currency": "EUR"}, "nps": {"score": 9}, "error": {"status": 429}}
    return CustomerEvent(
        event_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{customer}{number}{kind}")),
        customer=customer,
        subject="abcdef012345",
        kind=kind,
        occurred_at=at,
        published_at=changed.pop("published_at", at),
        source="test",
        **{**amounts.get(kind, {}), **changed},
    )


def many(count: int, seed: int = 5) -> list[CustomerEvent]:
    """Events of some customers over some hours."""
    choose = random.Random(seed)
    kinds: tuple[Kind, ...] = ("login", "api-call", "download", "scenario", "error", "purchase", "nps")
    return [
        event(number, choose.choice(kinds), f"customer-{choose.randrange(20)}") for number in range(count)
    ]


def hours_of(events: list[CustomerEvent]) -> list[tuple[Any, ...]]:
    """What the table of hours has to hold, counted here."""
    found: dict[tuple[str, datetime, str, str], list[float]] = {}
    for one in {one.event_id: one for one in events}.values():
        hour = one.occurred_at.replace(minute=0, second=0, microsecond=0)
        sums = found.setdefault((one.customer, hour, one.kind, one.currency or ""), [0, 0, 0])
        for place, value in enumerate((1, one.amount or 0, one.score or 0)):
            sums[place] += value
    return [(*key, *found[key]) for key in sorted(found)]


def test_killed_replicas_lose_and_double_nothing_and_a_second_reading_changes_nothing(
    kafka: KafkaClient, database: MigratedDatabase, figures: MigratedDatabase, tmp_path: Path
) -> None:
    sent = many(8_000)
    publish(kafka, [*sent, *sent[:500]])  # told twice
    env = {"METRICS_DATABASE": figures.name}
    with running(PACKAGE, kafka, database, tmp_path, replicas=2, BATCH_MAX_RECORDS="20", **env) as group:
        group.kill_often(4, seed=1)
        group.finish()
    assert figures.query(HOURS) == hours_of(sent)
    kept = figures.query(f"SELECT event_id::text, kind FROM {tables.CUSTOMER_EVENTS} ORDER BY 1")
    assert kept == sorted((one.event_id, one.kind) for one in sent)

    publish(kafka, sent)
    with running(PACKAGE, kafka, database, tmp_path, METRICS_DATABASE=figures.name) as group:
        group.finish()
    assert figures.query(HOURS) == hours_of(sent)


def test_what_is_no_event_is_set_aside_with_its_reason_and_the_rest_goes_on(
    kafka: KafkaClient, database: MigratedDatabase, figures: MigratedDatabase, tmp_path: Path
) -> None:
    good = many(300)
    whole = msgspec.to_builtins(good[0])
    bad = [
        b"no json",
        b'{"schema_version": 1}',
        msgspec.json.encode({**whole, "kind": "telepathy"}),
        msgspec.json.encode({**whole, "kind": "purchase"}),
        msgspec.json.encode({**whole, "kind": "nps", "score": 11}),
        msgspec.json.encode({**whole, "occurred_at": "2250-01-01T00:00:00Z"}),
        msgspec.json.encode({**whole, "event_id": "1; DROP TABLE"}),
        msgspec.json.encode({**whole, "customer": "a\nb"}),
        *(nasty.BAD[kind](good[0]) for kind in NO_MESSAGE),  # type: ignore[arg-type]  # of any message
    ]
    publish(kafka, good[:150])
    kafka.produce(topics.CUSTOMER_EVENTS, bad, keys=[good[0].customer.encode()] * len(bad))
    kafka.produce(topics.CUSTOMER_EVENTS, [encode(good[0])], keys=[b"another"])
    publish(kafka, good[150:])
    with running(
        PACKAGE,
        kafka,
        database,
        tmp_path,
        DEAD_LETTER_MAX_RATIO="1",
        METRICS_DATABASE=figures.name,
    ) as group:
        group.finish()
    assert figures.query(HOURS) == hours_of(good)
    letters = kafka.read(topics.dead_letter(topics.CUSTOMER_EVENTS))
    assert Counter(letter.raw for letter in letters) == Counter([*bad, encode(good[0])])


@pytest.fixture
def store(database: MigratedDatabase) -> Iterator[Store]:
    made = Store(settings(database))
    try:
        until(lambda: _answers(made), "the store is reached")
        yield made
    finally:
        made.close()


def _answers(store: Store) -> bool:
    try:
        return bool(store.rows(sql.Composed([sql.SQL("SELECT 1 AS one")]), {}))
    except StoreAway:
        return False


def _asked(app: OpenAPI, key: str) -> None:
    """What a customer does: a log-in, data, a file, a scenario, and something that it may not."""
    api = client(app, key)
    assert api.get("/v1/prices?symbol=DE-LU").status_code == 200
    assert api.get("/v1/downloads?dataset=prices&symbol=DE-LU&format=csv").status_code == 200
    assert api.put("/v1/scenarios/one", json=CURVES).status_code == 200
    assert api.get("/v1/prices?symbol=DE-LU&limit=-1").status_code == 422
    assert app.test_client().get("/v1/prices?symbol=DE-LU").status_code == 401  # nobody's
    assert app.test_client().post("/hub/login", data={"key": key}).status_code == 302


def test_what_customers_do_at_the_api_is_on_the_dashboard_within_a_minute(
    kafka: KafkaClient, database: MigratedDatabase, figures: MigratedDatabase, store: Store, tmp_path: Path
) -> None:
    told = Told(ToldSettings(kafka_bootstrap=kafka.bootstrap))
    app = create_app(settings(database), store, told=told)
    entitle(database, pilot_one={})
    key = add_key(database, "pilot-one", scopes=("read", "write"))
    with running(PACKAGE, kafka, database, tmp_path, METRICS_DATABASE=figures.name) as group:
        until(lambda: all(one.ready() for one in group.replicas), "the consumer is ready", 60)
        _asked(app, key)
        now = f"SELECT customer, logins, api_calls, downloads, scenarios, errors FROM {tables.CUSTOMERS_NOW}"
        until(lambda: figures.query(now) == [("pilot-one", 1, 1, 1, 1, 1)], "it is shown", 60)
    told.close()
    kept = figures.query(f"SELECT DISTINCT subject, source FROM {tables.CUSTOMER_EVENTS}")
    assert kept == [(key.split("_")[1], "data-api")]
    assert key not in str(figures.query(f"SELECT * FROM {tables.CUSTOMER_EVENTS}"))


def test_requests_are_answered_while_kafka_is_away_and_what_is_lost_is_counted(
    database: MigratedDatabase, store: Store
) -> None:
    (closed,) = free_ports(1)
    away = ToldSettings(kafka_bootstrap=f"127.0.0.1:{closed}", told_waiting=10, told_close_seconds=0.5)
    told = Told(away)
    app = create_app(settings(database), store, told=told)
    api = let_in(database, app)
    before = REGISTRY.get_sample_value(metrics.API_TOLD_DROPPED) or 0
    for _ in range(100):
        assert api.get("/v1/prices?symbol=DE-LU").status_code == 200
    told.close()
    assert (REGISTRY.get_sample_value(metrics.API_TOLD_DROPPED) or 0) - before == 100
