"""Exceptions: what an entry must say, what it is about, and that the committed ones are in order."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import celpy
import pytest
from celpy.adapter import json_to_cel
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from policies import exceptions, limits
from policies.examples import obj
from policies.exceptions import ExceptionsError, RuleException
from policies.rules import RULES

ENTRY: dict[str, Any] = {
    "rules": ["image-pinned"],
    "resource": "Deployment/carbon/demo",
    "reason": "the vendor gives no other tag",
    "owner": "team-platform",
    "expires": "2026-12-31",
}


def _exception(**fields: Any) -> RuleException:
    return RuleException.model_validate(ENTRY | fields)


def test_the_committed_exceptions_are_in_order_on_the_day_they_are_read() -> None:
    known = frozenset(rule.id for rule in RULES)
    last = min((e.expires for e in exceptions.load()), default=datetime.date.max)
    today = min(datetime.datetime.now(datetime.UTC).date(), last)
    assert list(exceptions.problems(exceptions.load(), known, today)) == []


def test_the_committed_exceptions_are_for_stacks_that_exist() -> None:
    named = {stack for exception in exceptions.load() for stack in exception.stacks}
    assert len([limits.of(stack) for stack in named]) == len(named)


@pytest.mark.parametrize("field", ["rules", "resource", "reason", "owner", "expires"])
def test_an_entry_says_everything(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        RuleException.model_validate({k: v for k, v in ENTRY.items() if k != field})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", "because"),
        ("owner", "somebody"),
        ("resource", "everything"),
        ("resource", "Deployment/demo"),
        ("rules", []),
        ("until", "2026-12-31"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        RuleException.model_validate(ENTRY | {field: value})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "exceptions.yaml"
    broken.write_text("- {rules: [image-pinned]}\n")
    with pytest.raises(ExceptionsError, match=r"(?s)exceptions.yaml: .*Remedy"):
        exceptions.load(broken)


@pytest.mark.parametrize(
    ("resource", "about"),
    [
        ("Deployment/carbon/demo", True),
        ("*/carbon/demo*", True),
        ("*/*/*", True),
        ("Pod/carbon/demo", False),
        ("Deployment/other/demo", False),
        ("Deployment/carbon/dem", False),
        ("Namespace//demo", False),
        ("urn:pulumi:dev::*::demo", True),
        ("urn:pulumi:prod::*::demo", False),
    ],
)
def test_what_an_entry_is_about(resource: str, *, about: bool) -> None:
    subject = obj("apps/v1", "Deployment")
    urn = "urn:pulumi:dev::carbon-platform::kubernetes:apps/v1:Deployment::demo"
    assert _exception(resource=resource).matches(urn, subject) is about


_word = st.text("ab.-*", min_size=1, max_size=6)
_name = st.text("ab.-", min_size=1, max_size=6)


@settings(deadline=None)
@given(kind=st.sampled_from(["Pod", "*"]), space=st.text("ab*-", max_size=4), glob=_word, name=_name)
def test_the_cluster_and_the_pack_read_an_entry_alike(kind: str, space: str, glob: str, name: str) -> None:
    exception = _exception(resource=f"{kind}/{space}/{glob}")
    subject = obj("v1", "Pod", name=name, namespace="ab")
    condition = exception.condition()
    assert condition is not None
    environment = celpy.Environment()
    program = environment.program(environment.compile(condition))
    outside = bool(program.evaluate({"object": json_to_cel(subject)}))
    assert outside is not exception.matches("", subject)


def test_an_entry_about_urns_is_not_for_the_cluster() -> None:
    assert _exception(resource="urn:pulumi:dev::*").condition() is None
