"""Policy documents of AWS resources through the linter."""

import json
from typing import Any

import pytest

from tools.gate import iam
from tools.gate.iam import Accepted
from tools.gate.model import CheckResult, Resource, StackPreview

BUCKET = "arn:aws:s3:::carbon"


def lint(type_: str, **inputs: Any) -> CheckResult:
    resource = Resource("urn:it", type_, "it", custom=True, inputs=inputs)
    return iam.iam_lint([StackPreview("prod", (resource,))])


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = f"{BUCKET}/*", **more: Any) -> dict[str, Any]:
    return {"Sid": "Read", "Effect": "Allow", "Action": [action], "Resource": [resource], **more}


def test_a_sound_document_is_examined_and_passes() -> None:
    result = lint("aws:iam/policy:Policy", policy=document(allow("s3:GetObject")))
    assert (result.findings, result.examined) == ([], 1)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        pytest.param(allow("s3:GetObjekt"), "Unknown action s3:GetObjekt", id="misspelt action"),
        pytest.param(allow("s4:GetObject"), "Unknown prefix s4", id="unknown service"),
        pytest.param(allow("s3:GetObject", BUCKET), "resource mismatch", id="ARN the action never has"),
        pytest.param(allow("s3:PutObject", "*"), "resource star", id="star"),
        pytest.param(
            allow("s3:GetObject", Condition={"StringEquals": {"s3:prefiks": "x"}}),
            "Unknown condition s3:prefiks",
            id="unknown condition key",
        ),
    ],
)
def test_a_mistake_is_an_error_that_names_the_statement(statement: dict[str, Any], words: str) -> None:
    other = allow("s3:GetObject") | {"Sid": "First"}
    (finding,) = lint("aws:iam/policy:Policy", policy=document(other, statement)).findings
    assert (finding.check, finding.severity, finding.subject) == ("iam-lint", "error", "urn:it")
    assert finding.message.startswith("policy, statement Read: ")
    assert words in finding.message


def test_documents_are_found_wherever_they_stand() -> None:
    bad = document(allow("s3:GetObjekt"))
    result = lint(
        "aws:iam/role:Role",
        assumeRolePolicy=document(allow("s3:GetObject")),
        inlinePolicies=[{"name": "a", "policy": bad}],
        description="{not a document}",
        tags={"owner": '{"Statement-like": 1}'},
    )
    assert result.examined == 2
    assert [f.message.split(",")[0] for f in result.findings] == ["inlinePolicies.0.policy"]


def test_a_single_statement_needs_no_list() -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:GetObjekt")})
    (finding,) = lint("aws:iam/policy:Policy", policy=policy).findings
    assert "statement Read" in finding.message


def test_a_trust_policy_needs_no_resource() -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    assert lint("aws:iam/role:Role", assumeRolePolicy=document(trust)).findings == []
    trust["Action"] = "sts:AssumeRoll"
    (finding,) = lint("aws:iam/role:Role", assumeRolePolicy=document(trust)).findings
    assert "statement 0" in finding.message


def test_in_a_keys_own_policy_the_star_is_the_key_and_elsewhere_it_is_not() -> None:
    policy = document(allow("kms:Decrypt", "*", Principal={"AWS": "arn:aws:iam::123456789012:root"}))
    assert lint("aws:kms/key:Key", policy=policy).findings == []
    (finding,) = lint("aws:iam/policy:Policy", policy=policy).findings
    assert "resource star" in finding.message


def test_a_long_list_of_actions_is_cut() -> None:
    (finding,) = lint("aws:iam/policy:Policy", policy=document(allow("ec2:*", "*"))).findings
    assert len(finding.message) < 400


def test_reading_settings_may_be_on_everything_and_reading_content_may_not() -> None:
    look = allow("s3:GetBucketTagging", "*")
    assert lint("aws:iam/policy:Policy", policy=document(look)).findings == []
    for content in ("s3:GetObject", "secretsmanager:GetSecretValue"):
        (finding,) = lint("aws:iam/policy:Policy", policy=document(allow(content, "*"))).findings
        assert finding.message.endswith(f"resource star: {content}")


def test_what_an_action_needs_may_stand_in_several_statements() -> None:
    ec2 = "arn:aws:ec2:eu-west-1:111122223333"
    instance = allow("ec2:AttachVolume", f"{ec2}:instance/*") | {"Sid": "Instance"}
    volume = allow("ec2:AttachVolume", f"{ec2}:volume/*") | {"Sid": "Volume"}
    assert lint("aws:iam/policy:Policy", policy=document(instance, volume)).findings == []
    (finding,) = lint("aws:iam/policy:Policy", policy=document(instance)).findings
    assert "ec2:AttachVolume on arn:*:ec2:*:*:volume/*" in finding.message


def test_what_is_accepted_is_so_for_its_issue_its_place_and_its_detail_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def accepting(issue: str, where: str, detail: str) -> CheckResult:
        monkeypatch.setattr(iam, "ACCEPTED", [Accepted(issue, where, detail, "why")])
        return lint("aws:iam/policy:Policy", policy=document(allow("s3:PutObject", "*")))

    assert accepting("RESOURCE_STAR", "aws:iam/policy:Policy.policy it", "s3:Put*").findings == []
    assert accepting("RESOURCE_MISMATCH", "*", "*").findings
    assert accepting("RESOURCE_STAR", "aws:iam/policy:Policy.policy other", "*").findings
    assert accepting("RESOURCE_STAR", "*", "s3:Get*").findings
