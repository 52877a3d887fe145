"""What pods tell programs and ask of them: variables that they read, paths that answer, groups, topics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from tools import paths
from tools.gate.cluster_objects import Manifest, Objects, Pods
from tools.gate.pod_ends import Broken
from workloads.kit.contracts import env, public

_ENV: Final = {str(value): name for name, value in vars(env).items() if name.isupper()}
"""Variable → the name by which the contracts have it."""

_ELSEWHERE: Final[Mapping[str, str]] = {
    env.AWS_CREDENTIALS_FILE: "read by every client library of S3",
    "KEYCLOAK_URL": "who calls it is told of it by its issuer, which is a setting of its own",
    "API_INTEGRATION_URL": "a source of prices says its address itself",
}
"""Variables that no program reads by name, and why they are told."""

OWN: Final = frozenset({public.LIVE, public.READY})
ASKED: Final[Mapping[str, frozenset[str]]] = {
    "alertmanager": frozenset({"/-/healthy", "/-/ready"}),
    "keycloak": frozenset({"/health/live", "/health/ready"}),
    "kube-state-metrics": frozenset({"/healthz", "/livez", "/readyz"}),
    "mlflow": frozenset({"/health"}),
    "postgres-exporter": frozenset({"/"}),
    "prometheus": frozenset({"/-/healthy", "/-/ready"}),
    "superset": frozenset({"/health"}),
    "trino": frozenset({"/v1/info"}),
    "versitygw": frozenset({"/healthz"}),
    "warehouse-connect": frozenset({"/health"}),
}
"""Image of others' programs → paths that answer when it is well, as each program's documentation has them."""


def broken(objects: Objects) -> Broken:
    """All that a program does not read, answer or may not."""
    for look in _LOOKS:
        yield from look(objects)


def _paths(objects: Objects) -> Broken:
    for pods in objects.pods:
        if not pods.declared:
            continue
        for container in pods.containers:
            image = _image(container)
            answered = ASKED.get(image, OWN)
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                path = container.get(kind, {}).get("httpGet", {}).get("path")
                if path is not None and path not in answered:
                    yield (
                        pods.owner,
                        f"{kind}: {image} does not answer {path}, but {' and '.join(sorted(answered))}",
                    )


def _variables(objects: Objects) -> Broken:
    for pods in objects.pods:
        if not pods.declared:
            continue
        for container in pods.containers:
            read = _read(_image(container))
            for name in (e["name"] for e in container.get("env", ()) if read):
                if name not in _ELSEWHERE and not {f"{name.lower()}:", _ENV.get(name, name), name} & read:
                    yield (
                        pods.owner,
                        f"{name}: workloads/{_package(_image(container))} reads no such variable",
                    )


@cache
def _read(image: str) -> frozenset[str]:
    """Fields, with a colon, and names in the source of a program and the kit; empty for others'."""
    folder = paths.ROOT / "workloads" / _package(image)
    if not (folder / "__main__.py").is_file():
        return frozenset()
    kit = [f for f in (paths.ROOT / "workloads/kit").rglob("*.py") if f.name != "env.py"]
    text = "\n".join(file.read_text() for file in (*folder.rglob("*.py"), *kit))
    return frozenset(re.findall(r"^ +(\w+:)", text, re.MULTILINE)) | frozenset(
        re.findall(r"\b[A-Z_]+\b", text)
    )


def _package(image: str) -> str:
    return image.replace("-", "_")


def _image(container: Mapping[str, Any]) -> str:
    return re.split(r"[@:]", str(container["image"]).rpartition("/")[2])[0]


def _groups(objects: Objects) -> Broken:
    """The group and the topic whose lag is looked at are rights of the client whose certificate is shown."""
    rights = {u["metadata"]["name"]: u["spec"]["authorization"]["acls"] for u in objects.kind("KafkaUser")}
    topics = {o["spec"].get("topicName", o["metadata"]["name"]) for o in objects.kind("KafkaTopic")}
    if not rights:
        return
    for pods in (p for p in objects.pods if p.declared):
        for user in _users(objects, pods):
            for kind, name in _clients_of(objects, pods):
                yield from _unless(pods.owner, rights, user, kind, name)
    for scaler in objects.kind("ScaledObject"):
        at = scaler["metadata"]["namespace"]
        for trigger in scaler["spec"].get("triggers", ()):
            shown = objects.get(
                "TriggerAuthentication", at, trigger.get("authenticationRef", {}).get("name", "")
            )
            if trigger["type"] != "kafka" or shown is None:
                continue
            if (topic := trigger["metadata"]["topic"]) not in topics:
                yield scaler, f"it looks at the topic {topic}, which is not made"
            refs = shown["spec"]["secretTargetRef"]
            for user in {
                r["name"].removeprefix(objects.user_secrets) for r in refs if r["parameter"] == "cert"
            }:
                yield from _unless(scaler, rights, user, "group", trigger["metadata"]["consumerGroup"])
                yield from _unless(scaler, rights, user, "topic", topic)


def _users(objects: Objects, pods: Pods) -> Iterator[str]:
    """Clients of Kafka whose certificates pods have."""
    for volume in pods.spec.get("volumes", ()):
        for source in volume.get("projected", {}).get("sources", ()):
            if env.TLS_CERTIFICATE in {item["key"] for item in source.get("secret", {}).get("items", ())}:
                yield str(source["secret"]["name"]).removeprefix(objects.user_secrets)


def _clients_of(objects: Objects, pods: Pods) -> Iterator[tuple[str, str]]:
    """Groups and topics in the properties of a client of Kafka."""
    for volume in pods.spec.get("volumes", ()):
        config = objects.get("ConfigMap", pods.namespace, volume.get("configMap", {}).get("name", ""))
        for text in (config or {}).get("data", {}).values():
            for key, name in re.findall(r"^(group\.id|\w+\.storage\.topic) *= *(\S+)$", text, re.MULTILINE):
                yield "group" if key == "group.id" else "topic", name


def _unless(
    owner: Manifest, rights: Mapping[str, Sequence[Mapping[str, Any]]], user: str, kind: str, name: str
) -> Broken:
    if user not in rights:
        yield owner, f"KafkaUser {user} is not made"
        return
    for acl in rights[user]:
        of, start = acl["resource"], acl["resource"].get("patternType") == "prefix"
        if of["type"] == kind and (name.startswith(of["name"]) if start else name == of["name"]):
            return
    yield owner, f"KafkaUser {user} has no right to the {kind} {name}"


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (_paths, _variables, _groups)
