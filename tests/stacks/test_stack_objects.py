"""The local stack's objects, taken together: they fit the node, reach each other, and keep every rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from policies import limits
from policies.check import broken
from policies.examples import kubernetes
from policies.exceptions import Register
from policies.rule import Stack
from tests.stack import PILOTS, platform
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.superset import SUPERSET
from workloads.kit.contracts.platform import DECLARED, EGRESS_CLIENTS, flows, roles

Objects = list[dict[str, Any]]

RUNNING = platform().running

NODE_MILLICORES = 2000
CONTROL_PLANE_MILLICORES = 240
LONG_RUNNING = ("Deployment", "StatefulSet")


def test_every_object_keeps_every_rule(objects: Objects) -> None:
    stack = Stack([kubernetes(o) for o in objects])
    found = broken(stack, limits.of("local"), Register.now(), "local")
    assert [(rule.id, f.resource.name, f.detail) for rule, f in found] == []


def test_everything_fits_the_node(objects: Objects) -> None:
    """With every job running at once, on top of the control plane."""
    wanted = CONTROL_PLANE_MILLICORES
    for o in objects:
        if pod := _pod(o):
            count = o["spec"].get("replicas", 1)
            wanted += count * sum(_millicores(c["resources"]["requests"]["cpu"]) for c in pod["containers"])
    assert wanted <= 0.85 * NODE_MILLICORES


@pytest.mark.parametrize("namespace", ["carbon", "carbon-monitoring"])
def test_quota_holds_every_pod_at_its_most(objects: Objects, namespace: str) -> None:
    """A rolling update and a full scale-out must not meet the quota."""
    most = {o["metadata"]["name"]: o["spec"]["maxReplicas"] for o in _of(objects, "HorizontalPodAutoscaler")}
    memory = pods = 0
    for o in objects:
        if (pod := _pod(o)) and o["metadata"]["namespace"] == namespace:
            count = most.get(o["metadata"]["name"], o["spec"].get("replicas") or 1) + 1
            pods += count
            memory += count * sum(_mebibytes(c["resources"]["limits"]["memory"]) for c in pod["containers"])
    (quota,) = [
        o["spec"]["hard"] for o in _of(objects, "ResourceQuota") if o["metadata"]["namespace"] == namespace
    ]
    assert memory <= _mebibytes(quota["limits.memory"])
    assert pods <= int(quota["pods"])


def test_every_long_running_workload_may_be_drained(objects: Objects) -> None:
    budgets = {_key(o): o["spec"]["selector"]["matchLabels"] for o in _of(objects, "PodDisruptionBudget")}
    for o in _of(objects, *LONG_RUNNING):
        labels = o["spec"]["template"]["metadata"]["labels"].items()
        assert budgets[_key(o)].items() <= labels


def test_every_deployment_scales_or_says_why_not(objects: Objects) -> None:
    scaled = {o["spec"]["scaleTargetRef"]["name"]: o for o in _of(objects, "HorizontalPodAutoscaler")}
    assert set(scaled) == {
        "analytics-consumer",
        "api-integration",
        "customer-consumer",
        "data-api",
        "data-quality",
        "data-quality-indicators",
        "indicator-consumer",
        "model-server",
        "prediction-consumer",
        "superset",
    }
    for o in _of(objects, *LONG_RUNNING):
        if (name := o["metadata"]["name"]) in scaled:
            assert o["spec"]["replicas"] == scaled[name]["spec"]["minReplicas"]
        else:
            assert o["metadata"]["annotations"]["carbon/exception.scaler"]
    for o in scaled.values():
        targets = {m["resource"]["name"]: m["resource"]["target"] for m in o["spec"]["metrics"]}
        assert targets["cpu"]["averageUtilization"] == 70
        assert targets["memory"]["averageUtilization"] == 80
    least = {name: o["spec"]["minReplicas"] for name, o in scaled.items()}
    # One node of two cores, and nobody waits for these.
    few = ("data-api", "data-quality", "data-quality-indicators", "indicator-consumer")
    assert {least.pop(name) for name in few} == {2}
    assert {least.pop(name) for name in ("api-integration", "customer-consumer", "superset")} == {1}
    assert set(least.values()) == {3}


def _of_tenant(o: dict[str, Any]) -> bool:
    return "tenant" in o["metadata"].get("labels", {})


def test_every_workload_has_its_own_account(objects: Objects) -> None:
    # A tenant's default account is for pods that it makes itself: test_tenants_stack.
    accounts = {_key(o) for o in _of(objects, "ServiceAccount") if not _of_tenant(o)}
    used = [
        (o["metadata"]["namespace"], pod["serviceAccountName"])
        for o in objects
        if (pod := _pod(o)) is not None
    ]
    assert len(used) == len(set(used))
    assert set(used) == accounts
    assert not any(o["automountServiceAccountToken"] for o in _of(objects, "ServiceAccount"))


def test_only_those_who_ask_the_api_have_a_token(objects: Objects) -> None:
    with_token = {
        o["metadata"]["name"]: o["metadata"].get("annotations", {})
        for o in objects
        if (pod := _pod(o)) and pod["automountServiceAccountToken"]
    }
    assert set(with_token) == {one.name for one in DECLARED.values() if one.kubernetes_api}
    assert all(notes["carbon/exception.service-account-token"] for notes in with_token.values())
    for role in _of(objects, "Role"):
        for rule in () if _of_tenant(role) else role["rules"]:
            assert set(rule["verbs"]) == {"get", "list", "watch"}
            assert not {"secrets", "*"} & set(rule["resources"])


def test_every_volume_finds_its_source(objects: Objects) -> None:
    sources = {
        kind: {_key(o) for o in _of(objects, kind)}
        for kind in ("ConfigMap", "Secret", "PersistentVolumeClaim")
    }
    found = 0
    for o in objects:
        for volume in (_pod(o) or {}).get("volumes", ()):
            for field, kind, name in (
                ("configMap", "ConfigMap", "name"),
                ("secret", "Secret", "secretName"),
                ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
            ):
                if field in volume:
                    assert (o["metadata"]["namespace"], volume[field][name]) in sources[kind]
                    found += 1
    assert found >= 15


def test_files_named_in_the_environment_are_mounted(objects: Objects) -> None:
    secrets = {_key(o): _unmarked(o["data"]) for o in _of(objects, "Secret")}
    named = 0
    for o in objects:
        for container in (_pod(o) or {}).get("containers", ()):
            for variable in container["env"]:
                if variable["name"].endswith(("PASSWORD_FILE", "PASS_FILE")):
                    directory, name = variable["value"].rsplit("/", 1)
                    assert directory == env.SECRETS_DIR
                    assert name in secrets[_key(o)]
                    named += 1
    assert named >= 9


def test_a_pod_holds_no_other_roles_password(objects: Objects) -> None:
    """Nor more than it needs: the second one of those that have a cache is the cache's."""
    more = {
        "egress-proxy": len(RUNNING & {*EGRESS_CLIENTS}),
        "migrations": len(roles(RUNNING)) + len(PILOTS) + 1,
        "price-pipeline": 3,
        "api-integration": 3,
        # The database's, and the object store's.
        **dict.fromkeys(("model-server", "trino"), 2),
        # The cache's besides; data-api has the key of Superset's guests, too.
        "download-worker": 3,
        "data-api": 4,
        "keycloak": 1 + len(KEYCLOAK.secrets),
        "keycloak-prepare": len(KEYCLOAK.secrets),
        # The database's, the store's, the egress proxy's and the key of pseudonyms.
        "warehouse-etl": 4,
        # Two roles, and what is made up for Superset.
        **dict.fromkeys(("superset", "superset-prepare"), 2 + len(SUPERSET.secrets)),
    }
    for o in _of(objects, "Secret"):
        if _of_tenant(o):
            continue
        expected = more.get(o["metadata"]["name"], 1)
        assert len(_unmarked(o["data"])) == expected, o["metadata"]["name"]


