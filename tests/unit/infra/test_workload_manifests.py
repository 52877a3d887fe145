"""Every pod that can be made is restricted, sized, labelled, spread, and keeps its secrets in files."""

from __future__ import annotations

import base64
import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.manifests import network, objects, pod_template, scaling
from infra.manifests.meta import version
from infra.manifests.network import Paths, Peer
from infra.manifests.probes import Exec, Http, Probes, Tcp
from infra.manifests.workload import SERVICE_ACCOUNT, Volume, Workload
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import env

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
RESOURCES = Resources(cpu="10m", memory="32Mi", cpu_limit="1", memory_limit="64Mi")
PLAIN = Workload(
    name="demo", namespace="carbon", component="demo", identity=LABELS, image="demo:1", resources=RESOURCES
)

quick = settings(max_examples=30, deadline=None)

names = st.text(string.ascii_lowercase, min_size=1, max_size=20)
texts = st.text(string.printable, min_size=8, max_size=40)
file_maps = st.dictionaries(names, texts, max_size=3)
secret_values = st.text(string.ascii_letters, min_size=8, max_size=24).map(lambda t: f"secret-{t}")
ports = st.integers(1024, 65535)
probes = st.one_of(
    st.builds(Http, st.just("/healthz"), ports), st.builds(Tcp, ports), st.builds(Exec, st.just(("true",)))
)
resources = st.builds(
    lambda cpu, memory: Resources(cpu=f"{cpu}m", memory=f"{memory}Mi", cpu_limit="2", memory_limit="2Gi"),
    st.integers(1, 999),
    st.integers(1, 1023),
)
workloads = st.builds(
    Workload,
    name=names,
    namespace=st.sampled_from(["carbon", "carbon-monitoring"]),
    component=names,
    identity=st.just(LABELS),
    image=names.map(lambda n: f"registry/{n}:abc"),
    resources=resources,
    user=st.sampled_from([10001, 999]),
    command=st.lists(names, max_size=2),
    args=st.lists(texts, max_size=3),
    env=st.dictionaries(names.map(str.upper), names, max_size=3),
    fields=st.just({"POD_NAME": "metadata.name"}),
    ports=st.dictionaries(names, ports, max_size=2),
    files=file_maps,
    secret_files=st.dictionaries(names, secret_values, max_size=3),
    scratch=st.dictionaries(names.map(lambda n: f"scratch-{n}"), names.map(lambda n: f"/{n}"), max_size=2),
    volume=st.builds(
        Volume, st.just(Storage(size="1Gi", storage_class=None, protect=False)), st.just("/data")
    ),
    probes=st.builds(Probes, live=probes, ready=probes),
    grace_seconds=st.integers(1, 300),
    drain_seconds=st.integers(0, 10),
    exceptions=st.dictionaries(st.sampled_from(["scaler", SERVICE_ACCOUNT]), texts, max_size=2),
)


def all_kinds(w: Workload) -> list[dict[str, Any]]:
    return [
        objects.deployment(w, scaling.ROLLING, replicas=3),
        objects.stateful_set(w, replicas=3),
        objects.job(w, deadline_seconds=60),
        objects.cron_job(w, "0 2 * * *", deadline_seconds=60),
    ]


def template(made: dict[str, Any]) -> dict[str, Any]:
    spec = made["spec"]
    return (spec["jobTemplate"]["spec"] if made["kind"] == "CronJob" else spec)["template"]


