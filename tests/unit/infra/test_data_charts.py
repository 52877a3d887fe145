"""Values of the charts of MLflow and Valkey: what the charts know, restricted, found by their clients."""

from __future__ import annotations

from typing import Any

import pytest

from infra.manifests.charts import mlflow, valkey
from infra.manifests.resources.external_secrets import Remote
from infra.manifests.services import PostgresAccess
from infra.settings import Labels
from infra.settings.data import MLflowChartSettings, RedisValkey
from tools.gate import charts
from workloads.kit.contracts import ports

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
RESOURCES = {"cpu": "1", "memory": "2Gi", "cpu_limit": "2", "memory_limit": "4Gi"}
IN_CLEAR = PostgresAccess(host="postgres", direct_host="postgres", service="postgres")
ENCRYPTED = PostgresAccess(host="pooler", direct_host="rw", service="rw", ca_secret="postgres-ca")


def of_mlflow(postgres: PostgresAccess = ENCRYPTED, **changes: Any) -> dict[str, Any]:
    settings = MLflowChartSettings.model_validate({"kind": "chart", "resources": RESOURCES, **changes})
    return mlflow.values(LABELS, settings, postgres=postgres, bucket="artifacts", domain="cluster.local")


def of_valkey(**changes: Any) -> dict[str, Any]:
    settings = RedisValkey.model_validate({"kind": "valkey", "resources": RESOURCES, **changes})
    return valkey.values(LABELS, settings, password_key="redis-password")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mlflow", of_mlflow()),
        ("mlflow", of_mlflow(IN_CLEAR)),
        ("valkey", of_valkey()),
        ("valkey", of_valkey(tls_issuer=None)),
    ],
)
def test_the_chart_knows_every_key_and_takes_every_value(name: str, values: dict[str, Any]) -> None:
    chart = charts.load(name)
    assert chart is not None
    seen = charts.check_values(chart, values)
    assert [message for _, message, _ in seen.wrong] == []
    assert seen.keys > 20


@pytest.mark.parametrize("values", [of_mlflow(), of_valkey()])
def test_pods_are_restricted(values: dict[str, Any]) -> None:
    assert values["podSecurityContext"]["runAsNonRoot"] is True
    assert values["podSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    own = values["securityContext"]
    assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"], own["runAsNonRoot"]) == (
        False,
        True,
        True,
    )
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert values["serviceAccount"]["automount"] is False
    assert values["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}


@pytest.mark.parametrize("values", [of_mlflow()["extraPodLabels"], of_valkey()["commonLabels"]])
def test_cost_labels_go_along_and_the_charts_own_stay(values: dict[str, str]) -> None:
    assert values == {"env": "test", "owner": "o", "team": "t", "product": "p", "cost-center": "c"}


def test_mlflow_answers_to_the_names_that_clients_use() -> None:
    """It refuses a request whose Host header it was not told of."""
    hosts = of_mlflow()["serverAllowedHosts"]
    assert f"mlflow.carbon.svc.cluster.local:{ports.MLFLOW}" in hosts
    assert f"mlflow:{ports.MLFLOW}" in hosts
    assert "*" not in hosts


def test_mlflow_verifies_the_database_where_it_has_a_certificate() -> None:
    values = of_mlflow()
    mount = mounted(values)["postgres-ca"]
    assert values["extraEnvVars"]["PGSSLMODE"] == "verify-full"
    assert values["extraEnvVars"]["PGSSLROOTCERT"] == f"{mount}/ca.crt"
    assert values["backendStore"]["postgres"]["host"] == "pooler"
    assert "PGSSLMODE" not in of_mlflow(IN_CLEAR)["extraEnvVars"]


@pytest.mark.parametrize("postgres", [ENCRYPTED, IN_CLEAR])
def test_mlflow_reads_its_password_from_a_file_that_follows_the_secret(postgres: PostgresAccess) -> None:
    """The chart has it in the environment too, where it stays what it was when the pod began."""
    values = of_mlflow(postgres)
    at = mounted(values)[mlflow.DATABASE_SECRET]
    variables = values["extraEnvVars"]
    assert variables["PGSERVICEFILE"] == f"{at}/{mlflow.SERVICE_FILE}"
    remote = Remote("carbon/prod/database/mlflow", "password", "15m")
    assert mlflow.service_file(remote) == f"[{variables['PGSERVICE']}]\npassword={{{{ .password }}}}\n"
    # Mounted by `subPath`, a file would keep its first content.
    assert all("subPath" not in mount for mount in values["extraVolumeMounts"])


def mounted(values: dict[str, Any]) -> dict[str, str]:
    """Secret → where the server's container has it."""
    at = {mount["name"]: mount["mountPath"] for mount in values["extraVolumeMounts"]}
    return {volume["secret"]["secretName"]: at[volume["name"]] for volume in values["extraVolumes"]}


def test_clients_of_mlflow_need_no_rights_at_the_bucket() -> None:
    artifacts = of_mlflow()["artifactRoot"]
    assert artifacts["proxiedArtifactStorage"] is True
    assert artifacts["s3"] == {"enabled": True, "bucket": "artifacts"}


def test_mlflow_runs_as_large_as_the_stack_says() -> None:
    values = of_mlflow(replicas=4, workers=3)
    assert (values["replicaCount"], values["extraArgs"]) == (4, {"workers": "3"})


def test_valkey_forgets_the_least_used_and_writes_nothing_down() -> None:
    config = of_valkey(max_memory_mib=96)["valkeyConfig"].splitlines()
    assert config == ["maxmemory 96mb", "maxmemory-policy allkeys-lru", 'save ""', "appendonly no"]


def test_valkey_asks_for_a_password_and_keeps_its_own_settings_to_itself() -> None:
    auth = of_valkey()["auth"]
    assert auth["enabled"] is True
    (user,) = auth["aclUsers"].values()
    assert user["passwordKey"] == "redis-password"
    assert "password" not in user
    assert {"-@admin", "-@dangerous"} <= set(user["permissions"].split())


def test_valkey_shows_the_certificate_that_cert_manager_makes() -> None:
    tls = of_valkey()["tls"]
    assert (tls["enabled"], tls["existingSecret"]) == (True, valkey.CERTIFICATE)
    assert (tls["serverPublicKey"], tls["serverKey"], tls["caPublicKey"]) == ("tls.crt", "tls.key", "ca.crt")
    assert "tls" not in of_valkey(tls_issuer=None)
