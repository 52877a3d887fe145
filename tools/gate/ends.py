"""Both ends of a path agree: what one object names, another one has.

Port, selector, volume, file, secret and key, account, role, target of a scaler, class, store, topic;
addresses and the ways to them, variables, probes, passwords, places in buckets, names at AWS. Kubernetes
takes each of them as it is and waits: nothing answers, nothing starts, nothing is scaled. What operators make
is known by `tools.gate.made`; where a chart's pods are not known, what points to them is listed as unseen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from policies.objects import identity
from tools.gate import (
    addresses,
    aws_ends,
    aws_names,
    aws_wiring,
    pod_ends,
    program_ends,
    references,
    told,
)
from tools.gate.cluster_objects import Objects, Pods
from tools.gate.model import CheckResult, Finding, StackPreview
from tools.gate.pod_ends import Broken

CHECK: Final = "both-ends"

_REMEDY: Final = (
    "Write it once and use it at both ends (workloads/kit/contracts, infra/names.py), or correct one."
)
_USED: Final = re.compile(r"{{\s*(?:index \. \"([^\"]+)\"|\.([\w]+))")
"""A value in a template of External Secrets."""
_NAMESPACE: Final = "kubernetes.io/metadata.name"


def both_ends(previews: Sequence[StackPreview]) -> CheckResult:
    """Compare both ends in every stack."""
    began = time.monotonic()
    findings: list[Finding] = []
    unseen: list[str] = []
    examined = 0
    for preview in previews:
        objects = Objects.of(preview)
        examined += len(objects.declared)
        findings += [
            Finding(CHECK, "error", preview.stack, identity(o), said, _REMEDY) for o, said in broken(objects)
        ]
        if objects.releases:
            unseen.append(f"{preview.stack}: pods of charts in {', '.join(sorted(objects.releases))}")
    return CheckResult(CHECK, findings, examined, unseen, time.monotonic() - began)


def broken(objects: Objects) -> Broken:
    """All that does not agree."""
    for look in _LOOKS:
        yield from look(objects)


def _services(objects: Objects) -> Broken:
    for service in objects.kind("Service"):
        spec, at = service["spec"], service["metadata"].get("namespace", "")
        if not spec.get("selector"):
            continue
        behind = objects.selected(at, {"matchLabels": spec["selector"]})
        if not behind and objects.knows(at):
            yield service, f"its selector {spec['selector']} picks no pod"
        for port in spec.get("ports", ()):
            target = port.get("targetPort", port["port"])
            for pods in behind:
                if pods.ports and target not in pods.ports:
                    yield service, f"targetPort {target}: {identity(pods.owner)} has no such port"


def _bindings(objects: Objects) -> Broken:
    for binding in objects.kind("RoleBinding", "ClusterRoleBinding"):
        ref, at = binding["roleRef"], binding["metadata"].get("namespace", "")
        home = at if ref["kind"] == "Role" else ""
        built_in = ref["kind"] == "ClusterRole" and (
            ref["name"] == "view" or ref["name"].startswith("system:")
        )
        if not built_in and objects.get(ref["kind"], home, ref["name"]) is None:
            yield binding, f"{ref['kind']} {ref['name']} is not made"
        for subject in binding.get("subjects", ()):
            namespace = subject.get("namespace", at)
            if (
                subject["kind"] == "ServiceAccount"
                and objects.knows(namespace)
                and objects.get("ServiceAccount", namespace, subject["name"]) is None
                and not any(
                    p.namespace == namespace and p.spec.get("serviceAccountName") == subject["name"]
                    for p in objects.pods
                )
            ):
                yield binding, f"service account {namespace}/{subject['name']} is not made"


def _targets(objects: Objects) -> Broken:
    for scaler in objects.kind("HorizontalPodAutoscaler", "ScaledObject"):
        at, ref = scaler["metadata"]["namespace"], scaler["spec"]["scaleTargetRef"]
        kind = ref.get("kind", "Deployment")
        if objects.get(kind, at, ref["name"]) is None and objects.knows(at):
            yield scaler, f"it scales {kind} {ref['name']}, which is not made"
        for trigger in scaler["spec"].get("triggers", ()):
            asked = trigger.get("authenticationRef", {}).get("name")
            if asked and objects.get("TriggerAuthentication", at, asked) is None:
                yield scaler, f"TriggerAuthentication {asked} is not made"


def _selectors(objects: Objects) -> Broken:
    for o in objects.kind("PodDisruptionBudget", "NetworkPolicy"):
        at = o["metadata"]["namespace"]
        selector = o["spec"].get("selector" if o["kind"] == "PodDisruptionBudget" else "podSelector")
        if selector and objects.knows(at) and not objects.selected(at, selector):
            yield o, f"its selector {selector.get('matchLabels', selector)} picks no pod"


def _paths(objects: Objects) -> Broken:
    """A path of a network policy ends at a pod that listens there."""
    for policy in objects.kind("NetworkPolicy"):
        own = policy["metadata"]["namespace"]
        for side, peers in (("egress", "to"), ("ingress", "from")):
            for rule in policy["spec"].get(side, ()):
                listeners = objects.selected(own, policy["spec"]["podSelector"]) if side == "ingress" else []
                for peer in rule.get(peers, ()):
                    ends = _ends(objects, own, peer)
                    if ends is None:
                        continue
                    namespace, found = ends
                    if not found:
                        yield policy, f"{side}: no pod of {namespace} is {peer['podSelector']}"
                    listeners += found if side == "egress" else []
                for port in rule.get("ports", ()):
                    number = port.get("port")
                    closed = [
                        p for p in listeners if p.ports and number not in p.ports and "endPort" not in port
                    ]
                    if number is not None and listeners and len(closed) == len(listeners):
                        yield (
                            policy,
                            f"{side}: nobody listens at port {number} of {identity(closed[0].owner)}",
                        )


def _monitors(objects: Objects) -> Broken:
    for monitor in objects.kind("ServiceMonitor", "PodMonitor"):
        at, spec = monitor["metadata"]["namespace"], monitor["spec"]
        spaces = spec.get("namespaceSelector", {}).get("matchNames", [at])
        of_pods = monitor["kind"] == "PodMonitor"
        for endpoint in spec.get("podMetricsEndpoints" if of_pods else "endpoints", ()):
            port, seen, blind = endpoint.get("port", endpoint.get("portNumber")), False, False
            for space in spaces:
                blind = blind or not objects.knows(space)
                if of_pods:
                    picked = objects.selected(space, spec["selector"])
                    # Of what operators make, the ports are not known.
                    seen = seen or any(port in p.ports or not p.ports for p in picked)
                else:
                    seen = seen or any(
                        port in {p.get("name") for p in s["spec"]["ports"]}
                        for s in objects.kind("Service")
                        if s["metadata"]["namespace"] == space
                        and spec["selector"].get("matchLabels", {}).items()
                        <= s["metadata"].get("labels", {}).items()
                    )
            if port is not None and not seen and not blind:
                yield monitor, f"nobody whom its selector picks has the port {port}"


def _stores(objects: Objects) -> Broken:
    for secret in objects.kind("ExternalSecret"):
        ref, at = secret["spec"]["secretStoreRef"], secret["metadata"]["namespace"]
        home = at if ref["kind"] == "SecretStore" else ""
        store = objects.get(ref["kind"], home, ref["name"])
        if store is None:
            yield secret, f"{ref['kind']} {ref['name']} is not made"
            continue
        provider = store["spec"].get("provider", {})
        admitted = [name for one in store["spec"].get("conditions", ()) for name in one.get("namespaces", ())]
        if admitted and at not in admitted:
            yield secret, f"{ref['kind']} {ref['name']} answers {', '.join(admitted)}, not {at}"
        got = {entry["secretKey"] for entry in secret["spec"].get("data", ())}
        for name in sorted(_templated(secret["spec"]["target"].get("template", {}).get("data", {})) - got):
            yield secret, f"its template uses {name}, which is not copied"
        for entry in secret["spec"].get("data", ()):
            key, field = entry["remoteRef"]["key"], entry["remoteRef"].get("property")
            if "kubernetes" in provider:
                there = provider["kubernetes"].get("remoteNamespace", at)
                held = objects.secrets.get((there, key))
                if held is None:
                    yield secret, f"Secret {there}/{key} is not made"
                elif field is not None and field not in held:
                    yield secret, f"Secret {there}/{key} has no key {field}"
                account = provider["kubernetes"]["auth"]["serviceAccount"]["name"]
                if not _may_read(objects, (at, account), there, key):
                    yield secret, f"service account {at}/{account} may not get Secret {there}/{key}"


def _templated(data: Mapping[str, str]) -> set[str]:
    """Values that the templates of a copied secret use."""
    return {a or b for text in data.values() for a, b in _USED.findall(text)}


def _may_read(objects: Objects, account: tuple[str, str], namespace: str, secret: str) -> bool:
    for binding in objects.kind("RoleBinding"):
        at = binding["metadata"]["namespace"]
        bound = {(s.get("namespace", at), s["name"]) for s in binding.get("subjects", ())}
        role = objects.get("Role", namespace, binding["roleRef"]["name"])
        if at == namespace and account in bound and role is not None:
            for rule in role["rules"]:
                named = rule.get("resourceNames", [secret])
                if "secrets" in rule["resources"] and "get" in rule["verbs"] and secret in named:
                    return True
    return False


def _topics(objects: Objects) -> Broken:
    topics = {o["spec"].get("topicName", o["metadata"]["name"]) for o in objects.kind("KafkaTopic")}
    for user in objects.kind("KafkaUser"):
        for acl in user["spec"].get("authorization", {}).get("acls", ()):
            resource = acl["resource"]
            literal = resource["type"] == "topic" and resource.get("patternType", "literal") == "literal"
            if literal and resource["name"] != "*" and resource["name"] not in topics:
                yield user, f"it has a right to the topic {resource['name']}, which is not made"


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (
    pod_ends.broken,
    addresses.broken,
    references.broken,
    program_ends.broken,
    told.broken,
    aws_ends.broken,
    aws_names.broken,
    aws_wiring.broken,
    _services,
    _bindings,
    _targets,
    _selectors,
    _paths,
    _monitors,
    _stores,
    _topics,
)


def _ends(objects: Objects, own: str, peer: Mapping[str, Any]) -> tuple[str, list[Pods]] | None:
    """The namespace and the pods that a peer names; None where not all pods there are known."""
    if not peer.get("podSelector"):
        return None
    labels = peer.get("namespaceSelector", {}).get("matchLabels")
    if "namespaceSelector" in peer and set(labels or ()) != {_NAMESPACE}:
        return None
    namespace = labels[_NAMESPACE] if labels else own
    return (namespace, objects.selected(namespace, peer["podSelector"])) if objects.knows(namespace) else None
