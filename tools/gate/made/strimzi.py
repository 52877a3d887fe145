"""What Strimzi makes of a Kafka, read in strimzi/strimzi-kafka-operator at 1.2.0, cluster-operator/src/main.

`model/WorkloadUtils.java`: pods get no token but by a projected volume of their own;
`model/KafkaCluster.java`, `EntityOperator.java`, `CruiseControl.java`: containers, accounts, policies;
`KafkaResources.java`: names; `operator-common/…/Labels.java`: the object's labels go on, but for
app.kubernetes.io/* other than part-of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tools.gate.made.parts import (
    Manifest,
    binding,
    claim,
    deployment,
    exec_probe,
    http_probe,
    ingress_policy,
    meta,
    pod,
    role,
    service,
)

SEEN: Final = {"strimzi-kafka-operator": "1.2.0"}

_OPERATOR: Final = "quay.io/strimzi/operator:1.2.0"
_CLUSTER_LABEL: Final = "strimzi.io/cluster"
_TOKEN: Final[Manifest] = {
    "name": "strimzi-service-account",
    "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]},
}


def kafka(cluster: Manifest, declared: list[Manifest]) -> Iterator[Manifest]:
    """Nodes, entity operator and Cruise Control of a cluster, with their accounts' rights and paths."""
    name, spec = cluster["metadata"]["name"], cluster["spec"]
    image = f"quay.io/strimzi/kafka:1.2.0-kafka-{spec['kafka']['version']}"
    pools = [
        one
        for one in declared
        if one.get("kind") == "KafkaNodePool" and one["metadata"]["labels"].get(_CLUSTER_LABEL) == name
    ]
    number = 0
    for pool in sorted(pools, key=lambda one: str(one["metadata"]["name"])):
        yield from _node(cluster, pool, number, image)
        number += int(pool["spec"]["replicas"])
    labels = _labels(cluster, f"{name}-kafka", "kafka")
    nodes = {_CLUSTER_LABEL: name, "strimzi.io/kind": "Kafka", "strimzi.io/name": f"{name}-kafka"}
    bootstrap = service(meta(f"{name}-kafka-bootstrap", cluster, labels), nodes, 9091)
    # A port a listener, beside the one between nodes; named, as several are (`KafkaCluster.java`,
    # `ListenersUtils.java`, whose other names are of listeners on ports that ours are not on).
    bootstrap["spec"]["ports"] = [
        {"name": "tcp-replication", "port": 9091},
        *({"name": f"tcp-{one['name']}", "port": one["port"]} for one in spec["kafka"]["listeners"]),
    ]
    yield bootstrap
    yield service(meta(f"{name}-kafka-brokers", cluster, labels), nodes, 9091)
    yield _node_policy(cluster, labels)
    yield from _entity_operator(cluster)
    if "cruiseControl" in spec:
        yield from _cruise_control(cluster, image)


def _labels(of: Manifest, component: str, kind: str) -> dict[str, str]:
    given: Mapping[str, str] = of["metadata"].get("labels", {})
    own = {k: v for k, v in given.items() if not k.startswith("app.kubernetes.io/") or k.endswith("/part-of")}
    name: str = own.get(_CLUSTER_LABEL) or of["metadata"]["name"]
    return {
        **own,
        _CLUSTER_LABEL: name,
        "strimzi.io/kind": "Kafka",
        "strimzi.io/name": component,
        "app.kubernetes.io/name": kind,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/part-of": f"strimzi-{name}",
        "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
    }


def _node(cluster: Manifest, pool: Manifest, number: int, image: str) -> Iterator[Manifest]:
    name, spec = cluster["metadata"]["name"], pool["spec"]
    template = spec.get("template", {})
    pod_name = f"{name}-{pool['metadata']['name']}-{number}"
    labels = _labels(pool, f"{name}-kafka", "kafka") | {"strimzi.io/pod-name": pod_name}
    containers = {
        "kafka": (image, "kafkaContainer"),
        "kafka-init": (_OPERATOR, "initContainer"),
    }
    made = {
        title: {
            "name": title,
            "image": of,
            "resources": spec.get("resources"),
            **_context(template, own),
        }
        for title, (of, own) in containers.items()
    }
    made["kafka"] |= {
        "livenessProbe": exec_probe("/opt/kafka/kafka_liveness.sh"),
        "readinessProbe": exec_probe("/opt/kafka/kafka_readiness.sh"),
    }
    has_init = "broker" in spec["roles"] and "rack" in cluster["spec"]["kafka"]
    yield pod(
        meta(pod_name, cluster, labels),
        {
            "serviceAccountName": f"{name}-kafka",
            "automountServiceAccountToken": False,
            **template.get("pod", {}),
            "initContainers": [made["kafka-init"]] if has_init else [],
            "containers": [made["kafka"]],
            "volumes": [_TOKEN],
        },
    )
    for volume in spec["storage"]["volumes"]:
        claimed = meta(f"data-{volume['id']}-{pod_name}", cluster, labels)
        yield claim(claimed, volume["size"], volume.get("class"))


