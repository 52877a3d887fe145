"""/v1/quality on real alerts: who sees which, what a person says of one, and that it is recorded once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.services.access import add_key, client, entitle
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.servers import until
from tests.services.test_access import ROLE, settings
from tests.services.test_quality_review import answer, review
from workloads.data_api.app import create_app
from workloads.data_api.store import Store
from workloads.data_quality.alerts import alert, insert
from workloads.data_quality.rules.finding import Finding
from workloads.data_quality.watch import SeriesId
from workloads.kit.audit import Send, to_topic
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.declared.data_api import REVIEWS_ID
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.topics import PLATFORM_AUDIT
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.settings import KafkaSettings

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
ADMIN = ("read", "write", "admin")
ALL = ("hub", "api", "downloads", "quality")


@pytest.fixture
def audit(kafka: KafkaClient) -> Iterator[KafkaClient]:
    kafka.create(PLATFORM_AUDIT, 3)
    yield kafka
    for future in kafka.admin.delete_topics([PLATFORM_AUDIT]).values():
        future.result(30)


@pytest.fixture
def send(audit: KafkaClient) -> Send:
    return to_topic(KafkaSettings(kafka_bootstrap=audit.bootstrap), f"{REVIEWS_ID}test.1")


@pytest.fixture
def app(database: MigratedDatabase, send: Send) -> Iterator[OpenAPI]:
    store = Store(settings(database))
    try:
        yield create_app(settings(database), store, record=send)
    finally:
        store.close()


def reached(app: OpenAPI, key: str) -> FlaskClient:
    made = client(app, key)
    until(lambda: made.get("/v1/quality/alerts").status_code in (200, 403), "the store is reached")
    return made


def made(
    database: MigratedDatabase,
    market: str = "DE-LU",
    *,
    hour: int = 0,
    rule: Any = "spike",
    topic: str = topics.COMMODITY_PRICES,
    published: datetime = NOW - timedelta(days=1),
    start: datetime = NOW - timedelta(days=1),
    found: datetime = NOW - timedelta(hours=3),
) -> str:
    begins = start + timedelta(hours=hour)
    prices = topic == topics.COMMODITY_PRICES
    series = SeriesId(
        "entsoe-py.X",
        f"POWER-{market}" if prices else f"{market}/load/forecast",
        "PT1H",
        "market",
        ("EUR", "MWh", market, "day-ahead") if prices else ("MW",),
    )
    finding = Finding(rule, begins, begins + timedelta(hours=1), 1, 5.0, "less", "more", "look")
    one = alert(topic, series, finding, published, found)
    with database.admin() as connection:
        connection.execute("SET search_path = features")
        insert(connection, [one])
    return one.id


def ids(api: FlaskClient, **query: Any) -> list[str]:
    got = api.get("/v1/quality/alerts", query_string=query)
    assert got.status_code == 200, got.text
    return [one["id"] for one in got.get_json()["items"]]


def say(api: FlaskClient, alert_id: str, state: str = "released", reason: str = "a holiday") -> Any:
    return api.put(f"/v1/quality/alerts/{alert_id}/review", json={"state": state, "reason": reason})


def events(kafka: KafkaClient) -> list[AuditEvent]:
    return [msgspec.json.decode(one.raw, type=AuditEvent) for one in kafka.read(PLATFORM_AUDIT)]


def test_a_tenant_sees_the_alerts_of_its_markets_depth_and_delay_and_no_others(
    database: MigratedDatabase, app: OpenAPI
) -> None:
    ours, theirs = made(database), made(database, "GB-INDEX")
    load = made(database, topic=topics.MARKET_INDICATORS)
    fresh = made(database, hour=2, published=NOW)
    old = made(database, start=NOW - timedelta(days=40))
    told_now = made(database, hour=3, found=NOW)
    entitle(
        database,
        pilot_one={"products": ALL},
        pilot_two={"markets": ("DE-LU",), "history_days": 30, "delay_minutes": 90},
        pilot_three={"markets": ("power",)},
        pilot_four={"markets": ()},
    )

    assert set(ids(reached(app, add_key(database, "pilot-one")))) == {
        ours,
        theirs,
        load,
        fresh,
        old,
        told_now,
    }
    assert ids(reached(app, add_key(database, "pilot-two"))) == [ours]
    assert ids(reached(app, add_key(database, "pilot-three"))) == [load]
    assert ids(reached(app, add_key(database, "pilot-four"))) == []


def test_alerts_come_in_pages_and_by_what_is_asked(database: MigratedDatabase, app: OpenAPI) -> None:
    entitle(database, pilot_one={"products": ALL})
    every = [made(database, hour=n, rule="gap" if n % 2 else "spike") for n in range(7)]
    with database.admin() as connection:  # found at one instant, as those of one batch are
        connection.execute(f"UPDATE features.{tables.QUALITY_ALERTS} SET detected_at = now()".encode())
    api = reached(app, add_key(database, "pilot-one"))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        got = api.get("/v1/quality/alerts", query_string={"limit": 3, **cursor}).get_json()
        seen += [one["id"] for one in got["items"]]
        if got["next"] is None:
            break
        cursor = {"cursor": got["next"]}
    assert seen == sorted(every)
    assert set(ids(api, rule="gap")) == {every[n] for n in (1, 3, 5)}
    assert ids(api, series="POWER-FR") == []
    assert api.get("/v1/quality/alerts?rule=odd").status_code == 422


def test_what_a_person_says_holds_for_all_and_is_recorded_once(
    database: MigratedDatabase, app: OpenAPI, audit: KafkaClient
) -> None:
    spike, gap = made(database), made(database, hour=1, rule="gap")
    entitle(database, pilot_one={"products": ALL}, pilot_two={})
    key = add_key(database, "pilot-one", scopes=ADMIN)
    api = reached(app, key)
    who = f"pilot-one/{key.split('_')[1]}"

    first = say(api, spike)
    assert first.status_code == 200, first.text
    assert (first.get_json()["state"], first.get_json()["reviewed_by"]) == ("released", who)
    assert say(api, spike).get_json() == first.get_json()
    assert ids(api) == [gap]
    other = reached(app, add_key(database, "pilot-two"))
    assert ids(other, state="released") == [spike]
    (seen,) = other.get("/v1/quality/alerts?state=released").get_json()["items"]
    assert (seen["state"], seen["reviewed_by"], seen["reason"]) == ("released", None, None)
    (own,) = api.get("/v1/quality/alerts?state=released").get_json()["items"]
    assert (own["reviewed_by"], own["reason"]) == (who, "a holiday")
    (event,) = events(audit)
    assert (event.action, event.subject, event.actor, event.reason) == (
        *("quality-release", f"alert {spike}"),
        *(who, "a holiday"),
    )
    assert event.detail["before"] == "open"

    # The last word holds, by whichever way it is said, and each is recorded.
    assert say(api, spike, "confirmed", "it was none").get_json()["state"] == "confirmed"
    said = answer(review(audit, database, "release", "--reason=yes it was", "--by=ada", "--", spike))
    assert said["state"] == "released"
    assert answer(review(audit, database, "release", "--reason=yes it was", "--by=ada", "--", spike)) == said
    assert [(one.actor, one.detail["before"]) for one in sorted(events(audit), key=lambda e: e.at)] == [
        *((who, "open"), (who, "released"), ("ada", "confirmed")),
    ]


def test_only_an_administrator_with_the_product_says_anything_and_of_what_is_seen(
    database: MigratedDatabase, app: OpenAPI, audit: KafkaClient
) -> None:
    spike = made(database)
    entitle(
        database,
        pilot_one={"products": ALL},
        pilot_two={},
        pilot_three={"products": ALL, "markets": ("GB-INDEX",)},
    )
    for tenant, scopes, status in (
        ("pilot-one", ("read", "write"), 403),
        ("pilot-two", ADMIN, 403),
        ("pilot-three", ADMIN, 404),
    ):
        refused = say(reached(app, add_key(database, tenant, scopes=scopes)), spike)
        assert refused.status_code == status, (tenant, refused.text)
    api = reached(app, add_key(database, "pilot-one", scopes=ADMIN))
    assert say(api, "nothing").status_code == 404
    for body in ({"state": "released", "reason": "  "}, {"state": "open", "reason": "x"}, {"reason": "x"}):
        assert api.put(f"/v1/quality/alerts/{spike}/review", json=body).status_code == 422
    assert events(audit) == []
    assert database.query(f"SELECT state FROM {tables.QUALITY_ALERTS}") == [("open",)]


def test_what_cannot_be_recorded_is_not_changed(database: MigratedDatabase) -> None:
    spike = made(database)
    entitle(database, pilot_one={"products": ALL})

    def away(_: AuditEvent) -> None:
        raise KafkaUnavailable("no broker")

    for record in (away, None):
        store = Store(settings(database))
        try:
            app = create_app(settings(database), store, record=record)
            refused = say(reached(app, add_key(database, "pilot-one", scopes=ADMIN)), spike)
            assert refused.status_code == 503
            assert "nothing was changed" in refused.get_json()["remedy"]
        finally:
            store.close()
    assert database.query(f"SELECT state FROM {tables.QUALITY_ALERTS}") == [("open",)]


def test_the_database_keeps_it_too(database: MigratedDatabase) -> None:
    spike = made(database, "GB-INDEX")
    entitle(database, pilot_one={"products": ALL, "markets": ("DE-LU",)})
    with database.connect(ROLE) as connection:
        for name in ("", "pilot-one"):
            with connection.transaction():
                connection.execute(f"SET LOCAL carbon.tenant = '{name}'".encode())
                done = connection.execute(
                    f"UPDATE features.{tables.QUALITY_ALERTS} SET severity = 'info'".encode()
                )
                assert done.rowcount == 0
        for statement in ("DELETE FROM", "INSERT INTO"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(
                    f"{statement} features.{tables.QUALITY_ALERTS}"
                    f"{' DEFAULT VALUES' if statement.startswith('INSERT') else ''}".encode()
                )
            connection.rollback()
    assert database.query(f"SELECT severity FROM {tables.QUALITY_ALERTS} WHERE id = '{spike}'") == [
        ("warning",)
    ]
