"""Trino's configuration: what differs between stores, and whose a table is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.manifests import object_store, trino_config
from infra.manifests.services import ObjectAccess
from infra.manifests.trino_config import OWNER, Place
from workloads.kit.contracts import lake, tenants

GATEWAY = object_store.access("http://store:7070", "the-key-of-the-store")
S3 = ObjectAccess(
    lake="s3://bucket/lake/",
    uploads="s3://bucket/uploads/",
    downloads="s3://bucket/downloads/",
    region="eu-central-1",
)


def files(objects: ObjectAccess = GATEWAY, heap_mib: int = 1024, **more: Any) -> dict[str, str]:
    place = Place(
        etc="/etc/trino", data="/var/trino", port=8060, database="db:5432/warehouse", objects=objects
    )
    return trino_config.files(place, heap_mib, **more)


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_gateway_is_asked_by_path_and_s3_by_its_region_alone() -> None:
    local, aws = (properties(files(one)["catalog/lake.properties"]) for one in (GATEWAY, S3))
    assert local["s3.endpoint"] == "http://store:7070"
    assert local["s3.path-style-access"] == "true"
    assert local["iceberg.jdbc-catalog.default-warehouse-dir"] == f"s3://{lake.BUCKET}"
    assert not {"s3.endpoint", "s3.path-style-access"} & aws.keys()
    assert aws["s3.region"] == "eu-central-1"
    assert aws["iceberg.jdbc-catalog.default-warehouse-dir"] == "s3://bucket/lake"


def test_no_file_has_a_secret() -> None:
    assert "the-key-of-the-store" not in "".join(files().values())
    assert not [line for text in files().values() for line in text.splitlines() if "password" in line]


@pytest.mark.parametrize("heap_mib", [768, 1024, 8192])
def test_queries_and_what_is_not_counted_fit_into_the_heap(heap_mib: int) -> None:
    made = properties(files(heap_mib=heap_mib)["config.properties"])
    queries, headroom = (
        int(made[name].removesuffix("MB"))
        for name in ("query.max-memory-per-node", "memory.heap-headroom-per-node")
    )
    assert 0 < queries + headroom <= heap_mib
    assert f"-Xmx{heap_mib}m\n" in files(heap_mib=heap_mib)["jvm.config"]


def _first(user: str, catalogue: str, schema: str, table: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """The rule that Trino applies: the first whose patterns fit whole names."""
    wanted = {"user": user, "catalog": catalogue, "schema": schema, "table": table}
    return next(
        rule
        for rule in rules
        if all(re.fullmatch(rule.get(name, ".*"), value) for name, value in wanted.items())
    )


def test_a_table_of_tenants_is_filtered_for_tenants_alone() -> None:
    rules = json.loads(files(of_tenants=["usage"])["rules.json"])["tables"]
    tenant = tenants.role("pilot-one")
    for catalogue in (lake.LAKE, lake.WAREHOUSE):
        mine = _first(tenant, catalogue, "analytics", "usage", rules)
        assert mine["privileges"] == ["SELECT"]
        assert tenants.TENANT_ID in mine["filter"]
        assert "filter" not in _first("an-analyst", catalogue, "analytics", "usage", rules)
        for schema, table in (("analytics", "other"), ("cleaned", "usage"), ("analytics", "usage$files")):
            assert _first(tenant, catalogue, schema, table, rules)["privileges"] == []


def test_the_catalogues_own_tables_are_nobodys() -> None:
    rules = json.loads(files()["rules.json"])["tables"]
    for user in (OWNER, "an-analyst", tenants.role("pilot-one")):
        assert _first(user, lake.WAREHOUSE, lake.CATALOGUE_LAYER, "iceberg_tables", rules)["privileges"] == []


def test_a_password_is_escaped_as_the_file_has_it() -> None:
    assert trino_config.pgpass(trino_config.escaped("a:b\\c")) == "*:*:*:trino:a\\:b\\\\c\n"
