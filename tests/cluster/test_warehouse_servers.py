"""The object store and Trino in a cluster: who reaches them, and that they work together."""

from __future__ import annotations

import base64
import uuid

import pytest

from infra.manifests.object_store import BUCKETS
from tests import objects
from tests.trino import Client, Refused
from tools import access, kube
from tools.errors import CommandFailed
from workloads.kit.contracts import env, lake, ports, tenants
from workloads.kit.contracts.declared.services import OBJECT_STORE, TRINO
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT


@pytest.fixture(scope="module")
def server(platform: str) -> Client:
    """Trino as who fills the lake."""
    for name in (OBJECT_STORE.name, TRINO.name):
        kube.kubectl("rollout", "status", f"deployment/{name}", "-n", platform, "--timeout=600s", timeout=610)
    return Client(access.where(access.by_name(TRINO.name)))


def test_a_table_goes_through_the_store_and_is_joined_with_the_database(server: Client) -> None:
    schema = f"live_{uuid.uuid4().hex[:8]}"
    server.query(f"CREATE SCHEMA lake.{schema}")
    try:
        server.query(
            f"CREATE TABLE lake.{schema}.t AS SELECT * FROM (VALUES (1, 2.5), (2, 3.5)) AS v (id, price)"
        )
        [[total]] = server.query(
            f"SELECT sum(price) FROM lake.{schema}.t WHERE (SELECT count(*) FROM warehouse.etl.loads) >= 0"
        )
        assert float(total) == 6.0
        with pytest.raises(Refused, match="Access Denied"):
            Client(server.url, user=tenants.role("pilot-one")).query(f"SELECT * FROM lake.{schema}.t")
    finally:
        server.query(f"DROP SCHEMA lake.{schema} CASCADE")


def test_the_store_takes_its_own_key_and_no_other(platform: str, server: Client) -> None:
    held = kube.get(f"secret/{OBJECT_STORE.name}", "-n", platform)["data"]
    secret = base64.b64decode(held[env.OBJECT_STORE_SECRET]).decode()
    url = access.where(access.by_name(OBJECT_STORE.name))
    client = objects.client(url, secret)
    assert {one["Name"] for one in client.list_buckets()["Buckets"]} == set(BUCKETS)
    client.put_object(Bucket=lake.UPLOADS, Key="live/test.csv", Body=b"a\n1\n")
    assert client.get_object(Bucket=lake.UPLOADS, Key="live/test.csv")["Body"].read() == b"a\n1\n"
    client.delete_object(Bucket=lake.UPLOADS, Key="live/test.csv")
    with pytest.raises(objects.ClientError, match="SignatureDoesNotMatch"):
        objects.client(url, "not-the-key-of-the-store").list_buckets()


@pytest.mark.parametrize(
    ("name", "port"),
    [
        (OBJECT_STORE.name, ports.OBJECT_STORE),
        (TRINO.name, ports.TRINO),
        (WAREHOUSE_CONNECT.name, ports.WAREHOUSE_CONNECT),
    ],
)
def test_a_pod_that_declares_no_call_reaches_neither(
    platform: str, server: Client, name: str, port: int
) -> None:
    code = f"import socket; socket.create_connection(('{name}', {port}), 5).close()"
    with pytest.raises(CommandFailed):
        kube.kubectl("exec", "-n", platform, "deploy/price-replay", "--", "python3", "-c", code)