def _context(template: Mapping[str, Any], own: str) -> Manifest:
    context = template.get(own, {}).get("securityContext")
    return {} if context is None else {"securityContext": context}


def _node_policy(cluster: Manifest, labels: Mapping[str, str]) -> Manifest:
    name, kafka = cluster["metadata"]["name"], cluster["spec"]["kafka"]
    operator = {
        "podSelector": {"matchLabels": {"strimzi.io/kind": "cluster-operator"}},
        "namespaceSelector": {},
    }
    nodes = {"podSelector": {"matchLabels": {_CLUSTER_LABEL: name, "strimzi.io/kind": "Kafka"}}}
    rules: list[Manifest] = [
        {"ports": [{"port": port}], "from": [operator, nodes]} for port in (9090, 9091, 8443)
    ]
    rules += [
        {"ports": [{"port": one["port"]}], "from": one.get("networkPolicyPeers", [])}
        for one in kafka["listeners"]
    ]
    if "metricsConfig" in kafka:
        rules.append({"ports": [{"port": 9404}]})
    return ingress_policy(
        meta(f"{name}-network-policy-kafka", cluster, labels), {_CLUSTER_LABEL: name}, rules
    )


def _entity_operator(cluster: Manifest) -> Iterator[Manifest]:
    own = cluster["spec"]["entityOperator"]
    name, template = cluster["metadata"]["name"], own.get("template", {})
    component = f"{name}-entity-operator"
    labels = _labels(cluster, component, "entity-operator")
    containers = [
        {
            "name": f"{which}-operator",
            "image": _OPERATOR,
            "resources": own[f"{which}Operator"].get("resources"),
            "livenessProbe": http_probe("/healthy", "healthcheck"),
            "readinessProbe": http_probe("/ready", "healthcheck"),
            **_context(template, f"{which}OperatorContainer"),
        }
        for which in ("topic", "user")
    ]
    yield from deployment(
        meta(component, cluster, labels),
        labels,
        {
            "serviceAccountName": component,
            "automountServiceAccountToken": False,
            **template.get("pod", {}),
            "containers": containers,
            "volumes": [_TOKEN],
        },
    )
    yield role(
        meta(component, cluster, labels),
        [
            {
                "apiGroups": ["kafka.strimzi.io"],
                "resources": ["kafkatopics", "kafkausers"],
                "verbs": ["get", "list", "watch", "create", "patch", "update"],
            },
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "verbs": ["get", "list", "watch", "create", "delete", "patch", "update"],
            },
        ],
    )
    for which in ("topic", "user"):
        bound = meta(f"{name}-entity-{which}-operator-role", cluster, labels)
        yield binding(bound, component, component)
    open_to_all: list[Manifest] = [{"ports": [{"port": 8080}]}, {"ports": [{"port": 8081}]}]
    yield ingress_policy(meta(component, cluster, labels), {"strimzi.io/name": component}, open_to_all)


def _cruise_control(cluster: Manifest, image: str) -> Iterator[Manifest]:
    own = cluster["spec"]["cruiseControl"]
    name, template = cluster["metadata"]["name"], own.get("template", {})
    component = f"{name}-cruise-control"
    labels = _labels(cluster, component, "cruise-control")
    check = exec_probe("/opt/cruise-control/cruise_control_healthcheck.sh")
    container = {
        "name": "cruise-control",
        "image": image,
        "resources": own.get("resources"),
        "livenessProbe": check,
        "readinessProbe": check,
        **_context(template, "cruiseControlContainer"),
    }
    yield from deployment(
        meta(component, cluster, labels),
        labels,
        {
            "serviceAccountName": component,
            "automountServiceAccountToken": False,
            **template.get("pod", {}),
            "containers": [container],
            "volumes": [_TOKEN],
        },
    )
    peers = [{"podSelector": {"matchLabels": {"strimzi.io/name": f"{name}-entity-operator"}}}]
    rules: list[Manifest] = [{"ports": [{"port": 9090}], "from": peers}]
    yield service(meta(component, cluster, labels), {"strimzi.io/name": component}, 9090)
    yield ingress_policy(meta(component, cluster, labels), {"strimzi.io/name": component}, rules)
