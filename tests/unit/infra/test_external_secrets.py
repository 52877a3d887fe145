"""A secret that stands elsewhere is named, never held; the pods that use it do not notice its rotation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.manifests import objects, pod_template, scaling, secrets
from infra.manifests.meta import metadata
from infra.manifests.resources.external_secrets import BASIC_AUTH, Remote, external_secret, rotating
from infra.manifests.workload import SecretMount, Workload
from infra.settings import Labels, Resources
from workloads.kit.contracts import env

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
REMOTE = Remote("carbon/prod/database/model_server", "password", "15m")
DEMO = Workload(
    name="demo",
    namespace="carbon",
    component="demo",
    identity=LABELS,
    image="demo:1",
    resources=Resources(cpu="10m", memory="32Mi", cpu_limit="1", memory_limit="64Mi"),
    secret_files={"postgres-password": REMOTE},
)


def pod(w: Workload) -> dict[str, Any]:
    return objects.deployment(w, scaling.ROLLING, replicas=1)["spec"]["template"]["spec"]


def test_it_makes_a_secret_of_the_same_name_and_keys() -> None:
    made = objects.secret(DEMO)
    assert (made["apiVersion"], made["kind"]) == ("external-secrets.io/v1", "ExternalSecret")
    spec = made["spec"]
    in_clear = objects.secret(replace(DEMO, secret_files={"postgres-password": "x" * 16}))
    assert spec["target"]["name"] == in_clear["metadata"]["name"] == made["metadata"]["name"]
    assert [entry["secretKey"] for entry in spec["data"]] == list(in_clear["data"])
    assert spec["target"]["template"]["type"] == in_clear["type"]
    (entry,) = spec["data"]
    assert (entry["remoteRef"]["key"], entry["remoteRef"]["property"]) == (REMOTE.key, REMOTE.property)
    assert spec["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "aws"}
    assert (spec["refreshPolicy"], spec["refreshInterval"]) == ("Periodic", "15m")


def test_an_entry_that_is_gone_takes_no_password_away() -> None:
    assert objects.secret(DEMO)["spec"]["target"]["deletionPolicy"] == "Retain"


def test_the_pod_mounts_it_like_any_other_secret() -> None:
    in_clear = replace(DEMO, secret_files={"postgres-password": "x" * 16})
    assert pod(DEMO) == pod(in_clear)


def test_the_hash_follows_the_place_and_not_how_often_it_is_read() -> None:
    first = pod_template.config_hash(DEMO)
    moved = replace(REMOTE, key="carbon/prod/database/other")
    oftener = replace(REMOTE, refresh="1m")
    assert pod_template.config_hash(replace(DEMO, secret_files={"postgres-password": moved})) != first
    assert pod_template.config_hash(replace(DEMO, secret_files={"postgres-password": oftener})) == first


def test_constants_stand_beside_what_is_secret() -> None:
    meta = metadata("role", "carbon", {"team": "t"})
    made = external_secret(meta, {"password": REMOTE}, kind=BASIC_AUTH, constants={"username": "mlflow"})
    template = made["spec"]["target"]["template"]
    assert template["data"] == {"username": "mlflow"}
    assert template["mergePolicy"] == "Merge"
    assert template["type"] == "kubernetes.io/basic-auth"


def test_one_secret_is_wholly_here_or_wholly_elsewhere() -> None:
    with pytest.raises(ValueError, match=r"demo: \['a'\] stand in the stack file and \['b'\] do not"):
        objects.secret(replace(DEMO, secret_files={"a": "x", "b": REMOTE}))


def test_one_secret_is_read_at_one_interval() -> None:
    with pytest.raises(ValueError, match="one interval"):
        secrets.secret(metadata("s", "carbon", {}), {"a": REMOTE, "b": replace(REMOTE, refresh="1h")})


def test_files_of_others_secrets_are_mounted_side_by_side_and_follow_their_changes() -> None:
    mount = SecretMount(
        name="kafka-tls",
        path="/var/run/secrets/kafka",
        sources={"ca": (env.TLS_CA,), "user": (env.TLS_CERTIFICATE, env.TLS_KEY)},
    )
    made = pod(replace(DEMO, mounted_secrets=(mount,)))
    (volume,) = [v for v in made["volumes"] if v["name"] == "kafka-tls"]
    files = {
        item["path"]: source["secret"]["name"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    assert files == {env.TLS_CA: "ca", env.TLS_CERTIFICATE: "user", env.TLS_KEY: "user"}
    (mounted,) = [m for m in made["containers"][0]["volumeMounts"] if m["name"] == "kafka-tls"]
    # A file mounted by `subPath` would keep its first content.
    assert mounted == {"name": "kafka-tls", "mountPath": mount.path, "readOnly": True}
    assert volume["projected"]["defaultMode"] == 0o440


def test_a_password_that_rotates_is_mounted_with_the_one_to_come_and_the_one_before() -> None:
    files = rotating(env.POSTGRES_PASSWORD, REMOTE)
    fields = {name: place.property for name, place in files.items() if isinstance(place, Remote)}
    assert fields == {
        "postgres-password": "password",
        "postgres-password.next": "next_password",
        "postgres-password.previous": "previous_password",
    }
    assert rotating(env.POSTGRES_PASSWORD, "x" * 16) == {env.POSTGRES_PASSWORD: "x" * 16}
