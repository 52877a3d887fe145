"""kube-score over every Kubernetes object of every stack: what an outsider would say of them."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tools import proc, toolchain, versions
from tools.gate import manifests
from tools.gate.model import CheckResult, Finding, Severity, StackPreview

CHECK = "kube-score"

SWITCHED_OFF: Mapping[str, str] = {
    "container-ephemeral-storage-request-and-limit": "root is read-only, scratch volumes have limits",
    "container-image-pull-policy": "images are pinned by content: pulling one again gives the same",
    "deployment-has-host-podantiaffinity": "topology spread constraints do it, which are judged too",
    "statefulset-has-host-podantiaffinity": "topology spread constraints do it, which are judged too",
    "deployment-replicas": "our own rule asks for them, or for the reason on the object",
    "deployment-strategy": "what may not run twice is recreated, and says so",
    "deployment-targeted-by-hpa-does-not-have-replicas-configured": "Pulumi ignores changes to spec.replicas",
    "pod-probes-identical": "what has one health endpoint is asked there, with other limits for each probe",
}
"""kube-score's tests that are not run, and why."""

SWITCHED_ON = ("container-ports-check", "container-seccomp-profile")
"""Optional tests that are run."""

LOOKS_FOR_PODS = frozenset({"networkpolicy-targets-pod", "service-targets-pod"})
"""Tests that say nothing where a chart, an operator or a tenant makes the pods: those are not declared."""

MAKES_PODS = frozenset({"Alertmanager", "Cluster", "Kafka", "KafkaConnect", "Pooler", "Prometheus"})
"""Kinds whose operators make pods."""

_WORKLOADS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"})

_REMEDY = "Correct the object; what is meant so goes into ACCEPTED in tools/gate/linters.py with its reason."

_CRITICAL, _WARNING = 1, 5
"""kube-score's grades that are findings; 10 is good."""


@dataclass(frozen=True)
class Accepted:
    """A finding that is known and meant.

    Attributes:
        test: kube-score's id of the test.
        subject: pattern of the object: `Service carbon/kafka-*`.
        reason: why it stays.
    """

    test: str
    subject: str
    reason: str


ACCEPTED: Sequence[Accepted] = (
    Accepted(
        "service-targets-pod",
        "Service carbon/kafka-?",
        "chooses one pod by the label that the StatefulSet's controller gives it",
    ),
    Accepted(
        "container-security-context-user-group-id",
        "StatefulSet carbon/postgres",
        "the image's own user, whose files they are",
    ),
    Accepted(
        "statefulset-has-servicename",
        "StatefulSet carbon/postgres",
        "one replica, which is reached by its service: nobody asks for a pod by name",
    ),
)


def kube_score(previews: Sequence[StackPreview]) -> CheckResult:
    """Score each stack's objects together: some tests look for an object's partner.

    Raises:
        CommandFailed, MissingPrerequisite: kube-score could not be built, or did not run.
    """
    began = time.monotonic()
    program = toolchain.path("kube-score")
    findings: list[Finding] = []
    unseen: list[str] = []
    examined = 0
    for preview in previews:
        objects = preview.kubernetes_objects()
        scored = _scored(program, [manifest for _, manifest in objects])
        findings += judge(preview, scored)
        examined += len(scored)
        known = {_key(one) for one in scored}
        kinds = sorted({m["kind"] for _, m in objects if manifests.key(m) not in known})
        if kinds:
            unseen.append(f"{preview.stack}: kinds that kube-score does not know: {', '.join(kinds)}")
        if made := sorted(made_elsewhere(preview)):
            tests = " and ".join(sorted(LOOKS_FOR_PODS))
            unseen.append(f"{preview.stack}: {tests}, where others make pods: {', '.join(made)}")
    unseen.append(f"tests that are off (tools/gate/linters.py says why): {', '.join(SWITCHED_OFF)}")
    return CheckResult(CHECK, findings, examined, unseen, time.monotonic() - began)


def judge(preview: StackPreview, scored: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """The findings of kube-score's report (JSON, version 2) on a stack, but those that are accepted."""
    urns = manifests.urns(preview.kubernetes_objects())
    others = made_elsewhere(preview)
    for one in scored:
        found = _key(one)
        subject = manifests.named(found)
        for check in one["checks"]:
            test, grade = check["check"]["id"], check["grade"]
            if check["skipped"] or grade > _WARNING or _is_accepted(test, subject):
                continue
            if test in LOOKS_FOR_PODS and found[1] in others:
                continue
            severity: Severity = "error" if grade <= _CRITICAL else "warning"
            message = f"{subject}: {check['check']['name']}: {_said(check)} ({test})"
            yield Finding(CHECK, severity, preview.stack, urns.get(found, subject), message, _REMEDY)


def made_elsewhere(preview: StackPreview) -> set[str]:
    """The namespaces in which charts and operators make pods, and those in which the stack makes none."""
    objects = [manifest for _, manifest in preview.kubernetes_objects()]
    releases = {str(release.inputs.get("namespace", "default")) for release in preview.helm_releases()}
    operated = {manifests.key(m)[1] for m in objects if m.get("kind") in MAKES_PODS}
    own = {manifests.key(m)[1] for m in objects if m.get("kind") in _WORKLOADS}
    return releases | operated | ({manifests.key(m)[1] for m in objects} - own - {""})


def _scored(program: Path, objects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not objects:
        return []
    minor = ".".join(versions.KUBERNETES.split(".")[:2])
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "objects.yaml"
        file.write_text(manifests.as_yaml(objects), encoding="utf-8")
        command = [
            program,
            "score",
            file,
            "--output-format=json",
            f"--kubernetes-version=v{minor}",
            # An object does not excuse itself: what is accepted stands here.
            "--disable-ignore-checks-annotations",
            *(f"--ignore-test={test}" for test in SWITCHED_OFF),
            *(f"--enable-optional-test={test}" for test in SWITCHED_ON),
        ]
        return json.loads(proc.output(command, accept=(0, 1))) or []


def _key(one: Mapping[str, Any]) -> manifests.Key:
    about = one["object_meta"]
    return one["type_meta"]["kind"], about.get("namespace", ""), about["name"]


def _is_accepted(test: str, subject: str) -> bool:
    return any(test == known.test and fnmatchcase(subject, known.subject) for known in ACCEPTED)


def _said(check: Mapping[str, Any]) -> str:
    comments = check["comments"] or []
    words = (f"{c['path']}: {c['summary']}" if c["path"] else c["summary"] for c in comments)
    return "; ".join(dict.fromkeys(words)) or check["check"]["comment"]
