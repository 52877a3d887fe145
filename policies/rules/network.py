"""The network is closed, and opened path by path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies import objects
from policies.examples import DEPLOYMENT, SELECTOR, kubernetes, obj
from policies.limits import Limits
from policies.networks import MOST
from policies.rule import Finding, ObjectRule, Resource, Stack, StackRule
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.namespaces import PLATFORM

CIS = "CIS Kubernetes Benchmark 5.3.2"

_NAME = "app.kubernetes.io/name"

_PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]
"""Networks that are not the internet; the last has the node's metadata."""


def _policy(name: str = "demo", **spec: Any) -> Any:
    closed = {"podSelector": {"matchLabels": SELECTOR}, "policyTypes": ["Ingress", "Egress"]}
    return obj("networking.k8s.io/v1", "NetworkPolicy", name=name, spec={**closed, **spec})


def _proxy(**spec: Any) -> Any:
    return _policy(podSelector={"matchLabels": {_NAME: EGRESS_PROXY.name}}, **spec)


def _elsewhere(**spec: Any) -> Any:
    made = _policy(**spec)
    return {**made, "metadata": {**made["metadata"], "namespace": "keda"}}


_NAMESPACE = obj("v1", "Namespace", name="carbon", namespace=None)
_NAMESPACE["metadata"]["labels"] = {
    **_NAMESPACE["metadata"]["labels"],
    "pod-security.kubernetes.io/enforce": "restricted",
}
_DENY = _policy("default-deny", podSelector={})
_PEERS = [{"podSelector": {"matchLabels": SELECTOR}}]


def _internet(**rule: Any) -> Any:
    to = [{"ipBlock": {"cidr": "0.0.0.0/0", "except": _PRIVATE}}]
    return {"to": to, "ports": [{"port": 443, "protocol": "TCP"}], **rule}


def _selected(stack: Stack, _: Limits) -> Iterator[Finding]:
    for workload in stack.objects(*objects.WORKLOADS):
        labels = objects.pod_labels(workload)
        own = (
            policy
            for policy in objects.same_namespace(stack, workload, "NetworkPolicy")
            if _names_pods(policy) and objects.selects(policy.get("spec.podSelector"), labels)
        )
        if next(own, None) is None:
            yield Finding(workload, "no NetworkPolicy selects its pods by their labels")


def _names_pods(policy: Resource) -> bool:
    selector = policy.get("spec.podSelector", {})
    return bool(selector.get("matchLabels") or selector.get("matchExpressions"))


def _denied(stack: Stack, _: Limits) -> Iterator[Finding]:
    closed = {objects.namespace(p) for p in stack.objects("NetworkPolicy") if _denies_all(p)}
    for namespace in stack.objects("Namespace"):
        if objects.name(namespace) not in closed:
            yield Finding(namespace, "no NetworkPolicy closes it for all its pods, in and out")


def _denies_all(policy: Resource) -> bool:
    spec = policy.props["spec"]
    return (
        not _names_pods(policy)
        and set(spec.get("policyTypes", ())) == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )


