"""Every Kubernetes object of every stack, as a server-side dry run to an API server of the gate's own."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from tools.gate import apiserver, charts, crds, made, manifests, typecheck
from tools.gate.apiclient import Answer, ApiServer
from tools.gate.model import CheckResult, Finding, StackPreview
from tools.gate.typecheck import is_policy

CHECK = "api-server"

BUILT_IN = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""The namespaces of every cluster."""

_REFUSED = "Correct the object; a kind that is missing needs its definition in tools/gate/crds.py."
_WARNED = "Change what the server warns of: the next version may refuse it."
_TYPES = "Correct the expression: it would fail on every object that it is asked about."
_MADE = "Correct the function in tools/gate/made, or what is declared: others make it of that."
_NAMESPACE = "Declare the namespace, or correct metadata.namespace."


class Server(Protocol):
    """What the check needs of an API server."""

    def apply_all(self, manifests: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[Answer]: ...


def server_side_dry_run(previews: Sequence[StackPreview]) -> CheckResult:
    """Ask a real API server whether it would take each object: its schema, its own rules, its admission.

    Unknown fields and kinds are refused; so is an object in a namespace that its stack does not make.

    Raises:
        ToolError: the server or the definitions could not be had.
    """
    began = time.monotonic()
    kinds = {crds.kind_of(manifest) for preview in previews for _, manifest in preview.kubernetes_objects()}
    if not kinds:
        return CheckResult(CHECK, [], 0)
    with apiserver.running() as server:
        server.install(crds.find(kinds))
        findings = [finding for preview in previews for finding in judge(server, preview)]
        findings += type_check(server, previews)
    examined = sum(len(preview.kubernetes_objects()) for preview in previews)
    return CheckResult(CHECK, findings, examined, list(of_another_version(kinds)), time.monotonic() - began)


def type_check(server: ApiServer, previews: Sequence[StackPreview]) -> Iterator[Finding]:
    """A finding for each expression of an admission policy that does not fit the kinds it is about."""
    declared = {p.stack: [(urn, o) for urn, o in p.kubernetes_objects() if is_policy(o)] for p in previews}
    if not any(declared.values()):
        return
    with typecheck.checking(server) as check:
        for stack, policies in declared.items():
            problems = check([policy for _, policy in policies])
            for (urn, _), said in zip(policies, problems, strict=True):
                yield from (Finding(CHECK, "error", stack, urn, message, _TYPES) for message in said)


def of_another_version(kinds: Iterable[crds.Kind]) -> Iterator[str]:
    """Which kinds were held against definitions of another version than their pinned chart installs."""
    for source in crds.SOURCES:
        used = sorted(kind for group, kind in kinds if group in source.groups)
        chart = charts.load(source.chart) if used and source.chart else None
        if chart and not charts.same_version(chart.app, source.version):
            pin = f"chart {chart.name} {chart.version} installs {chart.app}"
            yield f"{', '.join(used)}: checked against {source.name} {source.version}; {pin}"


def judge(server: Server, preview: StackPreview) -> Iterator[Finding]:
    """A finding for each object of a stack that the server refuses or has a warning about."""
    objects = preview.kubernetes_objects()
    spaces = {o["metadata"]["name"]: o for _, o in objects if _is_namespace(o)} | _of_releases(preview)
    # Made in truth: the server looks at no object whose namespace is missing. One that is refused, or that
    # no one declares, is reported below, and its objects are looked at all the same.
    wanted = {_namespace(manifest) for _, manifest in objects} - spaces.keys() - BUILT_IN - {""}
    server.apply_all([*spaces.values(), *map(_bare, sorted(wanted))])
    for urn, manifest in objects:
        if (name := _namespace(manifest)) in wanted:
            message = f"the stack makes no namespace {name!r}"
            yield Finding(CHECK, "error", preview.stack, urn, message, _NAMESPACE)
    answers = server.apply_all([manifest for _, manifest in objects], dry_run=True)
    for (urn, _), answer in zip(objects, answers, strict=True):
        if not answer.ok:
            yield Finding(CHECK, "error", preview.stack, urn, answer.message, _REFUSED)
        for warning in answer.warnings:
            yield Finding(CHECK, "warning", preview.stack, urn, warning, _WARNED)
    yield from _of_others(server, preview, wanted)


def _of_others(server: Server, preview: StackPreview, missing: Container[str]) -> Iterator[Finding]:
    """A finding for each object that an operator or a chart makes and the server refuses."""
    others = [o for o in made.of(preview) if o["metadata"]["namespace"] not in missing]
    if not others:
        return
    # The server looks at no pod whose account or class is missing; both are there before the pod is.
    classes = [o for _, o in preview.kubernetes_objects() if o["kind"] == "PriorityClass"]
    server.apply_all([*classes, *(_account(o) for o in others if o["kind"] == "Pod")])
    for manifest, answer in zip(others, server.apply_all(others, dry_run=True), strict=True):
        if not answer.ok:
            name = manifests.named(manifests.key(manifest))
            yield Finding(CHECK, "error", preview.stack, name, answer.message, _MADE)


def _of_releases(preview: StackPreview) -> dict[str, dict[str, Any]]:
    names = [r.inputs.get("namespace") for r in preview.helm_releases() if r.inputs.get("createNamespace")]
    return {name: _bare(name) for name in names if name}


def _bare(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _account(pod: Mapping[str, Any]) -> dict[str, Any]:
    where = {"name": pod["spec"]["serviceAccountName"], "namespace": pod["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": where}


def _is_namespace(manifest: Mapping[str, Any]) -> bool:
    return crds.kind_of(manifest) == ("", "Namespace") and "name" in manifest.get("metadata", {})


def _namespace(manifest: Mapping[str, Any]) -> str:
    return manifest.get("metadata", {}).get("namespace", "")
