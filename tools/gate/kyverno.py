"""The Kyverno policies of every stack, run by Kyverno's own command line over every object it declares.

A stack that enforces the rules by other means has them run all the same, as the policies that Kyverno would
get. The program compiles every policy again for every object that it is given, so each object is given with
those policies alone that name its kind.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.manifests import admission
from infra.settings.base import Labels
from policies import exceptions, limits
from policies.rules import OBJECT_RULES
from tools import proc, toolchain
from tools.errors import CommandFailed
from tools.gate import crds, made, manifests
from tools.gate.model import CheckResult, Finding, StackPreview

CHECK = "kyverno"
GROUP = "policies.kyverno.io"

RUN = frozenset({"ValidatingPolicy", "NamespacedValidatingPolicy"})
"""The kinds of policies that need nothing but the object; others ask a registry or change a cluster."""
EXCEPTION = "PolicyException"

_FOUND = frozenset({"fail", "error", "warn"})
_AT_ONCE = 2
_REMEDY = "Correct the object, or the rule in policies/rules that the message names."
_BROKEN = "Correct the policy: Kyverno would not load it, and nothing was checked with it or its neighbours."
_NOBODY = Labels(environment="gate", owner="gate", team="gate", product="gate", cost_center="gate")
"""Labels of policies that are made here and kept nowhere."""

Manifest = Mapping[str, Any]
Objects = Sequence[Manifest]


@dataclass(frozen=True)
class Run:
    """One run of the program, for a stack.

    Attributes:
        namespaces: labels of the namespaces, by which policies choose.
    """

    preview: StackPreview
    policies: Objects
    objects: Objects
    exceptions: Objects = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Any])


def kyverno(previews: Sequence[StackPreview]) -> CheckResult:
    """Run each stack's policies over its objects; a policy that cannot be evaluated is an error.

    Raises:
        CommandFailed, MissingPrerequisite: the program could not be built, or did not start.
    """
    began = time.monotonic()
    previews = [preview for preview in previews if preview.kubernetes_objects()]
    program = toolchain.path("kubectl-kyverno")
    runs = [run for preview in previews for run in plan(preview)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = list(pool.map(lambda run: _outcome(program, run), runs))
    spoke = {preview.stack: set[str]() for preview in previews}
    findings: list[Finding] = []
    for run, outcome in zip(runs, outcomes, strict=True):
        if isinstance(outcome, Finding):
            findings.append(outcome)
            continue
        findings += sorted(judge(run, outcome), key=lambda f: (f.subject, f.message))
        spoke[run.preview.stack] |= {result["policy"] for result in outcome}
    examined = sum(len(run.objects) for run in runs)
    unseen = [line for preview in previews for line in _unseen(preview, spoke[preview.stack])]
    return CheckResult(CHECK, list(dict.fromkeys(findings)), examined, unseen, time.monotonic() - began)


def policies_of(preview: StackPreview) -> list[Manifest]:
    """The policies that a stack declares, or, where it declares none, those that it would."""
    declared = [m for _, m in preview.kubernetes_objects() if crds.kind_of(m)[0] == GROUP]
    if declared:
        return [*declared]
    enforcement = admission.Enforcement(
        identity=_NOBODY,
        rules=admission.enforceable(OBJECT_RULES),
        limits=limits.of(preview.stack),
        exceptions=exceptions.of(preview.stack),
        namespaces=None,
    )
    return [*admission.kyverno_policies(enforcement, background=True)]


def plan(preview: StackPreview) -> Iterator[Run]:
    """The runs for a stack: objects together that the same policies name."""
    everything = policies_of(preview)
    chosen = [p for p in everything if p["kind"] in RUN]
    excepted = [p for p in everything if p["kind"] == EXCEPTION]
    declared = [manifest for _, manifest in preview.kubernetes_objects()]
    objects_of_all = [*declared, *made.of(preview)]
    namespaces = {
        m["metadata"]["name"]: m["metadata"].get("labels", {})
        for m in declared
        if crds.kind_of(m) == ("", "Namespace")
    }
    groups: dict[tuple[int, ...], list[Manifest]] = {}
    for manifest in objects_of_all:
        named = tuple(n for n, p in enumerate(chosen) if names(p, manifest.get("kind", "")))
        groups.setdefault(named, []).append(manifest)
    for named, objects in groups.items():
        if named:
            yield Run(preview, [chosen[n] for n in named], objects, excepted, namespaces)


def names(policy: Manifest, kind: str) -> bool:
    """Whether a policy may be about a kind; in doubt it may.

    A policy names resources in the plural, so the start decides: `ingresses` and `networkpolicies` are found
    by `ingres` and `networkpolic`.
    """
    rules = policy["spec"].get("matchConstraints", {}).get("resourceRules", [])
    resources = {r.partition("/")[0] for rule in rules for r in rule.get("resources", ["*"])}
    return not rules or any(r == "*" or r.startswith(kind.lower()[:-1]) for r in resources)


def apply(
    program: Path,
    policies: Objects,
    objects: Objects,
    *,
    exceptions: Objects = (),
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
) -> list[dict[str, Any]]:
    """What each policy says of each object that it looks at: the results of Kyverno's report.

    A result has `policy`, `result` (pass, fail, error, warn, skip), `message` and `resources`.

    Args:
        namespaces: labels of namespaces, by which policies choose.

    Raises:
        CommandFailed: the program does not take a policy; its words are in `output`.
    """
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        given = {"policies": policies, "objects": objects, "exceptions": exceptions}
        for name, content in given.items():
            (home / f"{name}.yaml").write_text(manifests.as_yaml(content), encoding="utf-8")
        (home / "values.yaml").write_text(manifests.as_yaml([_values(namespaces or {})]), encoding="utf-8")
        command: list[proc.Arg] = [
            program,
            "apply",
            home / "policies.yaml",
            f"--resource={home / 'objects.yaml'}",
            f"--values-file={home / 'values.yaml'}",
            *([f"--exception={home / 'exceptions.yaml'}"] if exceptions else []),
            "--policy-report",
            "--output-format=json",
            "--remove-color",
        ]
        try:
            said = proc.output(command)
        except CommandFailed as error:
            # It ends alike when an object fails and when it could do nothing; a report tells them apart.
            if not error.output.startswith("{"):
                raise
            said = error.output
        if not said:
            return []  # No policy chose any object.
        if not said.startswith("{"):
            raise CommandFailed([str(part) for part in command], 0, output=said)
    report, _ = json.JSONDecoder().raw_decode(said)
    return report["results"]


def judge(run: Run, results: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """The findings among the results of a run: what a policy would only report is a warning."""
    urns = manifests.urns(run.preview.kubernetes_objects())
    denies = {
        p["metadata"]["name"] for p in run.policies if "Deny" in p["spec"].get("validationActions", ["Deny"])
    }
    for result in results:
        if result["result"] not in _FOUND:
            continue
        severity = "error" if result["policy"] in denies or result["result"] == "error" else "warning"
        for about in result["resources"]:
            found = about["kind"], about.get("namespace", ""), about["name"]
            subject = manifests.named(found)
            message = f"{subject}: {result['message']} (policy {result['policy']})"
            yield Finding(CHECK, severity, run.preview.stack, urns.get(found, subject), message, _REMEDY)


def _outcome(program: Path, run: Run) -> list[dict[str, Any]] | Finding:
    try:
        return apply(program, run.policies, run.objects, exceptions=run.exceptions, namespaces=run.namespaces)
    except CommandFailed as error:
        said = error.output.strip().splitlines()
        message = said[0] if said else error.message
        return Finding(CHECK, "error", run.preview.stack, "its policies", message, _BROKEN)


def _values(namespaces: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Value",
        "metadata": {"name": "values"},
        "namespaceSelector": [{"name": name, "labels": labels} for name, labels in namespaces.items()],
    }


def _unseen(preview: StackPreview, spoke: set[str]) -> Iterator[str]:
    everything = policies_of(preview)
    names = {p["metadata"]["name"]: p["kind"] for p in everything if p["kind"] != EXCEPTION}
    if idle := [name for name, kind in names.items() if kind in RUN and name not in spoke]:
        yield f"{preview.stack}: policies that looked at no object: {', '.join(idle)}"
    if left := [f"{name} ({kind})" for name, kind in names.items() if kind not in RUN]:
        yield f"{preview.stack}: policies that need more than the object: {', '.join(left)}"
    if charts := [str(release.inputs.get("chart")).rsplit("/", 1)[-1] for release in preview.helm_releases()]:
        yield f"{preview.stack}: what charts render: {', '.join(charts)}"