@quick
@given(workloads)
def test_every_pod_is_restricted(w: Workload) -> None:
    for made in all_kinds(w):
        pod = template(made)["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == w.user != 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert all("hostPath" not in volume for volume in pod["volumes"])
        assert pod["automountServiceAccountToken"] is (SERVICE_ACCOUNT in w.exceptions)
        assert pod["serviceAccountName"] == w.name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert (
                set(container["resources"]["requests"])
                == set(container["resources"]["limits"])
                == {
                    "cpu",
                    "memory",
                }
            )


@quick
@given(workloads)
def test_every_pod_can_write_where_it_may_and_mounts_what_it_has(w: Workload) -> None:
    for made in all_kinds(w):
        pod = template(made)["spec"]
        declared = {volume["name"] for volume in pod["volumes"]}
        if made["kind"] == "StatefulSet":
            declared |= {claim["metadata"]["name"] for claim in made["spec"]["volumeClaimTemplates"]}
        elif made["kind"] != "Deployment":
            continue
        mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
        assert mounts.keys() == declared
        assert mounts["tmp"]["mountPath"] == "/tmp"
        assert all(mounts[name].get("readOnly") for name in ("files", "secrets") if name in mounts)


@quick
@given(workloads)
def test_secrets_stand_in_files_and_nowhere_else(w: Workload) -> None:
    shown = json.dumps([all_kinds(w), objects.config_map(w), objects.service_account(w), repr(w)])
    for content in w.secret_files.values():
        assert isinstance(content, str)
        assert content not in shown
        assert base64.b64encode(content.encode()).decode() not in shown
    kept = objects.secret(w)["data"]
    assert {n: base64.b64decode(v).decode() for n, v in kept.items()} == dict(w.secret_files)
    if w.secret_files:
        mounts = template(objects.job(w, deadline_seconds=1))["spec"]["containers"][0]["volumeMounts"]
        assert env.SECRETS_DIR in {mount["mountPath"] for mount in mounts}


@quick
@given(workloads)
def test_every_object_carries_who_owns_it(w: Workload) -> None:
    for made in [*all_kinds(w), objects.service_account(w), objects.config_map(w), objects.secret(w)]:
        labels = made["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == w.name
        assert [labels[key] for key in ("env", "owner", "team", "product", "cost-center")] == [
            "test",
            "o",
            "t",
            "p",
            "c",
        ]
        assert made["metadata"]["namespace"] == w.namespace
    for made in all_kinds(w):
        assert template(made)["metadata"]["labels"]["app.kubernetes.io/name"] == w.name


@quick
@given(workloads, st.data())
def test_the_hash_follows_the_content_of_files_and_secrets(w: Workload, data: st.DataObject) -> None:
    assert pod_template.config_hash(w) == pod_template.config_hash(replace(w))
    which = data.draw(st.sampled_from(["files", "secret_files"]))
    content: dict[str, str] = dict(getattr(w, which))
    name = data.draw(st.sampled_from(sorted(content))) if content else "new"
    changed = replace(w, **{which: {**content, name: content.get(name, "") + "x"}})
    assert pod_template.config_hash(changed) != pod_template.config_hash(w)
    notes = template(objects.deployment(w, scaling.ROLLING, replicas=1))["metadata"]["annotations"]
    assert notes["carbon/config-hash"] == pod_template.config_hash(w)


@quick
@given(st.permutations(["a", "b", "c"]))
def test_order_of_files_means_nothing(order: list[str]) -> None:
    w = replace(PLAIN, files={n: n for n in order}, secret_files={n: n * 16 for n in order})
    same = replace(PLAIN, files={n: n for n in "abc"}, secret_files={n: n * 16 for n in "abc"})
    assert pod_template.config_hash(w) == pod_template.config_hash(same)


def test_a_hash_cannot_be_looked_up_from_another_workloads() -> None:
    w = replace(PLAIN, secret_files={"password": "a" * 16})
    assert pod_template.config_hash(w) != pod_template.config_hash(replace(w, name="other"))


@quick
@given(workloads)
def test_a_changed_job_is_a_new_one_and_an_unchanged_one_is_not(w: Workload) -> None:
    name = objects.job(w, deadline_seconds=60)["metadata"]["name"]
    assert name == objects.job(replace(w), deadline_seconds=60)["metadata"]["name"]
    assert name.startswith(f"{w.name}-")
    for changed in (
        replace(w, image=w.image + "1"),
        replace(w, env={**w.env, "NEW": "1"}),
        replace(w, files={**w.files, "new": "1"}),
        replace(w, secret_files={**w.secret_files, "new": "1" * 16}),
    ):
        assert objects.job(changed, deadline_seconds=60)["metadata"]["name"] != name


@quick
@given(workloads)
def test_own_fields_come_before_the_variables_that_may_use_them(w: Workload) -> None:
    variables = template(objects.job(w, deadline_seconds=1))["spec"]["containers"][0]["env"]
    assert [v["name"] for v in variables] == [*sorted(w.fields), *sorted(w.env)]


def test_a_startup_is_given_its_time() -> None:
    made = Probes(live=Tcp(1), ready=Http("/readyz", 2), startup_seconds=90).manifest()
    startup = made["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 90
    assert startup["tcpSocket"] == made["livenessProbe"]["tcpSocket"] == {"port": 1}
    assert made["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 2}


def test_only_ten_minutes_without_an_answer_restart_a_container() -> None:
    made = Probes(live=Tcp(1), ready=Tcp(1)).manifest()
    for probe in (made["startupProbe"], made["livenessProbe"]):
        assert probe["periodSeconds"] * probe["failureThreshold"] >= 600
    # One late answer takes no pod out of its service.
    assert made["readinessProbe"]["failureThreshold"] > 1


def test_a_job_never_overlaps_itself() -> None:
    spec = objects.cron_job(PLAIN, "0 2 * * *", deadline_seconds=60)["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 2 * * *", "Etc/UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 60


def test_a_shared_job_tries_each_of_its_shards_again_by_itself() -> None:
    spec = objects.cron_job(PLAIN, "0 2 * * *", deadline_seconds=60, retries=3, shards=4)["spec"]
    job = spec["jobTemplate"]["spec"]
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 4, 4)
    assert (job["backoffLimitPerIndex"], job["maxFailedIndexes"]) == (3, 4)
    assert "backoffLimit" not in job


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("localhost/carbon/kafka:0123abcd", "0123abcd"),
        ("registry:5000/kafka:1.2.3", "1.2.3"),
        ("registry:5000/kafka@sha256:" + "f" * 64, "f" * 12),
        ("kafka:1.2@sha256:" + "e" * 64, "e" * 12),
    ],
)
def test_version_is_the_tag_or_the_start_of_the_digest(image: str, tag: str) -> None:
    assert version(image) == tag


def test_a_policy_opens_just_its_paths() -> None:
    paths = Paths(
        ingress=((Peer("carbon", "client"), 80),),
        egress=((Peer("carbon-monitoring", "server"), 90),),
        networks=(("10.1.0.0/16", 443),),
    )
    spec = network.policy("demo", "carbon", {}, paths)["spec"]
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "demo"}}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    ((opened,), (out, outside)) = spec["ingress"], spec["egress"]
    assert opened["ports"] == [{"protocol": "TCP", "port": 80}]
    assert opened["from"][0]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "client"}}
    assert out["to"][0]["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "carbon-monitoring"}
    }
    assert outside == {
        "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}],
        "ports": [{"protocol": "TCP", "port": 443}],
    }


@quick
@given(st.permutations([("a", 1), ("b", 2), ("c", 3)]))
def test_order_of_paths_means_nothing(order: list[tuple[str, int]]) -> None:
    def made(paths: list[tuple[str, int]]) -> dict[str, Any]:
        peers = tuple((Peer("carbon", name), port) for name, port in paths)
        return network.policy("demo", "carbon", {}, Paths(ingress=peers, egress=peers))

    assert made(order) == made(sorted(order))


def test_dns_is_all_that_a_namespace_opens() -> None:
    spec = network.allow_dns("carbon", {})["spec"]
    assert spec["policyTypes"] == ["Egress"]
    (rule,) = spec["egress"]
    assert {(p["protocol"], p["port"]) for p in rule["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert "podSelector" in rule["to"][0]
    assert "namespaceSelector" in rule["to"][0]