def test_every_pod_is_behind_a_policy_of_its_own(objects: Objects) -> None:
    policies = {_key(o): o["spec"] for o in _of(objects, "NetworkPolicy")}
    for o in objects:
        if (pod := _template(o)) is not None:
            name = o["metadata"]["labels"]["app.kubernetes.io/name"]
            policy = policies[o["metadata"]["namespace"], name]
            assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
            assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    for namespace in ("carbon", "carbon-monitoring"):
        deny = policies[namespace, "default-deny"]
        assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}


def test_each_path_is_open_at_both_ends_and_no_other_is(objects: Objects) -> None:
    def ends(direction: str, side: str) -> Iterator[tuple[str, str, int]]:
        for o in _of(objects, "NetworkPolicy"):
            me = o["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
            for rule in o["spec"].get(direction, []) if me else []:
                for peer in rule[side]:
                    if "podSelector" in peer:
                        other = peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                        namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                        assert namespace == DECLARED[other].namespace
                        for port in rule["ports"]:
                            yield (me, other, port["port"])

    out = set(ends("egress", "to"))
    into = {(source, target, port) for target, source, port in ends("ingress", "from")}
    brokers = {("kafka", "kafka", 9092), ("kafka", "kafka", 9093)}
    assert out == into == set(flows(RUNNING)) | brokers


def test_paths_end_where_somebody_listens(objects: Objects) -> None:
    listening = {
        o["metadata"]["name"]: {p["containerPort"] for c in pod["containers"] for p in c.get("ports", ())}
        for o in objects
        if (pod := _pod(o))
    }
    for _, target, port in flows(RUNNING):
        assert port in listening[target]


def test_services_find_pods_that_listen(objects: Objects) -> None:
    pods = [(o, t) for o in objects if (t := _template(o)) is not None]
    for o in _of(objects, "Service"):
        wanted = dict(o["spec"]["selector"])
        ordinal = wanted.pop("statefulset.kubernetes.io/pod-name", None)
        owner = ordinal.rsplit("-", 1)[0] if ordinal else None
        matching = [
            template
            for workload, template in pods
            if workload["metadata"]["namespace"] == o["metadata"]["namespace"]
            and wanted.items() <= template["metadata"]["labels"].items()
            and owner in (None, workload["metadata"]["name"])
        ]
        assert len(matching) == 1, o["metadata"]["name"]
        listening = {p["containerPort"] for p in matching[0]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in o["spec"]["ports"]} <= listening


def test_prometheus_reaches_all_that_it_scrapes(objects: Objects) -> None:
    (files,) = [o["data"] for o in _of(objects, "ConfigMap") if o["metadata"]["name"] == "prometheus"]
    scraped: dict[str, tuple[str, int]] = {}
    for job in json.loads(files["prometheus.yml"])["scrape_configs"]:
        for found in job.get("dns_sd_configs", ()):
            scraped[job["job_name"]] = (found["names"][0], found["port"])
        for found in job.get("static_configs", ()):
            host, port = found["targets"][0].split(":")
            scraped[job["job_name"]] = (host, int(port))
    assert scraped.pop("prometheus") == ("localhost", 9090)
    assert {"analytics-consumer", "data-api", "price-replay", "model-server"} <= scraped.keys()
    assert {(job, port) for job, (_, port) in scraped.items()} == {
        (target, port) for source, target, port in flows(RUNNING) if source == "prometheus"
    }
    services = {_key(o): o["spec"]["ports"][0]["port"] for o in _of(objects, "Service")}
    for host, port in scraped.values():
        name, namespace, *domain = host.split(".")
        assert services[namespace, name] == port
        assert domain == ["svc", "cluster", "local"]


def test_every_long_running_pod_is_probed(objects: Objects) -> None:
    for o in _of(objects, *LONG_RUNNING):
        for container in o["spec"]["template"]["spec"]["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def _of(objects: Objects, *kinds: str) -> Objects:
    found = [o for o in objects if o["kind"] in kinds]
    assert found
    return found


def _key(o: dict[str, Any]) -> tuple[str, str]:
    return o["metadata"]["namespace"], o["metadata"]["labels"]["app.kubernetes.io/name"] if o[
        "kind"
    ] == "Job" else o["metadata"]["name"]


def _template(o: dict[str, Any]) -> dict[str, Any] | None:
    if o["kind"] == "CronJob":
        return o["spec"]["jobTemplate"]["spec"]["template"]
    return o["spec"]["template"] if o["kind"] in (*LONG_RUNNING, "Job") else None


def _pod(o: dict[str, Any]) -> dict[str, Any] | None:
    template = _template(o)
    return template["spec"] if template else None


def _unmarked(data: dict[str, Any]) -> dict[str, str]:
    return data.get("value", data)


def _millicores(text: str) -> int:
    return int(text[:-1]) if text.endswith("m") else int(text) * 1000


def _mebibytes(text: str) -> int:
    return int(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]]
