"""Each role may do what its controller calls, and no environment what is another's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from infra.manifests.iam import boundary, buckets, deployer_data, github, keys, pods
from infra.manifests.iam.document import EVERYTHING, allow
from infra.settings.parsing import parse
from tests.aws import foundation
from tools import paths
from tools.gate import permissions, settings
from tools.gate.access import Call, UnknownOperator, allows
from tools.gate.model import Finding, Resource, StackPreview


def seen(stack: str) -> StackPreview:
    """What a committed stack registers at AWS, without an engine."""
    read = parse(settings.configuration(stack), file=str(settings.file(stack)), root=paths.ROOT)
    assert read.aws is not None
    _, recorded = foundation(read.aws.model_dump(mode="json"), read.labels.environment)
    return StackPreview(
        stack,
        tuple(
            Resource(r.urn, r.type, r.name, custom=not r.is_component, inputs=r.inputs)
            for r in recorded.seen.values()
        ),
    )


def found(*stacks: str) -> list[Finding]:
    return list(permissions.permissions([seen(stack) for stack in stacks]).findings)


def test_the_committed_stacks_may_what_they_do_and_no_more() -> None:
    done = permissions.permissions([seen(stack) for stack in ("bootstrap", "dev", "prod")])
    assert [f"{f.stack} {f.subject} {f.message}" for f in done.findings] == []
    assert done.examined > 150


def without(made: Callable[..., dict[str, Any]], *sids: str) -> Callable[..., dict[str, Any]]:
    """A document as it is made, but for some statements."""

    def changed(*args: Any, **kwargs: Any) -> dict[str, Any]:
        document = made(*args, **kwargs)
        return {**document, "Statement": [s for s in document["Statement"] if s["Sid"] not in sids]}

    return changed


def test_a_trails_key_that_lets_nothing_be_decrypted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = without(keys.key_policy, "DecryptForTrail")
    monkeypatch.setattr("infra.components.aws.keys.key_policy", lacking)
    (finding,) = found("bootstrap")
    assert finding.subject == "cloudtrail.amazonaws.com"
    assert "may not call kms:Decrypt" in finding.message


def test_a_volume_key_that_only_the_keys_own_policy_gives_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pods, "ebs_csi", without(pods.ebs_csi, "VolumeKey", "VolumeKeyGrant"))
    said = {(f.subject, f.message.split()[3]) for f in found("dev")}
    assert ("ebs-csi", "kms:CreateGrant") in said
    assert {who for who, _ in said} == {"ebs-csi"}


def test_a_bucket_that_cannot_be_asked_for_without_a_prefix_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pods.postgres

    def prefixed(*args: Any) -> dict[str, Any]:
        document = made(*args)
        for statement in document["Statement"]:
            if statement["Sid"] == "List":
                statement["Condition"] = {"StringLike": {"s3:prefix": "postgres/*"}}
        return document

    monkeypatch.setattr(pods, "postgres", prefixed)
    (finding,) = found("dev")
    assert finding.subject == "postgres"
    assert "may not call s3:ListBucket" in finding.message
    assert "HeadBucket" in finding.message


def test_a_deployment_that_reaches_every_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    made = github.state_writer

    def wide(names: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        document = made(names, *args, **kwargs)
        wider = allow("Wide", ["s3:PutObject"], [f"{names.bucket_arn('state')}/*"])
        return {**document, "Statement": [*document["Statement"], wider]}

    monkeypatch.setattr(github, "state_writer", wide)
    said = [f"{f.subject}: {f.message}" for f in found("bootstrap")]
    assert any("deployment of dev" in s and s.endswith("prod.json, which is of prod") for s in said)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (allow("X", ["s3:PutObject"], ["arn:aws:s3:::carbon-*"]), "carbon-prod-recovery"),
        (
            allow(
                "X",
                ["kms:Decrypt"],
                ["arn:aws:kms:*:111122223333:key/*"],
                when={"StringEquals": {"aws:ResourceTag/managed-by": "pulumi"}},
            ),
            "kms:Decrypt",
        ),
        (
            allow("X", ["route53:ChangeResourceRecordSets"], ["arn:aws:route53:::hostedzone/*"]),
            "route53:ChangeResourceRecordSets",
        ),
        (allow("X", ["secretsmanager:GetSecretValue"], EVERYTHING), "secretsmanager:GetSecretValue"),
    ],
)
def test_a_boundary_that_reaches_another_environment_is_found(
    monkeypatch: pytest.MonkeyPatch, statement: dict[str, Any], said: str
) -> None:
    made = boundary.boundary

    def wide(*args: Any, **kwargs: Any) -> dict[str, Any]:
        document = made(*args, **kwargs)
        return {**document, "Statement": [*document["Statement"], statement]}

    monkeypatch.setattr(boundary, "boundary", wide)
    messages = [f.message for f in found("bootstrap") if f.subject == "a role of dev"]
    assert any(said in m and m.endswith("which is of prod") for m in messages)


def test_a_deployment_that_may_change_any_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployer_data, "below", lambda _: {})
    said = {f.subject for f in found("bootstrap") if "route53" in f.message}
    assert "the deployment of dev" in said


def test_only_who_copies_may_write_to_who_keeps_the_copies() -> None:
    state = [f for f in found("bootstrap") if "dr" in f.message]
    assert state == []
    by_prod = permissions.boundary.boundary(
        replace_names("prod"), domain="carbon.example.com", copies_to="dr"
    )
    by_dev = permissions.boundary.boundary(replace_names("dev"), domain=None, copies_to=None)
    copy = Call("s3:ReplicateObject", "arn:aws:s3:::carbon-dr-recovery-111122223333-eu-west-1/x")
    assert allows([by_prod], copy)
    assert not allows([by_dev], copy)


def replace_names(environment: str) -> Any:
    return replace(permissions.Names("dev", "111122223333", "eu-central-1"), environment=environment)


class TestDecisions:
    document: ClassVar[dict[str, Any]] = {
        "Statement": [
            allow("A", ["s3:Get*"], ["arn:x/*"], when={"StringEquals": {"k": "v"}}),
            {"Sid": "D", "Effect": "Deny", "Action": "s3:GetSecret", "Resource": "*"},
        ]
    }

    @pytest.mark.parametrize(
        ("action", "resource", "context", "allowed"),
        [
            ("s3:GetObject", "arn:x/1", {"k": "v"}, True),
            ("s3:getobject", "arn:x/1", {"k": "v"}, True),
            ("s3:GetObject", "arn:y/1", {"k": "v"}, False),
            ("s3:GetObject", "arn:x/1", {"k": "w"}, False),
            ("s3:GetObject", "arn:x/1", {}, False),
            ("s3:GetSecret", "arn:x/1", {"k": "v"}, False),
            ("s3:PutObject", "arn:x/1", {"k": "v"}, False),
        ],
    )
    def test_one_allows_and_none_denies(
        self, action: str, resource: str, context: dict[str, str], allowed: bool
    ) -> None:
        assert allows([self.document], Call(action, resource, context)) is allowed

    @pytest.mark.parametrize(
        ("condition", "context", "holds"),
        [
            ({"StringLikeIfExists": {"p": "a/*"}}, {}, True),
            ({"StringLikeIfExists": {"p": "a/*"}}, {"p": "b"}, False),
            ({"StringLike": {"p": "a/*"}}, {}, False),
            ({"ForAllValues:StringLike": {"p": ["a", "*.a"]}}, {"p": ["a", "x.a"]}, True),
            ({"ForAllValues:StringLike": {"p": ["a", "*.a"]}}, {"p": ["a", "b"]}, False),
            ({"ForAnyValue:StringEquals": {"p": ["a"]}}, {"p": ["a", "b"]}, True),
            ({"Bool": {"p": "true"}}, {"p": "True"}, True),
            ({"Null": {"p": "true"}}, {}, True),
            ({"Null": {"p": "true"}}, {"p": "x"}, False),
            ({"NumericLessThan": {"p": "1.2"}}, {"p": "1.3"}, False),
            ({"StringNotEquals": {"p": "a"}}, {}, True),
        ],
    )
    def test_conditions(self, condition: Any, context: dict[str, Any], holds: bool) -> None:
        document = {"Statement": [allow("A", ["a:b"], "*", when=condition)]}
        assert allows([document], Call("a:b", "*", context)) is holds

    def test_an_operator_that_is_not_known_is_said(self) -> None:
        document = {"Statement": [allow("A", ["a:b"], "*", when={"IpAddress": {"x": "y"}})]}
        with pytest.raises(UnknownOperator, match="IpAddress"):
            allows([document], Call("a:b", "*"))

    def test_a_resources_policy_asks_who_calls(self) -> None:
        policy = buckets.bucket_policy("audit", permissions.Names("prod", "111122223333", "eu-central-1"))
        names = permissions.Names("prod", "111122223333", "eu-central-1")
        call = Call(
            "s3:GetBucketAcl",
            names.bucket_arn("audit"),
            {"aws:SourceArn": names.trail_arn, "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"},
        )
        assert allows([policy], call, by={"Service": "cloudtrail.amazonaws.com"})
        assert not allows([policy], call, by={"Service": "logs.amazonaws.com"})
