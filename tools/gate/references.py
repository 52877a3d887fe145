"""What custom resources and charts' values name: secrets, keys, objects of operators, classes, nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from policies.objects import selects
from tools.gate.cluster_objects import Objects
from tools.gate.pod_ends import OWN_CLASSES, Broken


@dataclass(frozen=True)
class Reference:
    """A name in an object of some kinds, and the kind of what has it.

    Attributes:
        path: keys down to the name; lists on the way are gone through.
        to: kind that is named.
        at: namespace of it; None is the object's own, empty where the kind has none.
    """

    kinds: tuple[str, ...]
    path: tuple[str, ...]
    to: str
    at: str | None = None


def _spec(kinds: str, path: str, to: str, at: str | None = None) -> Reference:
    return Reference(tuple(kinds.split()), ("spec", *path.split(".")), to, at)


REFERENCES: Final = (
    Reference(
        ("KafkaNodePool", "KafkaTopic", "KafkaUser"), ("metadata", "labels", "strimzi.io/cluster"), "Kafka"
    ),
    _spec("Pooler ScheduledBackup", "cluster.name", "Cluster"),
    _spec("Cluster", "plugins.parameters.barmanObjectName", "ObjectStore"),
    _spec("NodePool", "template.spec.nodeClassRef.name", "EC2NodeClass", ""),
    _spec("Certificate", "issuerRef.name", "ClusterIssuer", ""),
    _spec("Schedule", "template.storageLocation", "BackupStorageLocation"),
    _spec("Schedule", "template.volumeSnapshotLocations", "VolumeSnapshotLocation"),
    _spec("TargetGroupBinding", "serviceRef.name", "Service"),
    _spec("ValidatingAdmissionPolicyBinding", "policyName", "ValidatingAdmissionPolicy", ""),
    _spec("StatefulSet", "serviceName", "Service"),
)
"""What one object names of another, but for what other modules look at."""

SECRETS: Final[Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]] = {
    "Cluster": (
        ("spec.superuserSecret", ("username", "password")),
        ("spec.managed.roles.passwordSecret", ("username", "password")),
    ),
    "ObjectStore": (("spec.configuration.s3Credentials.region", ()),),
    "TriggerAuthentication": (("spec.secretTargetRef", ()),),
    "ClusterIssuer": (("spec.ca", ("tls.crt", "tls.key")),),
}
"""Kind → where it names a secret (`name` or `secretName`, and `key` where it says one), and keys that its
operator reads: CloudNativePG's api/v1 (`BootstrapInitDB`, `RoleConfiguration`), cert-manager's CA issuer."""

_ALERTMANAGER: Final = re.compile(r"/etc/alertmanager/secrets/([\w-]+)/([\w.-]+)")
"""Where the operator puts the files of a secret that Alertmanager's `secrets` name."""

_EXISTING: Final = ("existingSecret", "usersExistingSecret", "secretName")
"""Values of charts that name a secret; keys of it stand beside them."""


def broken(objects: Objects) -> Broken:
    """All that is named there and not made."""
    for look in _LOOKS:
        yield from look(objects)


def _named(objects: Objects) -> Broken:
    for reference in REFERENCES:
        for o in objects.kind(*reference.kinds):
            home = o["metadata"].get("namespace", "") if reference.at is None else reference.at
            for name in found(o, reference.path):
                if objects.get(reference.to, home, str(name)) is None:
                    yield o, f"{'.'.join(reference.path)}: {reference.to} {name} is not made"


def _secrets(objects: Objects) -> Broken:
    for kind, places in SECRETS.items():
        for o in objects.kind(kind):
            for path, keys in places:
                for ref in found(o, path.split(".")):
                    name = ref.get("name") or ref["secretName"]
                    wanted: set[str] = {ref["key"]} if "key" in ref else set(keys)
                    home = o["metadata"].get("namespace") or objects.home_of(name)
                    yield from ((o, f"{path}: {said}") for said in _lacking(objects, home, name, wanted))


def _values(objects: Objects) -> Broken:
    """Secrets, accounts and classes that the values of a chart name."""
    for release in objects.charts:
        for place, value in _dicts(release.values):
            for key in _EXISTING:
                if isinstance(name := value.get(key), str):
                    wanted = {str(k) for k in _keys_beside(value)}
                    for said in _lacking(objects, release.namespace, name, wanted):
                        yield release.manifest, f"{place}.{key}: {said}"
            if place.endswith("existingDatabaseSecret"):
                wanted = {value[key] for key in ("usernameKey", "passwordKey") if value.get(key)}
                for said in _lacking(objects, release.namespace, value["name"], wanted):
                    yield release.manifest, f"{place}: {said}"
            if place.endswith("alertmanagerSpec"):
                for name in value.get("secrets", ()):
                    read = {
                        key for of, key in _ALERTMANAGER.findall(json.dumps(release.values)) if of == name
                    }
                    for said in _lacking(objects, release.namespace, name, read):
                        yield release.manifest, f"{place}.secrets: {said}"
                asked = {of for of, _ in _ALERTMANAGER.findall(json.dumps(release.values))}
                for name in sorted(asked - set(value.get("secrets", ()))):
                    yield release.manifest, f"{place}.secrets: {name} is read as files, and not mounted"


