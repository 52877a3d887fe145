"""The pack that the engine runs: it sees what the engine hands over, and reports with the remedy."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from pulumi_policy import PolicyResourceOptions, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies.examples import DEPLOYMENT, with_container, with_security
from policies.pack import policies
from policies.rules import RULES


def _violations(subject: dict[str, Any], kind: str = "kubernetes:apps/v1:Deployment") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    options = cast(PolicyResourceOptions, None)
    # As it comes over the wire: every number is a float, and unknown values raise when they are touched.
    props = unknown_checking_proxy(json.loads(json.dumps(subject), parse_int=float))
    args = ResourceValidationArgs(kind, props, "urn:demo", "demo", options, None)
    for policy in cast("list[ResourceValidationPolicy]", policies()):
        policy.validate(
            args, lambda message, urn=None, name=policy.name: found.setdefault(name, []).append(message)
        )
    return found


def test_there_is_a_policy_for_every_rule() -> None:
    assert [policy.name for policy in policies()] == [rule.id for rule in RULES]


def test_a_good_object_passes() -> None:
    assert _violations(DEPLOYMENT) == {}


def test_a_user_id_is_a_float_on_the_wire_and_still_compared() -> None:
    assert _violations(with_security(runAsUser=10001)) == {}
    assert set(_violations(with_security(runAsUser=0))) == {"pod-runs-as-non-root"}


def test_a_violation_names_its_remedy() -> None:
    (message,) = _violations(with_container(image="carbon/demo:latest"))["image-pinned"]
    assert "Remedy" in message


def test_an_unknown_value_is_never_counted_as_kept() -> None:
    with pytest.raises(UnknownValueError):
        _violations(with_container(image=UNKNOWN_STRING_VALUE))


def test_other_providers_are_not_its_business() -> None:
    assert _violations(with_container(image="carbon/demo:latest"), "aws:s3/bucket:Bucket") == {}
