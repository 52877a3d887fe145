"""What the check makes of kube-score's report."""

from typing import Any

import pytest

from tools.gate import linters
from tools.gate.linters import Accepted
from tools.gate.model import RELEASE, Finding, Resource, StackPreview

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "api", "namespace": "carbon"},
}
PREVIEW = StackPreview(
    "prod", (Resource("urn:api", "kubernetes:apps/v1:Deployment", "api", custom=True, inputs=DEPLOYMENT),)
)


def scored(
    grade: int, *, test: str = "container-image-tag", skipped: bool = False, comments: Any = None
) -> dict[str, Any]:
    about = {"id": test, "name": "Container Image Tag", "comment": "a tag is set"}
    return {
        "type_meta": {"kind": "Deployment", "apiVersion": "apps/v1"},
        "object_meta": {"name": "api", "namespace": "carbon"},
        "checks": [{"check": about, "grade": grade, "skipped": skipped, "comments": comments}],
    }


def judge(report: dict[str, Any]) -> list[Finding]:
    return list(linters.judge(PREVIEW, [report]))


@pytest.mark.parametrize(("grade", "severity"), [(1, "error"), (5, "warning")])
def test_a_bad_grade_is_a_finding_of_the_object(grade: int, severity: str) -> None:
    (finding,) = judge(scored(grade, comments=[{"path": "web", "summary": "Image with latest tag"}]))
    assert (finding.check, finding.severity, finding.subject) == ("kube-score", severity, "urn:api")
    assert finding.message == (
        "Deployment carbon/api: Container Image Tag: web: Image with latest tag (container-image-tag)"
    )


def test_what_passed_and_what_did_not_apply_is_none() -> None:
    assert judge(scored(10)) == []
    assert judge(scored(1, skipped=True)) == []


def test_what_is_accepted_is_so_for_its_test_and_its_object_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def accepting(test: str, subject: str) -> list[Finding]:
        monkeypatch.setattr(linters, "ACCEPTED", [Accepted(test, subject, "why")])
        return judge(scored(1))

    assert accepting("container-image-tag", "Deployment carbon/*") == []
    assert accepting("container-image-tag", "Deployment other/*")
    assert accepting("service-type", "Deployment carbon/*")


def test_where_others_make_pods_a_selector_that_finds_none_is_not_judged() -> None:
    report = scored(1, test="networkpolicy-targets-pod")
    release = Resource("urn:r", RELEASE, "r", custom=True, inputs={"chart": "x", "namespace": "carbon"})
    kafka = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "metadata": {"name": "k", "namespace": "carbon"},
    }
    operated = Resource("urn:k", "kubernetes:x", "k", custom=True, inputs=kafka)

    def found(*more: Resource) -> list[Finding]:
        return list(linters.judge(StackPreview("prod", (*PREVIEW.resources, *more)), [report]))

    assert found()
    assert found(release) == []
    assert list(linters.judge(StackPreview("prod", (*PREVIEW.resources, release)), [scored(1)]))
    assert found(operated) == []
    elsewhere = Resource("urn:r", RELEASE, "r", custom=True, inputs={"chart": "x", "namespace": "other"})
    assert found(elsewhere)


def test_where_the_stack_makes_no_pods_a_selector_that_finds_none_is_not_judged() -> None:
    policy = {"kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": "tenant"}}
    made = Resource("urn:p", "kubernetes:x", "p", custom=True, inputs=policy)
    assert linters.made_elsewhere(StackPreview("prod", (*PREVIEW.resources, made))) == {"tenant"}
