"""Addresses that pods are told: service and port are there, and the way is open at both ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from infra.manifests.meta import NAME
from policies.objects import identity, selects
from tools.gate.cluster_objects import Manifest, Objects, Pods
from tools.gate.pod_ends import Broken

_NAMESPACE: Final = "kubernetes.io/metadata.name"
_ADDRESS: Final = re.compile(r"(?<![\w.-])((?:[\w-]+\.){2,3})svc\.[a-z][\w.-]*[a-z](?::(\d+))?")
"""service.namespace.svc.domain or pod.service.namespace.svc.domain, and a port."""

_NOT_ASKED: Final[Mapping[tuple[str, str], str]] = {
    ("superset-prepare", "keycloak"): "only looks whether people log in by an issuer",
}
"""Pods that are told of a service and do not ask it, by their label, and why."""

_HOST, _PORT = "_HOST", "_PORT"
"""Ends of two variables that say an address together."""


def broken(objects: Objects) -> Broken:
    """Addresses that lead nowhere, and ways that one end alone opens."""
    for pods in objects.pods:
        if pods.declared:
            yield from _of_pods(objects, pods)
    for scaler in objects.kind("ScaledObject"):
        for trigger in scaler["spec"].get("triggers", ()):
            for address in _addresses(str(trigger.get("metadata", {}).get("bootstrapServers", ""))):
                for said in _wrong(objects, *address):
                    yield scaler, said
    yield from _one_sided(objects)


def _of_pods(objects: Objects, pods: Pods) -> Broken:
    for host, port in sorted(set(_told(objects, pods)), key=str):
        if wrong := list(_wrong(objects, host, port)):
            yield from ((pods.owner, said) for said in wrong)
        elif port is not None and (service := _service(objects, host)) is not None:
            if (pods.labels.get(NAME), service["metadata"]["name"]) in _NOT_ASKED:
                continue
            for other, number in _behind(objects, service, port):
                if said := _closed(objects, pods, other, number):
                    yield pods.owner, f"{host}:{port}: {said}"
                    break


def _told(objects: Objects, pods: Pods) -> Iterator[tuple[str, int | None]]:
    """Hosts and ports in the pods' variables, arguments and files."""
    for container in pods.containers:
        told = {e["name"]: str(e["value"]) for e in container.get("env", ()) if "value" in e}
        for name, value in told.items():
            port = told.get(f"{name.removesuffix(_HOST)}{_PORT}") if name.endswith(_HOST) else None
            for host, own in _addresses(value):
                yield host, own or (int(port) if port is not None else None)
        for argument in (*container.get("command", ()), *container.get("args", ())):
            yield from _addresses(str(argument))
    for volume in pods.spec.get("volumes", ()):
        for source in (volume, *volume.get("projected", {}).get("sources", ())):
            if (used := source.get("configMap")) is not None:
                made = objects.get("ConfigMap", pods.namespace, used["name"])
                for name, text in (made or {}).get("data", {}).items():
                    yield from _addresses(text)
                    if name.endswith((".yml", ".yaml")):
                        yield from _scraped(yaml.safe_load(text))


