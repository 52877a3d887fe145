"""The pack that the engine runs: it sees what the engine hands over, and reports with the remedy."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies import limits, pack
from policies.examples import DEPLOYMENT, LIMITS, aws, kubernetes, with_container, with_security
from policies.exceptions import Register, RuleException
from policies.limits import LimitsError
from policies.rule import Resource
from policies.rules import RULES
from policies.rules.s3 import BLOCK, BUCKET

TODAY = datetime.date(2026, 7, 1)
SERVICE_ACCOUNT = {"automountServiceAccountToken": True}


@pytest.fixture(autouse=True)
def example_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples' stack may use what the examples use."""
    known = limits.of
    monkeypatch.setattr(limits, "of", lambda stack: LIMITS if stack == "example" else known(stack))


def _exception(**fields: Any) -> RuleException:
    plain = {
        "rules": ["image-pinned"],
        "resource": "Deployment/carbon/demo",
        "reason": "the vendor gives no other tag",
        "owner": "team-platform",
        "expires": TODAY,
    }
    return RuleException.model_validate(plain | fields)


def _wired(resource: Resource) -> Any:
    """Properties as they come: every number is a float, and unknown values raise when they are touched."""
    return unknown_checking_proxy(json.loads(json.dumps(resource.props), parse_int=float))


