"""PostgreSQL as CloudNativePG is asked for it: standbys, archive, pooler, passwords that follow rotation."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifests.resources import cloudnative_pg
from infra.manifests.resources.external_secrets import Remote
from infra.settings import Labels
from infra.settings.data import PostgresCloudNativePG
from workloads.kit import db
from workloads.kit.contracts.platform import ROLES
from workloads.kit.settings import PostgresSettings

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
RESOURCES = {"cpu": "1", "memory": "2Gi", "cpu_limit": "2", "memory_limit": "4Gi"}


def given(**changes: Any) -> PostgresCloudNativePG:
    return PostgresCloudNativePG.model_validate(
        {
            "kind": "cloudnative-pg",
            "resources": RESOURCES,
            "storage": {"size": "100Gi", "storage_class": "gp3"},
            "wal_storage": {"size": "20Gi", "storage_class": "gp3"},
            "backup": {"resources": RESOURCES},
            "pooler": {"resources": RESOURCES},
            **changes,
        }
    )


def cluster(**changes: Any) -> dict[str, Any]:
    made = cloudnative_pg.cluster(LABELS, given(**changes), domain="cluster.local", roles=ROLES)
    return made["spec"]


@pytest.mark.parametrize(("instances", "most"), [(1, 0), (2, 0), (3, 1), (5, 3)])
def test_a_standby_may_go_without_stopping_writes(instances: int, most: int) -> None:
    given(instances=instances, synchronous_standbys=most)
    with pytest.raises(ValidationError, match="one standby away would stop every write"):
        given(instances=instances, synchronous_standbys=most + 1)


def test_a_commit_is_on_a_standby_before_it_counts() -> None:
    assert cluster()["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
    }
    assert "synchronous" not in cluster(instances=1, synchronous_standbys=0)["postgresql"]


def test_every_roles_password_comes_from_its_secret() -> None:
    roles = {role["name"]: role for role in cluster()["managed"]["roles"]}
    assert roles.keys() == set(ROLES)
    for name, role in roles.items():
        remote = Remote(f"carbon/prod/database/{name}", "password", "15m")
        secret = cloudnative_pg.password(LABELS, name, remote)
        assert role["passwordSecret"]["name"] == secret["metadata"]["name"]
        assert (role["login"], role["superuser"], role["bypassrls"]) == (True, False, False)
        # The operator watches secrets with this label.
        template = secret["spec"]["target"]["template"]
        assert template["metadata"]["labels"]["cnpg.io/reload"] == "true"
        assert template["type"] == "kubernetes.io/basic-auth"
        assert template["data"] == {"username": name}


def test_a_password_of_the_stack_file_makes_the_same_secret() -> None:
    secret = cloudnative_pg.password(LABELS, "mlflow", "secret-000000001")
    assert (secret["kind"], secret["type"]) == ("Secret", "kubernetes.io/basic-auth")
    assert {k: base64.b64decode(v).decode() for k, v in secret["data"].items()} == {
        "username": "mlflow",
        "password": "secret-000000001",
    }


def test_the_superusers_password_is_its_own_secret() -> None:
    spec = cluster()
    assert spec["enableSuperuserAccess"] is True
    assert spec["superuserSecret"] == {"name": cloudnative_pg.role_secret("postgres")}
    assert "postgres" not in {role["name"] for role in spec["managed"]["roles"]}
    assert spec["bootstrap"]["initdb"]["owner"] not in {"postgres", *ROLES}


def test_nothing_connects_in_clear() -> None:
    assert cluster()["postgresql"]["pg_hba"][0] == "hostnossl all all all reject"
    pgbouncer = cloudnative_pg.pooler(LABELS, given().pooler)["spec"]["pgbouncer"]
    assert pgbouncer["parameters"]["client_tls_sslmode"] == "require"
    assert pgbouncer["parameters"]["server_tls_sslmode"] == "verify-full"


def test_the_certificate_is_for_the_names_that_clients_use() -> None:
    names = cluster()["certificates"]["serverAltDNSNames"]
    assert cloudnative_pg.pooled_host("cluster.local") in names
    assert cloudnative_pg.direct_host("cluster.local") in names


def test_the_server_has_what_the_pooler_does_not_pass_on(tmp_path: Any) -> None:
    """A connection's own options reach no server behind PgBouncer, so the server's are to be the same."""
    settings = PostgresSettings(postgres_host="h", postgres_user="u")
    options = db.parameters(settings, application_name="test")["options"]
    wanted = dict(part.split("=", 1) for part in options.replace("-c ", "").split())
    server = cluster(parameters={"max_connections": 300})["postgresql"]["parameters"]
    assert wanted.pop("search_path") == server["search_path"].split(",")[0]
    assert len(wanted) == 2
    for name, value in wanted.items():
        assert server[name] == value
    assert server["max_connections"] == "300"


def test_the_pooler_lends_for_a_transaction_and_knows_prepared_statements() -> None:
    made = cloudnative_pg.pooler(LABELS, given(pooler={"resources": RESOURCES, "pool_size": 7}).pooler)
    pgbouncer = made["spec"]["pgbouncer"]
    assert pgbouncer["poolMode"] == "transaction"
    assert int(pgbouncer["parameters"]["max_prepared_statements"]) >= 100
    assert pgbouncer["parameters"]["default_pool_size"] == "7"
    assert made["spec"]["cluster"] == {"name": cloudnative_pg.CLUSTER}


def test_wal_and_backups_go_to_the_bucket_with_the_pods_own_rights() -> None:
    backup = given(backup={"resources": RESOURCES, "retention_days": 7}).backup
    store = cloudnative_pg.object_store(LABELS, backup, path="s3://bucket/postgres")
    assert store["spec"]["retentionPolicy"] == "7d"
    assert store["spec"]["configuration"]["destinationPath"] == "s3://bucket/postgres"
    region = cloudnative_pg.archive_region(LABELS, "eu-central-1")
    assert store["spec"]["configuration"]["s3Credentials"] == {
        "inheritFromIAMRole": True,
        "region": {"name": region["metadata"]["name"], "key": next(iter(region["data"]))},
    }
    (plugin,) = cluster()["plugins"]
    assert plugin["isWALArchiver"] is True
    assert plugin["parameters"] == {"barmanObjectName": store["metadata"]["name"]}
    scheduled = cloudnative_pg.scheduled_backup(LABELS, backup)["spec"]
    assert (scheduled["method"], scheduled["pluginConfiguration"]) == ("plugin", {"name": plugin["name"]})
    assert len(scheduled["schedule"].split()) == 6


def test_a_five_field_schedule_is_refused() -> None:
    with pytest.raises(ValidationError, match="schedule"):
        given(backup={"resources": RESOURCES, "schedule": "30 2 * * *"})


def test_servers_are_apart_and_where_the_stack_says() -> None:
    affinity = cluster(node_pool="data")["affinity"]
    assert affinity["podAntiAffinityType"] == "required"
    assert affinity["topologyKey"] == "kubernetes.io/hostname"
    assert list(affinity["nodeSelector"].values()) == ["data"]
    assert [t["value"] for t in affinity["tolerations"]] == ["data"]
    assert "nodeSelector" not in cluster()["affinity"]


def test_volumes_are_of_the_class_that_is_named() -> None:
    spec = cluster()
    assert spec["storage"] == {"size": "100Gi", "storageClass": "gp3"}
    assert spec["walStorage"] == {"size": "20Gi", "storageClass": "gp3"}