def _scraped(value: Any) -> Iterator[tuple[str, int | None]]:
    """Names that Prometheus asks DNS for, and the port beside them."""
    if isinstance(value, Mapping):
        if "names" in value and isinstance(value.get("port"), int):
            for name in value["names"]:
                yield from ((host, value["port"]) for host, _ in _addresses(str(name)))
        for inner in value.values():
            yield from _scraped(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scraped(inner)


def _addresses(text: str) -> Iterator[tuple[str, int | None]]:
    for found in _ADDRESS.finditer(text):
        yield found[1].rstrip("."), int(found[2]) if found[2] else None


def _service(objects: Objects, host: str) -> Manifest | None:
    *_, name, namespace = host.split(".")
    return objects.get("Service", namespace, name)


def _wrong(objects: Objects, host: str, port: int | None) -> Iterator[str]:
    namespace = host.rpartition(".")[2]
    service = _service(objects, host)
    if service is None:
        if objects.knows(namespace):
            yield f"{host}: there is no such service"
    elif port is not None and port not in (have := [int(p["port"]) for p in service["spec"]["ports"]]):
        # A service without an address of its own is its pods: whatever they listen at is there.
        if service["spec"].get("clusterIP") != "None" or not _behind(objects, service, port):
            yield f"{host}: the service has no port {port}, only {', '.join(map(str, have))}"
    elif host.count(".") == 2 and (pod := host.partition(".")[0]) not in _names(objects, service):
        yield f"{host}: the service has no pod {pod}"


def _names(objects: Objects, service: Manifest) -> set[str]:
    """Pods of the stateful sets that name a service as theirs."""
    return {
        f"{o['metadata']['name']}-{number}"
        for o in objects.kind("StatefulSet")
        if o["spec"].get("serviceName") == service["metadata"]["name"]
        and o["metadata"]["namespace"] == service["metadata"]["namespace"]
        for number in range(int(o["spec"].get("replicas", 1)))
    }


def _behind(objects: Objects, service: Manifest, port: int) -> list[tuple[Pods, int]]:
    """Pods behind a port of a service, and the number at which they listen."""
    spec = service["spec"]
    if not spec.get("selector"):
        return []
    found = objects.selected(service["metadata"]["namespace"], {"matchLabels": spec["selector"]})
    target = next((p.get("targetPort", p["port"]) for p in spec["ports"] if p["port"] == port), port)
    ends = [(pods, pods.ports.get(target, target if isinstance(target, int) else None)) for pods in found]
    return [(pods, end) for pods, end in ends if end is not None and (not pods.ports or end in pods.ports)]


def _one_sided(objects: Objects) -> Broken:
    """A way that a policy opens by name is open at its other end, too."""
    for policy in objects.kind("NetworkPolicy"):
        at = policy["metadata"]["namespace"]
        own = objects.selected(at, policy["spec"]["podSelector"])
        for side, peers in (("egress", "to"), ("ingress", "from")):
            for rule in policy["spec"].get(side, ()):
                numbers = [p["port"] for p in rule.get("ports", ()) if isinstance(p.get("port"), int)]
                for peer in rule.get(peers, ()):
                    others = _named(objects, at, peer) if objects.knows(at) else []
                    for number in numbers:
                        for mine, theirs in ((a, b) for a in own for b in others):
                            ends = (mine, theirs) if side == "egress" else (theirs, mine)
                            if said := _closed(objects, *ends, number):
                                yield policy, f"{side}: {said}"


def _named(objects: Objects, at: str, peer: Mapping[str, Any]) -> list[Pods]:
    """Pods that a peer picks by their own labels, where all pods there are known."""
    if not peer.get("podSelector"):
        return []
    labels = peer.get("namespaceSelector", {}).get("matchLabels", {_NAMESPACE: at})
    namespace = labels.get(_NAMESPACE)
    known = namespace is not None and objects.knows(namespace)
    return objects.selected(str(namespace), peer["podSelector"]) if known else []


def _closed(objects: Objects, source: Pods, target: Pods, port: int) -> str | None:
    """Why a way is closed, None where it is open."""
    for side, mine, other in (("egress", source, target), ("ingress", target, source)):
        if not _open(objects, side, mine, other, port):
            whose, far = identity(mine.owner), identity(other.owner)
            return f"{side} of {whose} is closed for {far} at port {port}"
    return None


def _open(objects: Objects, side: str, mine: Pods, other: Pods, port: int) -> bool:
    peers = "to" if side == "egress" else "from"
    bound = False
    for policy in _policies(objects, mine):
        spec = policy["spec"]
        if side.capitalize() not in spec.get("policyTypes", ("Ingress",)):
            continue
        bound = True
        at = policy["metadata"]["namespace"]
        for rule in spec.get(side, ()):
            if _has_port(rule.get("ports"), other if side == "egress" else mine, port) and (
                not rule.get(peers) or any(_is_peer(objects, at, peer, other) for peer in rule[peers])
            ):
                return True
    return not bound


def _policies(objects: Objects, pods: Pods) -> list[Manifest]:
    return [
        o
        for o in (*objects.declared, *objects.made)
        if o["kind"] == "NetworkPolicy"
        and o["metadata"]["namespace"] == pods.namespace
        and selects(o["spec"]["podSelector"], pods.labels)
    ]


def _has_port(ports: Sequence[Mapping[str, Any]] | None, target: Pods, number: int) -> bool:
    if not ports:
        return True
    for one in ports:
        first = one.get("port")
        if first is None:
            return True
        low = target.ports.get(first) if isinstance(first, str) else int(first)
        if (
            low is not None
            and one.get("protocol", "TCP") == "TCP"
            and low <= number <= int(one.get("endPort", low))
        ):
            return True
    return False


def _is_peer(objects: Objects, at: str, peer: Mapping[str, Any], pods: Pods) -> bool:
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" in peer:
        space = objects.get("Namespace", "", pods.namespace) or {"metadata": {}}
        labels = {**space["metadata"].get("labels", {}), _NAMESPACE: pods.namespace}
        if not selects(peer["namespaceSelector"], labels):
            return False
    elif pods.namespace != at:
        return False
    return "podSelector" not in peer or selects(peer["podSelector"], pods.labels)
