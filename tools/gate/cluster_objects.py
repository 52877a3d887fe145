"""A stack's Kubernetes objects as the checks of `tools.gate.ends` ask for them: by name, pods, secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from policies.objects import selects
from tools.gate import made
from tools.gate.model import Resource, StackPreview

Manifest = dict[str, Any]

_CONTROLLERS: Final = ("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet")
_TLS: Final = frozenset({"tls.crt", "tls.key", "ca.crt"})
_USER: Final = frozenset({"ca.crt", "user.crt", "user.key", "user.p12", "user.password"})


@dataclass(frozen=True)
class Pods:
    """Pods of one template.

    Attributes:
        owner: the object that makes them.
        declared: whether the stack declares it; what operators make is known in part.
    """

    owner: Manifest
    labels: Mapping[str, str]
    spec: Manifest
    declared: bool

    @property
    def namespace(self) -> str:
        """Their namespace."""
        return str(self.owner["metadata"].get("namespace", ""))

    @property
    def containers(self) -> list[Manifest]:
        """All that run, those before the others too."""
        return [*self.spec.get("initContainers", ()), *self.spec.get("containers", ())]

    @cached_property
    def ports(self) -> dict[str | int, int]:
        """Numbers and names of ports → number; empty where none are told."""
        found: dict[str | int, int] = {}
        for container in self.spec.get("containers", ()):
            for port in container.get("ports", ()):
                number = int(port["containerPort"])
                found[number] = number
                if "name" in port:
                    found[port["name"]] = number
        return found


@dataclass(frozen=True)
class Release:
    """A release of Helm, and the values that it is given."""

    name: str
    namespace: str
    values: Mapping[str, Any]

    @property
    def accounts(self) -> frozenset[str]:
        """Service accounts that the values name, for the program or a part of it."""
        said = self.values.get("serviceAccount", {})
        return frozenset(
            one["name"] for one in (said, *said.values()) if isinstance(one, dict) and "name" in one
        )

    @property
    def manifest(self) -> Manifest:
        """What a finding about it names."""
        return {"kind": "Release", "metadata": {"name": self.name, "namespace": self.namespace}}


@dataclass
class Objects:
    """What a stack declares, and what is known that operators and charts make of it.

    Args:
        releases: namespaces of Helm's releases whose objects nobody knows here.
        charts: all releases.
        aws: what it has at AWS.
    """

    declared: Sequence[Manifest]
    made: Sequence[Manifest] = ()
    releases: frozenset[str] = frozenset()
    charts: Sequence[Release] = ()
    aws: Sequence[Resource] = ()
    _named: dict[tuple[str, str, str], Manifest] = field(init=False)

    def __post_init__(self) -> None:
        self._named = {
            (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o
            for o in (*self.made, *self.declared)
        }

    @classmethod
    def of(cls, preview: StackPreview) -> Objects:
        """Those of a stack."""
        blind = {
            str(release.inputs.get("namespace"))
            for release in preview.helm_releases()
            if made.chart_of(release) not in made.VERSIONS
        }
        declared = [unmarked(manifest) for _, manifest in preview.kubernetes_objects()]
        charts = [
            Release(str(r.inputs["name"]), str(r.inputs.get("namespace")), r.inputs.get("values") or {})
            for r in preview.helm_releases()
        ]
        return cls(declared, made.of(preview), frozenset(blind), charts, preview.aws())

    def kind(self, *kinds: str) -> Iterator[Manifest]:
        """Declared objects of some kinds."""
        return (o for o in self.declared if o["kind"] in kinds)

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """An object, declared or made."""
        return self._named.get((kind, namespace, name))

    @cached_property
    def pods(self) -> list[Pods]:
        """All pods that are known."""
        found: list[Pods] = []
        for group, declared in ((self.declared, True), (self.made, False)):
            for o in group:
                spec = o.get("spec", {})
                template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
                if o["kind"] == "Pod":
                    found.append(Pods(o, o["metadata"].get("labels", {}), spec, declared))
                elif o["kind"] in (*_CONTROLLERS, "CronJob") and template is not None:
                    labels = template.get("metadata", {}).get("labels", {})
                    found.append(Pods(o, labels, template["spec"], declared))
        return found

    def selected(self, namespace: str, selector: Mapping[str, Any] | None) -> list[Pods]:
        """Pods of a namespace that a label selector picks."""
        return [
            p
            for p in self.pods
            if p.namespace == namespace and selects(selector, {**_ordinal(p.owner, selector), **p.labels})
        ]

    def home_of(self, secret: str) -> str:
        """Namespace of a secret that an object without a namespace names; empty where it is not made."""
        return next((namespace for namespace, name in self.secrets if name == secret), "")

    def knows(self, namespace: str) -> bool:
        """Whether all pods of a namespace are known: no release is in it, and somebody's are."""
        return namespace not in self.releases and any(p.namespace == namespace for p in self.pods)

    @property
    def user_secrets(self) -> str:
        """Start of the names of the secrets that Strimzi keeps clients' certificates in."""
        return "".join(
            o["spec"].get("entityOperator", {}).get("userOperator", {}).get("secretPrefix", "")
            for o in self.kind("Kafka")
        )

    @cached_property
    def secrets(self) -> dict[tuple[str, str], frozenset[str]]:
        """Namespace and name → keys of every secret that the stack makes, itself or by an operator."""
        found: dict[tuple[str, str], frozenset[str]] = {}
        for o in self.declared:
            at, name, spec = o["metadata"].get("namespace", ""), o["metadata"]["name"], o.get("spec", {})
            match o["kind"]:
                case "Secret":
                    found[at, name] = frozenset({**o.get("data", {}), **o.get("stringData", {})})
                case "ExternalSecret":
                    target = spec["target"]
                    template = target.get("template", {})
                    keys = {entry["secretKey"] for entry in spec.get("data", ())}
                    own = template.get("data", {})
                    merged = template.get("mergePolicy") == "Merge" or not own
                    found[at, target["name"]] = frozenset({*own, *(keys if merged else ())})
                case "Certificate":
                    found[at, spec["secretName"]] = _TLS
                case "KafkaUser":
                    found[at, f"{self.user_secrets}{name}"] = _USER
                case "Kafka":
                    found[at, f"{name}-cluster-ca-cert"] = frozenset({"ca.crt", "ca.p12", "ca.password"})
                case "Cluster":
                    found[at, f"{name}-ca"] = frozenset({"ca.crt", "ca.key"})
                case _:
                    pass
        return found


def _ordinal(owner: Manifest, selector: Mapping[str, Any] | None) -> dict[str, str]:
    """The label by which a service picks one pod of a stateful set, where it names one of the owner's."""
    label = "statefulset.kubernetes.io/pod-name"
    wanted = str((selector or {}).get("matchLabels", {}).get(label, ""))
    name, replicas = owner["metadata"]["name"], int(owner.get("spec", {}).get("replicas") or 1)
    number = wanted.removeprefix(f"{name}-")
    mine = owner["kind"] == "StatefulSet" and number.isdecimal() and int(number) < replicas
    return {label: wanted} if mine else {}


def unmarked(manifest: Manifest) -> Manifest:
    """A manifest with what is marked as secret in its place."""
    return {
        key: value["value"] if isinstance(value, dict) and "value" in value and len(value) == 2 else value
        for key, value in manifest.items()
    }
