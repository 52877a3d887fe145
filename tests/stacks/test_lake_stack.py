"""The object store and Trino of a stack, and a stack without them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from infra.settings.bases import SettingsError
from tests import stack
from tests.stack import PASSWORDS, Recorder, registered, settings, values
from tools.gate.cluster_objects import unmarked
from workloads.kit.contracts import env, lake
from workloads.kit.contracts.declared.data_api import DATA_API, DOWNLOAD_WORKER
from workloads.kit.contracts.platform import DECLARED

STORE, TRINO, CONNECT = "object-store", "trino", "warehouse-connect"


def made(recorded: Recorder, kind: str, name: str) -> dict[str, Any]:
    """An object of the stack, what is secret in it in clear."""
    (found,) = [
        unmarked(one.inputs)
        for one in recorded.seen.values()
        if one.inputs.get("kind") == kind and one.inputs["metadata"]["name"] == name
    ]
    return found


def container(recorded: Recorder, name: str) -> dict[str, Any]:
    (only,) = made(recorded, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    return only


def job(recorded: Recorder, name: str) -> dict[str, Any]:
    """The container of a scheduled job."""
    spec = made(recorded, "CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (only,) = spec["containers"]
    return only


def reached_by(recorded: Recorder, name: str) -> set[str]:
    """Workloads that a policy lets in."""
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in made(recorded, "NetworkPolicy", name)["spec"]["ingress"]
        for peer in rule["from"]
    }


def test_only_those_that_declare_it_reach_the_two(recorded: Recorder) -> None:
    for name in (STORE, TRINO):
        callers = {one.name for one in DECLARED.values() if name in one.calls} & stack.platform().running
        assert reached_by(recorded, name) == callers
    assert TRINO in reached_by(recorded, "postgres")
    assert made(recorded, "NetworkPolicy", STORE)["spec"]["egress"] == []


def test_catalogues_lie_in_their_own_directory(recorded: Recorder) -> None:
    pod = made(recorded, "Deployment", TRINO)["spec"]["template"]["spec"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "files"]
    held = made(recorded, "ConfigMap", TRINO)["data"]
    files = {item["path"]: held[item["key"]] for item in volume["configMap"]["items"]}
    assert len(files) == len(held)
    assert "connector.name=iceberg" in files["catalog/lake.properties"]
    assert "connector.name=postgresql" in files["catalog/warehouse.properties"]
    assert f"s3.endpoint=http://{STORE}.carbon.svc.cluster.local:7070\n" in files["catalog/lake.properties"]
    mounts = {one["name"]: one["mountPath"] for one in container(recorded, TRINO)["volumeMounts"]}
    assert json.loads(files["groups.json"])
    assert f"security.config-file={mounts['files']}/rules.json" in files["access-control.properties"]
    # It may write to nothing else.
    assert f"node.data-dir={mounts['work']}" in files["node.properties"]


def test_no_secret_is_in_a_configuration_file_or_the_environment(recorded: Recorder) -> None:
    secrets = {PASSWORDS["own"]["object_store-secret-key"], PASSWORDS["roles"]["trino"]}
    shown = json.dumps(
        [made(recorded, "ConfigMap", TRINO), *(container(recorded, n) for n in (STORE, TRINO))]
    )
    assert not [one for one in secrets if one in shown]


def test_the_store_and_its_client_have_the_same_key(recorded: Recorder) -> None:
    def file(name: str, key: str) -> str:
        return base64.b64decode(made(recorded, "Secret", name)["data"][key]).decode()

    secret = file(STORE, "object-store-secret")
    assert secret == PASSWORDS["own"]["object_store-secret-key"]
    assert f"aws_secret_access_key={secret}\n" in file(TRINO, "aws-credentials")
    assert f":trino:{PASSWORDS['roles']['trino']}\n" in file(TRINO, "pgpass")
    told = {one["name"]: one.get("value") for one in container(recorded, STORE)["env"]}
    assert told["VGW_BUCKETS"].split() == [lake.BUCKET, lake.UPLOADS, lake.DOWNLOADS]


def told(recorded: Recorder, name: str) -> dict[str, Any]:
    """Environment of a workload."""
    return {one["name"]: one.get("value") for one in container(recorded, name)["env"]}


def test_files_of_tenants_have_a_place_where_somebody_makes_them(recorded: Recorder) -> None:
    places = {told(recorded, name)[env.DOWNLOADS_LOCATION] for name in (DATA_API.name, DOWNLOAD_WORKER.name)}
    assert places == {f"s3://{lake.DOWNLOADS}/"}
    assert {DATA_API.name, DOWNLOAD_WORKER.name} <= reached_by(recorded, STORE)
    config = values()
    config["carbon:download_worker"] = None
    without = registered(config)
    assert env.DOWNLOADS_LOCATION not in told(without, DATA_API.name), "it would take jobs that nobody does"


def test_a_run_that_somebody_has_to_look_at_is_not_made_again(recorded: Recorder) -> None:
    job = made(recorded, "CronJob", "warehouse-etl")["spec"]["jobTemplate"]["spec"]
    ((rule,), (container,)) = job["podFailurePolicy"]["rules"], job["template"]["spec"]["containers"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {"containerName": container["name"], "operator": "In", "values": [2, 3]}
    assert job["backoffLimit"] == 2


def test_a_stack_without_the_set_has_neither_and_no_path_to_them() -> None:
    config = values()
    config["carbon:sets"] = ["monitoring"]
    recorded = registered(config)
    assert not [one.name for one in recorded.seen.values() if one.name.startswith((STORE, TRINO))]
    assert TRINO not in reached_by(recorded, "postgres")


RESOURCES = {"cpu": "10m", "memory": "256Mi", "cpu_limit": "1", "memory_limit": "1Gi"}


@pytest.mark.parametrize(
    ("section", "content", "said"),
    [
        ("object_store", None, "trino needs object_store"),
        ("object_store", None, "download_worker needs object_store"),
        ("object_store", {"kind": "s3"}, "object_store.kind s3 needs aws.buckets.warehouse"),
        ("object_store", {"kind": "gateway", "storage": {"size": "much"}}, "storage.size"),
        ("object_store", {"kind": "nfs"}, "kind"),
        ("trino", {"resources": RESOURCES}, "memory_limit 1Gi is below 1792Mi"),
        ("trino", {"resources": RESOURCES, "heap_mib": 64}, "heap_mib"),
    ],
)
def test_what_cannot_work_is_refused(section: str, content: object, said: str) -> None:
    config = values()
    config[f"carbon:{section}"] = content
    with pytest.raises(SettingsError) as refused:
        settings(config)
    assert said in str(refused.value)


def test_a_store_without_a_key_is_refused() -> None:
    config = values()
    del config["carbon:secrets"]["own"]["object_store-secret-key"]
    with pytest.raises(SettingsError, match=r"object_store needs secrets\.own\.object_store-secret-key"):
        settings(config)


def test_the_reader_of_logs_is_reached_by_the_run_alone_and_reads_no_secret_but_its_sources(
    recorded: Recorder,
) -> None:
    assert reached_by(recorded, CONNECT) == {"warehouse-etl"}
    told = made(recorded, "ConfigMap", CONNECT)["data"]["worker.properties"]
    assert "group.id=warehouse-connect\n" in told
    assert f"param.allowed.paths={env.SECRETS_DIR}\n" in told
    calls = {one["name"]: one.get("value") for one in job(recorded, "warehouse-etl")["env"]}
    assert calls["WAREHOUSE_CONNECT_URL"] == f"http://{CONNECT}.carbon.svc.cluster.local:8083"


def test_a_log_that_nobody_reads_is_refused() -> None:
    source = {
        "kind": "mysql", "name": "old", "host": "db", "database": "old", "user": "reader",
        "password_file": "/run/secrets/old", "tables": {"people": {"key": ["id"], "changes": "log"}},
    }  # fmt: skip
    changed = {**values(), "carbon:warehouse_etl": {"sources": [source], "change_log": None}}
    with pytest.raises(SettingsError, match=r"old has changes: log of people, and nobody reads logs"):
        settings(changed)
