"""The object store and Trino as deployed: their programs, their configuration, a migrated database."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.manifests.trino_config import OWNER
from tests import objects
from tests.services.clients import MigratedDatabase
from tests.trino import Client, Refused
from tools.embedded.object_store import ObjectStore
from tools.embedded.process import free_ports
from tools.embedded.trino import Trino
from tools.paths import ROOT
from workloads.kit.contracts import lake, tenants
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL

pytestmark = pytest.mark.thorough

_PROBE = ROOT / "tools" / "images" / "trino" / "ready.sh"

TENANT, OTHER = "pilot-one", "pilot-two"


def s3(store: ObjectStore) -> Any:
    """A client of the store."""
    return objects.client(store.url, store.secret)


@pytest.fixture(scope="module")
def owner(trino: Trino, warehouse: MigratedDatabase) -> Iterator[Client]:
    """Who fills the lake; a ledger of two tenants is in both catalogues."""
    made = Client(trino.url)
    made.query("CREATE SCHEMA lake.analytics")
    made.query("CREATE SCHEMA lake.raw")
    made.query(f"CREATE TABLE lake.analytics.ledger ({tenants.TENANT_ID} varchar, id integer, amount double)")
    rows = f"('{TENANT}', 1, 1.5), ('{TENANT}', 2, 2.5), ('{OTHER}', 3, 4.0)"
    made.query(f"INSERT INTO lake.analytics.ledger VALUES {rows}")
    made.query("CREATE TABLE lake.raw.records AS SELECT 1 AS id")
    with warehouse.connect(WAREHOUSE_ETL.role or "") as connection:
        connection.execute(
            "CREATE TABLE analytics.ledger (tenant_id text, id integer, name text, price numeric)"
        )
        connection.execute(
            "INSERT INTO analytics.ledger VALUES ('pilot-one', 1, 'one', 0.1), ('pilot-two', 3, 'three', 0.3)"
        )
    yield made
    for table in ("analytics.ledger", "raw.records"):
        made.query(f"DROP TABLE lake.{table}")


@pytest.fixture
def analyst(owner: Client) -> Client:
    return Client(owner.url, user="an-analyst")


@pytest.fixture
def tenant(owner: Client) -> Client:
    return Client(owner.url, user=tenants.role(TENANT))


def test_an_object_is_kept_listed_and_given_out_also_after_a_restart(object_store: ObjectStore) -> None:
    client = s3(object_store)
    client.put_object(Bucket=lake.UPLOADS, Key="daily/prices.csv", Body=b"date,price\n")
    object_store.stop()
    object_store.start()
    listed = client.list_objects_v2(Bucket=lake.UPLOADS, Prefix="daily/")["Contents"]
    assert [one["Key"] for one in listed] == ["daily/prices.csv"]
    assert client.get_object(Bucket=lake.UPLOADS, Key="daily/prices.csv")["Body"].read() == b"date,price\n"
    assert {one["Name"] for one in client.list_buckets()["Buckets"]} >= {lake.BUCKET, lake.UPLOADS}


def test_a_wrong_key_gets_nothing(object_store: ObjectStore) -> None:
    for secret in ("another-secret-key", "x" * 40):
        with pytest.raises(objects.ClientError, match="SignatureDoesNotMatch"):
            objects.client(object_store.url, secret).list_objects_v2(Bucket=lake.UPLOADS)


def test_the_key_is_in_no_log(owner: Client, trino: Trino, object_store: ObjectStore) -> None:
    password = trino.password
    for log in (trino.process.log, object_store.process.log):
        text = log.read_text(encoding="utf-8")
        assert text
        assert object_store.secret not in text
        assert password not in text


def test_a_table_of_the_lake_is_made_filled_changed_and_lies_in_its_bucket(
    owner: Client, object_store: ObjectStore
) -> None:
    owner.query("CREATE TABLE lake.analytics.spot (at timestamp(6), price double)")
    owner.query("INSERT INTO lake.analytics.spot VALUES (TIMESTAMP '2026-01-01 00:00:00', -3.5)")
    owner.query("INSERT INTO lake.analytics.spot VALUES (TIMESTAMP '2026-01-01 01:00:00', 7.25)")
    owner.query("DELETE FROM lake.analytics.spot WHERE price < 0")
    assert owner.query("SELECT price FROM lake.analytics.spot") == [[7.25]]
    versions = 'SELECT snapshot_id FROM lake.analytics."spot$snapshots" ORDER BY committed_at'
    both = owner.query(versions)[-2][0]
    [[before]] = owner.query(f"SELECT count(*) FROM lake.analytics.spot FOR VERSION AS OF {both}")
    assert before == 2
    owner.query("ALTER TABLE lake.analytics.spot EXECUTE optimize")
    held = s3(object_store).list_objects_v2(Bucket=lake.BUCKET, Prefix="analytics/spot")["Contents"]
    assert any(one["Key"].endswith(".parquet") for one in held)
    owner.query("DROP TABLE lake.analytics.spot")


def test_a_query_joins_the_lake_with_the_database(analyst: Client) -> None:
    joined = analyst.query(
        "SELECT w.name, l.amount, l.amount * w.price FROM lake.analytics.ledger l"
        " JOIN warehouse.analytics.ledger w ON w.id = l.id ORDER BY l.id"
    )
    assert [(name, amount, round(worth, 9)) for name, amount, worth in joined] == [
        ("one", 1.5, 0.15),
        ("three", 4.0, 1.2),
    ]


@pytest.mark.parametrize("catalogue", [lake.LAKE, lake.WAREHOUSE])
def test_a_tenant_sees_its_own_rows_alone(tenant: Client, catalogue: str) -> None:
    rows = tenant.query(f"SELECT DISTINCT {tenants.TENANT_ID} FROM {catalogue}.analytics.ledger")
    assert rows == [[TENANT]]
    nobody = Client(tenant.url, user=tenants.role("pilot"))
    assert nobody.query(f"SELECT * FROM {catalogue}.analytics.ledger") == []


@pytest.mark.parametrize(
    "what",
    [
        'lake.analytics."ledger$files"',
        'lake.analytics."ledger$partitions"',
        "lake.raw.records",
        "warehouse.etl.loads",
        "system.runtime.queries",
    ],
)
def test_a_tenant_sees_nothing_else(tenant: Client, what: str) -> None:
    with pytest.raises(Refused, match="Access Denied"):
        tenant.query(f"SELECT * FROM {what}")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO lake.analytics.ledger VALUES ('pilot-one', 9, 9.0)",
        "DELETE FROM lake.analytics.ledger",
        "DROP TABLE lake.analytics.ledger",
        "CREATE TABLE lake.analytics.mine (id integer)",
        "SELECT * FROM lake.raw.records",
        "SELECT * FROM warehouse.raw.records",
        "SELECT * FROM warehouse.lake.iceberg_tables",
        "SELECT * FROM TABLE(warehouse.system.query(query => 'select * from etl.loads'))",
        "CALL warehouse.system.execute('delete from analytics.ledger')",
        "CALL lake.system.unregister_table('analytics', 'ledger')",
    ],
)
def test_an_analyst_reads_what_is_shown_and_changes_nothing(analyst: Client, statement: str) -> None:
    with pytest.raises(Refused, match="Access Denied"):
        analyst.query(statement)
    assert len(analyst.query("SELECT * FROM lake.analytics.ledger")) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE lake.analytics.ledger EXECUTE optimize",
        "EXECUTE IMMEDIATE 'ALTER TABLE lake.analytics.ledger EXECUTE optimize'",
        "EXPLAIN ANALYZE ALTER TABLE lake.analytics.ledger EXECUTE optimize",
    ],
)
def test_only_the_owner_maintains_a_table(owner: Client, analyst: Client, statement: str) -> None:
    with pytest.raises(Refused, match="not-yours"):
        analyst.query(statement)
    with pytest.raises(Refused, match="not-yours"):
        Client(owner.url, user=tenants.role(TENANT)).query(statement)


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM warehouse.analytics.ledger", "CREATE TABLE warehouse.analytics.x (id integer)"],
)
def test_nobody_writes_to_the_database_by_trino(owner: Client, statement: str) -> None:
    with pytest.raises(Refused, match="Access Denied"):
        owner.query(statement)


def test_a_view_shows_analysts_what_they_do_not_read_themselves(
    owner: Client, analyst: Client, tenant: Client
) -> None:
    owner.query("CREATE OR REPLACE VIEW lake.analytics.loaded AS SELECT count(*) AS n FROM lake.raw.records")
    assert analyst.query("SELECT n FROM lake.analytics.loaded") == [[1]]
    with pytest.raises(Refused, match="Access Denied"):
        tenant.query("SELECT n FROM lake.analytics.loaded")
    owner.query("DROP VIEW lake.analytics.loaded")


@pytest.mark.parametrize(
    ("user", "source", "group"),
    [
        (OWNER, "", lake.LARGE),
        ("an-analyst", "", "small"),
        ("an-analyst", lake.LARGE, lake.LARGE),
        (tenants.role(TENANT), lake.LARGE, "small"),
    ],
)
def test_a_query_is_of_the_group_of_who_asks(owner: Client, user: str, source: str, group: str) -> None:
    asking = Client(owner.url, user=user, source=source)
    _, page = asking.answer("SELECT 1")
    assert asking.details(page["id"])["resourceGroupId"] == [group]


def test_the_probe_of_its_pod_says_whether_it_takes_queries(owner: Client) -> None:
    def probed(port: int) -> int:
        return subprocess.run([_PROBE, str(port)], capture_output=True, timeout=30, check=False).returncode

    (nobody,) = free_ports(1)
    assert probed(httpx.URL(owner.url).port or 0) == 0
    assert probed(nobody) != 0


def test_trino_follows_a_password_that_is_changed(
    owner: Client, trino: Trino, warehouse: MigratedDatabase
) -> None:
    new, role = "a:new\\password-0123", "trino"
    old = trino.password
    with warehouse.admin() as connection:
        for password in (new, old):
            connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'".encode())
            trino.give(password)
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,)
            )
            assert owner.query("SELECT count(*) FROM warehouse.analytics.ledger") == [[2]]
            assert owner.query("SELECT count(*) FROM lake.analytics.ledger") == [[3]]