RULES = (
    ObjectRule(
        id="network-policy-names-peers",
        source=CIS,
        title="a network policy says who is at the other end of every path",
        remedy="name pods, namespaces or networks in `from` and `to`; the internet is 0.0.0.0/0 in `to` with "
        f"ports, except {', '.join(_PRIVATE)}",
        kinds=frozenset({"NetworkPolicy"}),
        expression=f"""
            (!has(object.spec.ingress) || object.spec.ingress.all(r, has(r.from) && size(r.from) > 0
                && r.from.all(p, !has(p.ipBlock) || !p.ipBlock.cidr.matches('{MOST}'))))
            && (!has(object.spec.egress) || object.spec.egress.all(r, has(r.to) && size(r.to) > 0
                && r.to.all(p, !has(p.ipBlock) || !p.ipBlock.cidr.matches('{MOST}')
                    || (has(r.ports) && size(r.ports) > 0 && has(p.ipBlock.except)
                        && {_PRIVATE}.all(n, n in p.ipBlock.except)))))
        """,
        passes=(
            _policy(ingress=[{"from": _PEERS}]),
            _policy(egress=[{"to": _PEERS}]),
            _proxy(egress=[_internet()]),
            _DENY,
        ),
        refuses=(
            _policy(ingress=[{}]),
            _policy(ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": _PRIVATE}}]}]),
            _policy(egress=[{"ports": [{"port": 443}]}]),
            _proxy(egress=[_internet(ports=[])]),
            _proxy(egress=[{"to": [{"ipBlock": {"cidr": "128.0.0.0/1"}}]}]),
            _proxy(egress=[_internet(to=[{"ipBlock": {"cidr": "0.0.0.0/0"}}])]),
            _proxy(egress=[_internet(to=[{"ipBlock": {"cidr": "0.0.0.0/0", "except": _PRIVATE[:1]}}])]),
        ),
    ),
    ObjectRule(
        id="internet-by-name",
        source="the platform's promise to auditors: what leaves is allowed by name, and recorded",
        title="in the platform's namespace the egress proxy alone reaches the internet",
        remedy="declare that the workload calls egress-proxy, and its hosts: see docs/egress.md",
        kinds=frozenset({"NetworkPolicy"}),
        expression=f"""
            object.metadata.namespace != '{PLATFORM}' || !has(object.spec.egress)
            || (has(object.spec.podSelector.matchLabels)
                && '{_NAME}' in object.spec.podSelector.matchLabels
                && object.spec.podSelector.matchLabels['{_NAME}'] == '{EGRESS_PROXY.name}')
            || object.spec.egress.all(r, !has(r.to)
                || r.to.all(p, !has(p.ipBlock) || !p.ipBlock.cidr.matches('{MOST}')))
        """,
        passes=(
            _proxy(egress=[_internet()]),
            _policy(egress=[{"to": _PEERS}]),
            _elsewhere(egress=[_internet()]),
            _DENY,
        ),
        refuses=(
            _policy(egress=[_internet()]),
            _policy(egress=[{"to": _PEERS}, _internet()], podSelector={}),
            _policy(egress=[_internet()], podSelector={"matchLabels": {"app": EGRESS_PROXY.name}}),
        ),
    ),
    ObjectRule(
        id="namespace-restricted",
        source="Kubernetes Pod Security Standards, restricted",
        title="a namespace takes restricted pods only",
        remedy="label it pod-security.kubernetes.io/enforce: restricted, or except it with a reason",
        kinds=frozenset({"Namespace"}),
        expression="""
            has(object.metadata.labels) && 'pod-security.kubernetes.io/enforce' in object.metadata.labels
            && object.metadata.labels['pod-security.kubernetes.io/enforce'] == 'restricted'
        """,
        passes=(_NAMESPACE,),
        refuses=(obj("v1", "Namespace", name="carbon", namespace=None),),
    ),
    StackRule(
        id="network-policy-present",
        source=CIS,
        title="a network policy of its own selects the pods of every workload",
        remedy="declare the workload's paths: infra.manifests.network.policy",
        about=(*objects.WORKLOADS, "NetworkPolicy"),
        check=_selected,
        passes=((kubernetes(DEPLOYMENT), kubernetes(_policy())),),
        refuses=(
            (kubernetes(DEPLOYMENT), kubernetes(_DENY)),
            (
                kubernetes(DEPLOYMENT),
                kubernetes(_policy(podSelector={"matchLabels": {"app.kubernetes.io/name": "other"}})),
            ),
        ),
    ),
    StackRule(
        id="namespace-default-deny",
        source=CIS,
        title="a namespace is closed, in and out, where no policy opens it",
        remedy="add a NetworkPolicy with an empty podSelector, both policyTypes and no rule",
        about=("Namespace", "NetworkPolicy"),
        check=_denied,
        passes=((kubernetes(_NAMESPACE), kubernetes(_DENY)),),
        refuses=(
            (kubernetes(_NAMESPACE),),
            (kubernetes(_NAMESPACE), kubernetes(_policy())),
            (
                kubernetes(_NAMESPACE),
                kubernetes(_policy("default-deny", podSelector={}, policyTypes=["Ingress"])),
            ),
        ),
    ),
)
