"""What pods name: ports of their probes, volumes, files, secrets and keys, accounts, classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tools.gate.cluster_objects import Manifest, Objects, Pods

Broken = Iterator[tuple[Manifest, str]]
"""Object, and what it names that is not there."""

_PATH: Final = re.compile(r"(?<![\w.:/}])/[\w./-]*[\w-]")
_MOUNTED: Final = ("/etc/", "/var/run/secrets/")
"""Where no image of ours keeps anything that a variable names."""
OWN_CLASSES: Final = ("system-cluster-critical", "system-node-critical")
"""Priority classes that Kubernetes has."""


def broken(objects: Objects) -> Broken:
    """All that declared pods name and that is not made."""
    for look in _LOOKS:
        yield from look(objects)


def _probes(objects: Objects) -> Broken:
    for pods in _declared(objects):
        for container in pods.containers:
            named = {p.get("name") for p in container.get("ports", ())}
            numbers = {p["containerPort"] for p in container.get("ports", ())}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(kind, {})
                for how in ("httpGet", "tcpSocket", "grpc"):
                    port = probe.get(how, {}).get("port")
                    if port is not None and numbers and port not in named | numbers:
                        yield pods.owner, f"{kind}: container {container['name']} has no port {port}"


def _volumes(objects: Objects) -> Broken:
    for pods in _declared(objects):
        volumes = {v["name"] for v in pods.spec.get("volumes", ())}
        volumes |= {c["metadata"]["name"] for c in pods.owner.get("spec", {}).get("volumeClaimTemplates", ())}
        mounted = {m["name"] for c in pods.containers for m in c.get("volumeMounts", ())}
        for name in sorted(mounted - volumes):
            yield pods.owner, f"volume {name} is mounted, and there is none"
        for name in sorted(volumes - mounted):
            yield pods.owner, f"volume {name} is mounted nowhere"


def _sources(objects: Objects) -> Broken:
    for pods in _declared(objects):
        for kind, name, keys in _referred(pods):
            held = _keys(objects, kind, pods.namespace, name)
            if held is None:
                yield pods.owner, f"{kind} {name} is not made in namespace {pods.namespace}"
                continue
            for key in sorted(keys - held):
                yield pods.owner, f"{kind} {name} has no key {key}, only {', '.join(sorted(held))}"


def _files(objects: Objects) -> Broken:
    """A path in the environment, arguments or a file that lies in a mounted source is one of its files."""
    for pods in _declared(objects):
        volumes = {v["name"]: v for v in pods.spec.get("volumes", ())}
        for container in pods.containers:
            told = [e["value"] for e in container.get("env", ()) if e.get("value", "").startswith("/")]
            told += [a.partition("=")[2] for a in container.get("args", ()) if "=/" in a]
            # What the pod's own variables make of a path, nobody knows here.
            told = [path for path in told if "$(" not in path]
            mounts = [f"{mount['mountPath'].rstrip('/')}/" for mount in container.get("volumeMounts", ())]
            for path in told:
                if path.startswith(_MOUNTED) and not any(f"{path}/".startswith(at) for at in mounts):
                    yield pods.owner, f"{path}: nothing is mounted there"
            # In files stand paths of the image, too: of those, what lies in no mount is not asked for.
            told += _in_files(objects, pods)
            for mount in container.get("volumeMounts", ()):
                files = _mounted_files(objects, pods.namespace, volumes.get(mount["name"], {}))
                if files is None or "subPath" in mount:
                    continue
                below = f"{mount['mountPath'].rstrip('/')}/"
                for path in told:
                    if path.startswith(below) and (file := path.removeprefix(below)) not in files:
                        yield pods.owner, f"{path}: volume {mount['name']} has no file {file}"


def _in_files(objects: Objects, pods: Pods) -> Iterator[str]:
    """Paths in the files that pods get from ConfigMaps."""
    for volume in pods.spec.get("volumes", ()):
        if (used := volume.get("configMap")) is not None:
            made = objects.get("ConfigMap", pods.namespace, used["name"]) or {}
            for text in made.get("data", {}).values():
                yield from (path.rstrip(".") for path in _PATH.findall(text))


def _accounts(objects: Objects) -> Broken:
    for pods in _declared(objects):
        name = pods.spec.get("serviceAccountName", "default")
        if name != "default" and objects.get("ServiceAccount", pods.namespace, name) is None:
            yield pods.owner, f"service account {name} is not made"


def _classes(objects: Objects) -> Broken:
    storage = {o["metadata"]["name"] for o in objects.kind("StorageClass")}
    for pods in _declared(objects):
        for volume in pods.spec.get("volumes", ()):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and objects.get("PersistentVolumeClaim", pods.namespace, claim) is None:
                yield pods.owner, f"claim {claim} is not made"
    if storage:
        for o in objects.declared:
            for name in _storage_classes(o.get("spec", {})):
                if name not in storage:
                    yield o, f"storage class {name} is not made"


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (
    _probes,
    _volumes,
    _sources,
    _files,
    _accounts,
    _classes,
)


def _declared(objects: Objects) -> Iterator[Pods]:
    yield from (pods for pods in objects.pods if pods.declared)
    for release in objects.charts:
        if volumes := release.values.get("extraVolumes"):
            env = [{"name": n, "value": str(v)} for n, v in release.values.get("extraEnvVars", {}).items()]
            mounts = release.values.get("extraVolumeMounts", [])
            container = {"name": release.name, "image": "", "env": env, "volumeMounts": mounts}
            yield Pods(release.manifest, {}, {"volumes": volumes, "containers": [container]}, declared=True)


def _referred(pods: Pods) -> Iterator[tuple[str, str, set[str]]]:
    """Kind, name and keys of what the pods take files and variables from, but for what is optional."""
    for volume in pods.spec.get("volumes", ()):
        for source in (volume, *volume.get("projected", {}).get("sources", ())):
            for kind, field, name in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
                if (used := source.get(field)) is not None and not used.get("optional"):
                    of = used.get(name) or used["name"]
                    yield kind, of, {item["key"] for item in used.get("items", ())}
    for container in pods.containers:
        for source in container.get("envFrom", ()):
            for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
                if (used := source.get(field)) is not None and not used.get("optional"):
                    yield kind, used["name"], set()
        for variable in container.get("env", ()):
            for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
                used = variable.get("valueFrom", {}).get(field)
                if used is not None and not used.get("optional"):
                    yield kind, used["name"], {used["key"]}


def _keys(objects: Objects, kind: str, namespace: str, name: str) -> frozenset[str] | None:
    if kind == "Secret":
        return objects.secrets.get((namespace, name))
    made = objects.get("ConfigMap", namespace, name)
    return None if made is None else frozenset({**made.get("data", {}), **made.get("binaryData", {})})


def _mounted_files(objects: Objects, namespace: str, volume: Mapping[str, Any]) -> set[str] | None:
    """Files of a volume; None where they are not known."""
    files: set[str] = set()
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    for source in sources:
        kind, used = (
            ("Secret", source["secret"]) if "secret" in source else ("ConfigMap", source.get("configMap"))
        )
        if used is None:
            return None
        if "items" in used:
            files |= {item["path"] for item in used["items"]}
        elif (held := _keys(objects, kind, namespace, used.get("secretName") or used["name"])) is not None:
            files |= held
        else:
            return None
    return files


def _storage_classes(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("storageClassName", "storageClass") and isinstance(inner, str):
                yield inner
            else:
                yield from _storage_classes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _storage_classes(inner)
