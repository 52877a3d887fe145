"""What the check makes of what Kyverno's command line says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.conftest import Machine
from tools.gate import kyverno
from tools.gate.model import RELEASE, CheckResult, Resource, StackPreview

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api", "namespace": "carbon"}}


def policy(name: str, *actions: str, kind: str = "ValidatingPolicy", on: str = "pods") -> dict[str, Any]:
    return {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "validationActions": list(actions or ("Deny",)),
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "resources": [on]}]},
        },
    }


def preview(*objects: dict[str, Any]) -> StackPreview:
    made = [
        Resource(f"urn:{o['metadata']['name']}", "kubernetes:x", "x", custom=True, inputs=o) for o in objects
    ]
    release = Resource("urn:keda", RELEASE, "keda", custom=True, inputs={"chart": "keda"})
    return StackPreview("local", (*made, release))


def result(policy: str, outcome: str) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "carbon", "name": "api"}
    return {"policy": policy, "result": outcome, "message": "needs a probe", "resources": [about]}


def check(monkeypatch: pytest.MonkeyPatch, stack: StackPreview, *results: dict[str, Any]) -> CheckResult:
    monkeypatch.setattr(kyverno.toolchain, "path", lambda _: Path("/kyverno"))
    monkeypatch.setattr(kyverno, "apply", lambda *_, **__: list(results))
    return kyverno.kyverno([stack])


@pytest.mark.parametrize(
    ("actions", "outcome", "severity"),
    [
        (("Deny",), "fail", "error"),
        (("Audit",), "fail", "warning"),
        (("Audit",), "error", "error"),
    ],
)
def test_what_breaks_a_policy_or_cannot_be_judged_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, actions: tuple[str, ...], outcome: str, severity: str
) -> None:
    done = check(monkeypatch, preview(POD, policy("probes", *actions)), result("probes", outcome))
    (finding,) = done.findings
    assert (finding.check, finding.severity, finding.subject) == ("kyverno", severity, "urn:api")
    assert finding.message == "Pod carbon/api: needs a probe (policy probes)"
    assert done.examined == 1


def test_what_passes_is_none_and_what_nobody_saw_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = (POD, policy("probes"), policy("idle"), policy("images", kind="ImageValidatingPolicy"))
    done = check(monkeypatch, preview(*objects), result("probes", "pass"))
    assert done.findings == []
    assert done.unseen == [
        "local: policies that looked at no object: idle",
        "local: policies that need more than the object: images (ImageValidatingPolicy)",
        "local: what charts render: keda",
    ]


def test_an_object_is_given_with_the_policies_that_may_be_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    route = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}}
    book = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "book"}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "carbon", "labels": {"a": "b"}}}
    chosen = [policy("pods"), policy("doors", on="ingresses"), policy("all", on="*")]
    runs = list(kyverno.plan(preview(POD, route, book, space, *chosen)))
    given = {run.objects[0]["kind"]: {p["metadata"]["name"] for p in run.policies} for run in runs}
    assert given["Pod"] == {"pods", "all"}
    assert given["Ingress"] == {"doors", "all"}
    assert given["ConfigMap"] == {"all"}
    assert {m["kind"] for m in runs[2].objects} == {"ConfigMap", "Namespace", "ValidatingPolicy"}
    assert all(run.namespaces == {"carbon": {"a": "b"}} for run in runs)


def test_a_stack_without_policies_is_held_against_those_made_from_the_rules() -> None:
    made = {p["metadata"]["name"] for p in kyverno.policies_of(preview(POD))}
    assert "carbon-pod-probes" in made
    assert {p["metadata"]["name"] for p in kyverno.policies_of(preview(POD, policy("own")))} == {"own"}


def test_a_report_is_read_though_the_program_ends_with_an_error(machine: Machine) -> None:
    report = json.dumps({"results": [result("probes", "fail")]})
    program = machine.program("kubectl-kyverno", f"echo '{report}'; echo 'one failed' >&2; exit 1")
    assert kyverno.apply(program, [policy("probes")], [POD]) == [result("probes", "fail")]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'failed to compile policy probes' >&2; exit 1", "failed to compile policy probes"),
        ("exit 1", "ended with exit code 1"),
        ("echo 'Policies Skipped:'", "Policies Skipped:"),
    ],
)
def test_what_is_no_report_is_an_error_and_never_a_pass(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    program = machine.program("kubectl-kyverno", script)
    monkeypatch.setattr(kyverno.toolchain, "path", lambda _: program)
    done = kyverno.kyverno([preview(POD, policy("probes"))])
    (finding,) = done.findings
    assert (finding.severity, finding.subject) == ("error", "its policies")
    assert words in finding.message
