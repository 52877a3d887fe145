"""What the pods of kube-prometheus-stack may reach, and what reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.manifests import exporters, network, prometheus
from infra.manifests.charts.kube_prometheus_stack import GRAFANA, OPERATOR
from infra.manifests.meta import Manifest, labels, metadata, selector
from infra.manifests.network import Paths
from infra.manifests.resources import service_network
from infra.manifests.resources.service_network import Pods, Reach
from infra.settings import Labels
from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import MONITORING

_RELOADER: Final = 8080
_WEBHOOK: Final = 10250
_KUBELET: Final = 10250
_NODE_EXPORTER: Final = 9100
_GOSSIP: Final = 9094
_GRAFANA: Final = 3000
_STATE_METRICS: Final = 8080

_PROMETHEUS: Final = selector(prometheus.NAME)
_ALERTMANAGER: Final = selector(prometheus.ALERTMANAGER)


def policies(
    identity: Labels,
    *,
    api_cidrs: Sequence[str],
    network_cidrs: Sequence[str],
    paths: Paths,
    alerting: Paths,
    grafana: bool,
) -> list[Manifest]:
    """Network policies.

    Args:
        api_cidrs: networks that the Kubernetes API answers and calls from.
        network_cidrs: networks that nodes are in.
        paths, alerting: of Prometheus and of Alertmanager with the platform's workloads.
    """

    def of(name: str, pods: Mapping[str, str], reach: Reach, more: Paths) -> Manifest:
        theirs = labels(identity, name, "metrics")
        made = service_network.policy(
            name,
            MONITORING,
            theirs,
            reach,
            api_cidrs=api_cidrs,
            network_cidrs=network_cidrs,
            pods=pods,
        )
        ours = network.policy(name, MONITORING, theirs, more)
        for direction in ("ingress", "egress"):
            made["spec"][direction] += ours["spec"][direction]
        return made

    server = of(
        prometheus.NAME,
        _PROMETHEUS,
        Reach(
            metrics=(ports.PROMETHEUS, _RELOADER),
            within=(ports.PROMETHEUS, _RELOADER),
            nodes=(_KUBELET, _NODE_EXPORTER),
        ),
        paths,
    )
    # Operators and add-ons are scraped on ports of their own: who may come in is theirs to say.
    server["spec"]["egress"].append({"to": [{"namespaceSelector": {}}]})
    alerts = of(
        prometheus.ALERTMANAGER,
        _ALERTMANAGER,
        Reach(metrics=(ports.ALERTMANAGER, _RELOADER), internet=True),
        alerting,
    )
    for direction, side in (("ingress", "from"), ("egress", "to")):
        gossip = [{"protocol": protocol, "port": _GOSSIP} for protocol in ("TCP", "UDP")]
        alerts["spec"][direction].append({side: [_pods(_ALERTMANAGER)], "ports": gossip})
    counter = of(
        exporters.KUBE_STATE_METRICS,
        selector(exporters.KUBE_STATE_METRICS),
        Reach(metrics=(_STATE_METRICS,)),
        Paths(),
    )
    made = [
        server,
        alerts,
        counter,
        of("prometheus-operator", OPERATOR, Reach(from_api=(_WEBHOOK,), metrics=(_WEBHOOK,)), Paths()),
    ]
    if grafana:
        read = {ports.PROMETHEUS: (server, _PROMETHEUS), ports.ALERTMANAGER: (alerts, _ALERTMANAGER)}
        for port, (policy, _) in read.items():
            policy["spec"]["ingress"].append(
                {"from": [_pods(GRAFANA)], "ports": [{"protocol": "TCP", "port": port}]}
            )
        sources = tuple(Pods(MONITORING, pods, (port,)) for port, (_, pods) in read.items())
        made.append(of("grafana", GRAFANA, Reach(metrics=(_GRAFANA,), to=sources), Paths()))
    return made


def _pods(matching: Mapping[str, str]) -> Manifest:
    return {"podSelector": {"matchLabels": dict(matching)}}


def service(identity: Labels, name: str, port: int) -> Manifest:
    """A name for Prometheus or Alertmanager that does not depend on how they are run."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, MONITORING, labels(identity, name, "metrics")),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(name),
            "ports": [{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}],
        },
    }