def _keys_beside(value: Mapping[str, Any]) -> Iterator[str]:
    for key, inner in value.items():
        if (isinstance(inner, str) and key.endswith("Key")) or key == "serverPublicKey":
            yield inner
        elif key == "items":
            yield from (str(item["key"]) for item in cast("list[Mapping[str, Any]]", inner))
        elif isinstance(inner, Mapping):
            yield from _keys_beside(cast("Mapping[str, Any]", inner))


def _lacking(objects: Objects, at: str, name: str, keys: set[str]) -> Iterator[str]:
    held = objects.secrets.get((at, name))
    if held is None:
        yield f"Secret {at}/{name} is not made"
    else:
        yield from (f"Secret {at}/{name} has no key {key}" for key in sorted(keys - held))


def _bound(objects: Objects) -> Broken:
    """A binding of a target group is to a port that its service has."""
    for o in objects.kind("TargetGroupBinding"):
        ref = o["spec"]["serviceRef"]
        service = objects.get("Service", o["metadata"]["namespace"], ref["name"])
        ports = [] if service is None else service["spec"]["ports"]
        if service is not None and ref["port"] not in {p.get(k) for p in ports for k in ("port", "name")}:
            yield o, f"spec.serviceRef: service {ref['name']} has no port {ref['port']}"


def _priorities(objects: Objects) -> Broken:
    made = {o["metadata"]["name"] for o in objects.kind("PriorityClass")} | set(OWN_CLASSES)
    places = [(o, o.get("spec", {})) for o in objects.declared] + [
        (r.manifest, r.values) for r in objects.charts
    ]
    for o, content in places:
        for place, value in _dicts(content):
            name = value.get("priorityClassName")
            if name and name not in made:
                yield o, f"{place}: priority class {name} is not made"


def _nodes(objects: Objects) -> Broken:
    """Labels of nodes that pods ask for are a pool's, and its taint is borne."""
    pools = [o["spec"]["template"] for o in objects.kind("NodePool")]
    ours = {key for pool in pools for key in pool["metadata"]["labels"]}
    for o in objects.declared:
        if o["kind"] == "NodePool":
            continue
        for place, value in _dicts(o.get("spec", {})):
            for key, wanted in _asked(value):
                if key not in ours:
                    continue
                fitting = [pool for pool in pools if pool["metadata"]["labels"].get(key) in wanted]
                if not fitting:
                    yield o, f"{place}: no node pool has {key} = {' or '.join(wanted)}"
                borne = value.get("tolerations", ())
                for taint in (t for pool in fitting for t in pool["spec"].get("taints", ())):
                    if not any(_bears(one, taint) for one in borne):
                        yield (
                            o,
                            f"{place}: the taint {taint['key']}={taint['value']} of its nodes is not borne",
                        )


def _asked(value: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key, wanted in (value.get("nodeSelector") or {}).items():
        yield key, [wanted]
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    node_affinity = value.get("affinity", {}).get("nodeAffinity", {})
    for term in node_affinity.get(required, {}).get("nodeSelectorTerms", ()):
        for one in term.get("matchExpressions", ()):
            if one["operator"] == "In":
                yield one["key"], list(one["values"])


def _bears(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("key", taint["key"]) != taint["key"]:
        return False
    if toleration.get("effect", taint["effect"]) != taint["effect"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value") == taint["value"]


def _spread(objects: Objects) -> Broken:
    """Pods are spread among those of their own kind: a selector that picks others spreads nothing."""
    for pods in objects.pods:
        if pods.declared:
            for one in pods.spec.get("topologySpreadConstraints", ()):
                if not selects(one.get("labelSelector"), pods.labels):
                    yield (
                        pods.owner,
                        f"topologySpreadConstraints: {one.get('labelSelector')} is not its own pods",
                    )


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (
    _named,
    _secrets,
    _values,
    _bound,
    _priorities,
    _nodes,
    _spread,
)


def found(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What stands at a path, through lists on the way."""
    if isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from found(inner, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from found(value[path[0]], path[1:])


def _dicts(value: Any, place: str = "spec") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping in a value, with its place."""
    if isinstance(value, Mapping):
        inside = cast("Mapping[str, Any]", value)
        yield place, inside
        for key, inner in inside.items():
            yield from _dicts(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _dicts(inner, place)