def _options(resource: Resource) -> PolicyResourceOptions:
    return PolicyResourceOptions(resource.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


def _policies(*exceptions: RuleException, today: datetime.date = TODAY) -> list[Policy]:
    return pack.policies(Register(exceptions, today))


def _violations(policies: Sequence[Policy], *resources: Resource) -> dict[str, list[str]]:
    """What the engine would hear: of each resource first, of the stack in the end."""
    found: dict[str, list[str]] = {}
    shown = [
        PolicyResource(r.type, _wired(r), r.urn, r.name, _options(r), None, None, [], {}) for r in resources
    ]
    for mine, resource in zip(shown, resources, strict=True):
        mine.property_dependencies = {
            prop: [s for s in shown if s.urn in urns] for prop, urns in resource.sources.items()
        }
        args = ResourceValidationArgs(
            resource.type, _wired(resource), resource.urn, resource.name, _options(resource), None
        )
        for policy in policies:
            if isinstance(policy, ResourceValidationPolicy):
                with suppress(_NotApplicableError):
                    _ = policy.validate(args, _listener(found, policy.name))
    for policy in policies:
        if isinstance(policy, StackValidationPolicy):
            with suppress(_NotApplicableError):
                _ = policy.validate(StackValidationArgs(shown), _listener(found, policy.name))
    return found


def _listener(found: dict[str, list[str]], name: str) -> Any:
    return lambda message, urn=None: found.setdefault(name, []).append(message)


def _of_objects(subject: dict[str, Any], *exceptions: RuleException) -> dict[str, list[str]]:
    """What single objects are told; the demo deployment alone lacks what a stack has around it."""
    about_stacks = {"network-policy-present", "service-account-declared"}
    found = _violations(_policies(*exceptions), kubernetes(subject))
    return {name: messages for name, messages in found.items() if name not in about_stacks}


def test_there_is_a_policy_for_every_rule() -> None:
    assert [p.name for p in _policies()] == [
        *(r.id for r in RULES),
        "exceptions-in-force",
        "exceptions-needed",
    ]


def test_a_good_object_passes() -> None:
    assert _of_objects(DEPLOYMENT) == {}


def test_a_user_id_is_a_float_on_the_wire_and_still_compared() -> None:
    assert _of_objects(with_security(runAsUser=10001)) == {}
    assert set(_of_objects(with_security(runAsUser=0))) == {"pod-runs-as-non-root"}


def test_a_violation_names_its_remedy_and_its_rule() -> None:
    image = with_container()["spec"]["template"]["spec"]["containers"][0]["image"].split("@")[1]
    subject = with_container(image=f"registry.example/carbon/demo:latest@{image}")
    (message,) = _of_objects(subject)["image-pinned"]
    assert "Remedy" in message
    assert "rule image-pinned" in message


def test_an_unknown_value_is_never_counted_as_kept() -> None:
    with pytest.raises(UnknownValueError):
        _of_objects(with_container(image=UNKNOWN_STRING_VALUE))
    with pytest.raises(UnknownValueError):
        _violations(_policies(), aws("aws:kms/key:Key", enableKeyRotation=UNKNOWN_STRING_VALUE))


def test_an_unknown_value_that_no_rule_needs_stops_none() -> None:
    found = _violations(_policies(), aws("aws:ec2/vpc:Vpc", ipv4IpamPoolId=UNKNOWN_STRING_VALUE))
    assert set(found) == {"vpc-flow-logs", "budget-present"}


def test_rules_on_objects_leave_other_providers_alone() -> None:
    subject = Resource(
        type="random:index:Pet",
        name="demo",
        props=with_security(runAsUser=0),
        urn="urn:pulumi:example::p::t::n",
    )
    assert _violations(_policies(), subject) == {}


def test_what_belongs_together_is_found_by_where_a_value_comes_from() -> None:
    """A bucket's name may be unknown at preview: that its block is made from it never is."""
    bucket = aws(BUCKET, "demo", bucket=UNKNOWN_STRING_VALUE)
    parts = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls"), True)
    closed = aws(BLOCK, "demo", bucket=bucket, restrictPublicBuckets=True, **parts)
    half = aws(BLOCK, "demo", bucket=bucket, restrictPublicBuckets=False, **parts)
    named = [p for p in _policies() if p.name == "s3-public-access-blocked"]
    assert _violations(named, bucket, closed) == {}
    (message,) = _violations(named, bucket, half)["s3-public-access-blocked"]
    assert "restrictPublicBuckets" in message


def test_protection_reaches_the_rules() -> None:
    key = aws("aws:kms/key:Key", enableKeyRotation=True)
    assert set(_violations(_policies(), key)) == {"data-protected"}


def test_an_exception_lets_through_what_it_names_and_nothing_else() -> None:
    bad = with_security(runAsUser=0)
    assert _of_objects(bad, _exception(rules=["pod-runs-as-non-root"])) == {}
    assert set(
        _of_objects(bad, _exception(rules=["pod-runs-as-non-root"], resource="Deployment/carbon/other"))
    ) == {
        "pod-runs-as-non-root",
        "exceptions-needed",
    }
    assert "pod-runs-as-non-root" in _of_objects(bad, _exception(rules=["pod-seccomp"]))


def test_what_is_excused_or_not_there_is_not_counted_as_kept() -> None:
    """The engine counts a policy that returns as passed."""
    key = aws("aws:kms/key:Key", enableKeyRotation=True)
    mine = _exception(rules=["data-protected"], resource=key.urn)
    said: dict[str, str] = {}
    for policy in _policies(mine):
        if isinstance(policy, ResourceValidationPolicy):
            args = ResourceValidationArgs(key.type, _wired(key), key.urn, key.name, _options(key), None)
            try:
                _ = policy.validate(args, _listener({}, policy.name))
            except _NotApplicableError as error:
                said[policy.name] = error.message
    assert said["data-protected"].startswith(pack.EXCEPTED)
    assert "team-platform" in said["data-protected"]
    assert "image-pinned" in said
    assert "kms-rotation" not in said


def test_an_exception_by_urn_reaches_resources_and_stacks() -> None:
    key = aws("aws:kms/key:Key", enableKeyRotation=True)
    mine = _exception(rules=["data-protected"], resource="urn:pulumi:*::*::aws:kms/key:Key::demo")
    assert _violations(_policies(mine), key) == {}
    vpc = aws("aws:ec2/vpc:Vpc")
    named = [_exception(rules=[r], resource=f"{vpc.urn}*") for r in ("vpc-flow-logs", "budget-present")]
    assert _violations(_policies(*named), vpc) == {}


def test_an_exception_for_another_stack_is_none_here_and_not_missed() -> None:
    bad = with_security(runAsUser=0)
    elsewhere = _exception(rules=["pod-runs-as-non-root"], stacks=["prod"])
    assert set(_of_objects(bad, elsewhere)) == {"pod-runs-as-non-root"}


def test_an_exception_for_what_a_chart_makes_excuses_nothing_that_the_program_declares() -> None:
    rendered = _exception(rules=["pod-runs-as-non-root"], rendered=True)
    assert set(_of_objects(with_security(runAsUser=0), rendered)) == {"pod-runs-as-non-root"}


def test_an_expired_exception_stops_the_update_and_excuses_nothing() -> None:
    late = _exception(rules=["pod-runs-as-non-root"], expires=TODAY - datetime.timedelta(days=1))
    found = _of_objects(with_security(runAsUser=0), late)
    assert set(found) == {"pod-runs-as-non-root", "exceptions-in-force", "exceptions-needed"}
    (message,) = found["exceptions-in-force"]
    assert all(part in message for part in ("pod-runs-as-non-root", "team-platform", "2026-06-30", "expired"))


def test_an_exception_is_in_force_on_its_last_day() -> None:
    last = _exception(rules=["pod-runs-as-non-root"], expires=TODAY)
    assert _of_objects(with_security(runAsUser=0), last) == {}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"rules": ["no-such-rule"]}, "about no rule"),
        ({"expires": TODAY + datetime.timedelta(days=800)}, "more than a year"),
    ],
)
def test_a_senseless_exception_stops_the_update(fields: dict[str, Any], problem: str) -> None:
    (message,) = _of_objects(DEPLOYMENT, _exception(**fields))["exceptions-in-force"]
    assert problem in message


def test_a_stack_without_limits_is_refused_with_the_file_to_change() -> None:
    stranger = Resource(
        type="aws:kms/key:Key", name="demo", props={}, urn="urn:pulumi:nowhere::p::aws:kms/key:Key::demo"
    )
    with pytest.raises(LimitsError, match=r"limits.yaml: there is no stack 'nowhere'"):
        _violations(_policies(), stranger)
