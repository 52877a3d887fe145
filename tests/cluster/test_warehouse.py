"""The warehouse in a cluster: a file that a person uploads comes to the layers, to the lake and to Trino."""

from __future__ import annotations

import base64
import uuid

import pytest

from tests import objects
from tests.trino import Client
from tools import access, jobs, kube
from workloads.kit.contracts import env, lake
from workloads.kit.contracts.declared.services import OBJECT_STORE, TRINO
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL, WAREHOUSE_MAINTENANCE

_HEADER = "trade_id,counterparty_id,side,market,product,delivery_start,delivery_end,quantity_mwh,price"
_SECONDS = 900.0


@pytest.fixture(scope="module")
def server(platform: str) -> Client:
    for name in (OBJECT_STORE.name, TRINO.name):
        kube.kubectl("rollout", "status", f"deployment/{name}", "-n", platform, "--timeout=600s", timeout=610)
    return Client(access.where(access.by_name(TRINO.name)), user="an-analyst")


def test_trades_of_a_file_are_in_marts_and_lake_and_a_second_run_adds_nothing(
    platform: str, server: Client
) -> None:
    held = kube.get(f"secret/{OBJECT_STORE.name}", "-n", platform)["data"]
    secret = base64.b64decode(held[env.OBJECT_STORE_SECRET]).decode()
    store = objects.client(access.where(access.by_name(OBJECT_STORE.name)), secret)
    market, name = f"LIVE-{uuid.uuid4().hex[:6]}", f"etrm/trades-{uuid.uuid4().hex[:6]}.csv"
    rows = [
        f"{market}-{n},c1,{side},{market},day-ahead,2026-01-0{n}T00:00:00Z,2026-01-0{n}T01:00:00Z,{n}.5,-{n},"
        "EUR,open,2025-12-31T12:00:00Z"
        for n, side in ((1, "buy"), (2, "sell"), (3, "neither"))
    ]
    store.put_object(
        Bucket=lake.UPLOADS,
        Key=name,
        Body="\n".join([f"{_HEADER},currency,status,traded_at", *rows, ""]).encode(),
    )
    try:
        jobs.run(WAREHOUSE_ETL.name, "run", limit=_SECONDS)
        mart = (
            "SELECT bought_mwh, sold_mwh, net_mwh FROM warehouse.analytics.positions"
            f" WHERE market = '{market}'"
        )
        assert [[float(value) for value in row] for row in server.query(mart)] == [[1.5, 2.5, -1.0]]
        cleaned = f"SELECT count(*) FROM lake.cleaned.trades WHERE market = '{market}'"
        assert server.query(cleaned) == [[2]]
        rejected = f"SELECT reason FROM lake.cleaned.rejects WHERE key = '{market}-3'"
        assert server.query(rejected) == [["side: neither is none of buy, sell"]]
        jobs.run(WAREHOUSE_ETL.name, "run", limit=_SECONDS)
        assert server.query(cleaned) == [[2]]
        jobs.run(WAREHOUSE_MAINTENANCE.name, "maintain", limit=_SECONDS)
        assert server.query(cleaned) == [[2]]
    finally:
        store.delete_object(Bucket=lake.UPLOADS, Key=name)
