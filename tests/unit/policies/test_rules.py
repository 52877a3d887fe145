"""Every rule refuses what it is there to refuse, lets the rest through, and reaches every kind of pod."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from policies.cel import RuleError, holds
from policies.examples import DEPLOYMENT, LIMITS, with_container, with_init_container
from policies.limits import Limits
from policies.rule import POD_KINDS, Object, ObjectRule, Resource, ResourceRule, Stack, StackRule
from policies.rules import OBJECT_RULES, RESOURCE_RULES, RULES, STACK_RULES

object_rules = pytest.mark.parametrize("rule", OBJECT_RULES, ids=lambda rule: rule.id)
pod_rules = pytest.mark.parametrize(
    "rule", [r for r in OBJECT_RULES if r.kinds == POD_KINDS], ids=lambda rule: rule.id
)
resource_rules = pytest.mark.parametrize("rule", RESOURCE_RULES, ids=lambda rule: rule.id)
stack_rules = pytest.mark.parametrize("rule", STACK_RULES, ids=lambda rule: rule.id)


def _rule(name: str) -> ObjectRule:
    return next(r for r in OBJECT_RULES if r.id == name)


def _broken(subject: Object) -> set[str]:
    return {r.id for r in OBJECT_RULES if r.covers(subject["kind"]) and not holds(r, subject, LIMITS)}


def _as_kind(deployment: Object, kind: str) -> dict[str, Any]:
    changed = copy.deepcopy(dict(deployment))
    changed["kind"] = kind
    template = changed["spec"]["template"]
    if kind == "Pod":
        changed["spec"] = template["spec"]
    elif kind == "CronJob":
        changed["spec"] = {"jobTemplate": {"spec": {"template": template}}}
    return changed


def test_ids_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_every_rule_is_of_one_kind() -> None:
    assert len(OBJECT_RULES) + len(RESOURCE_RULES) + len(STACK_RULES) == len(RULES)


def test_messages_are_one_line() -> None:
    """The API server takes no message of several."""
    assert not [rule.id for rule in RULES if "\n" in rule.message or not rule.remedy or not rule.source]


def test_every_rule_has_something_to_refuse() -> None:
    assert not [r.id for r in (*OBJECT_RULES, *RESOURCE_RULES, *STACK_RULES) if not r.refuses]


@object_rules
def test_passes_its_good_objects(rule: ObjectRule) -> None:
    for subject in rule.passes:
        assert rule.covers(subject["kind"])
        assert _broken(subject) == set()


@object_rules
def test_a_bad_object_breaks_its_own_rule_alone(rule: ObjectRule) -> None:
    for subject in rule.refuses:
        assert _broken(subject) == {rule.id}


@pod_rules
@pytest.mark.parametrize("kind", sorted(POD_KINDS))
def test_pod_rules_reach_every_kind_that_holds_a_pod(rule: ObjectRule, kind: str) -> None:
    for subject in rule.passes:
        assert holds(rule, _as_kind(subject, kind), LIMITS)
    for subject in rule.refuses:
        assert not holds(rule, _as_kind(subject, kind), LIMITS)


@resource_rules
def test_resource_rules_refuse_and_pass_their_examples(rule: ResourceRule) -> None:
    for resource in (*rule.passes, *rule.refuses):
        assert rule.covers(resource.type)
    assert [list(rule.check(r, LIMITS)) for r in rule.passes] == [[] for _ in rule.passes]
    assert all(list(rule.check(r, LIMITS)) for r in rule.refuses)


@stack_rules
def test_stack_rules_refuse_and_pass_their_examples(rule: StackRule) -> None:
    assert [list(rule.check(Stack(s), LIMITS)) for s in rule.passes] == [[] for _ in rule.passes]
    for resources in rule.refuses:
        found = list(rule.check(Stack(resources), LIMITS))
        assert found
        assert all(finding.resource in resources for finding in found)


def _aws_examples() -> Iterator[Resource]:
    for rule in RESOURCE_RULES:
        yield from (*rule.passes, *rule.refuses)
    for rule in STACK_RULES:
        for resources in (*rule.passes, *rule.refuses):
            yield from resources


def test_rules_look_at_types_and_properties_that_exist(aws_inputs: Mapping[str, frozenset[str]]) -> None:
    """A rule on a type or a property that is spelled wrong would never refuse anything."""
    named = {t for rule in RESOURCE_RULES for t in rule.types if not t.endswith(":")}
    named |= {t for rule in STACK_RULES for t in rule.about}
    aws_types = {t for t in named if t.startswith(("aws:", "pulumi:"))}
    assert aws_types - aws_inputs.keys() == set()
    made_up = {
        f"{r.type} {prop}"
        for r in _aws_examples()
        if not r.is_object
        for prop in r.props
        if prop not in aws_inputs[r.type] | {"id", "arn"}
    }
    assert made_up == set()


def test_init_containers_are_looked_at_too() -> None:
    sneaky = with_init_container(image="registry.example/carbon/init:latest")
    assert "image-pinned" in _broken(sneaky)


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("carbon/demo:0123", True),
        ("carbon/demo@sha256:" + "0" * 64, True),
        ("registry.internal:5000/carbon/demo:v1", True),
        ("carbon/demo", False),
        ("registry.internal:5000/carbon/demo", False),
        ("carbon/demo:latest", False),
    ],
)
def test_what_counts_as_pinned(image: str, *, pinned: bool) -> None:
    assert holds(_rule("image-pinned"), with_container(image=image), LIMITS) is pinned


def test_a_stack_that_builds_its_own_images_names_them_by_tag() -> None:
    local = Limits(regions=(), instances=(), registries=("localhost/",), digests=False, protect=False)
    built = with_container(image="localhost/carbon/demo:0123456789ab")
    assert {r.id for r in OBJECT_RULES if r.covers("Deployment") and not holds(r, built, local)} == set()
    assert _broken(built) == {"image-digest", "image-registry"}


def test_a_rule_that_cannot_decide_says_so() -> None:
    with pytest.raises(RuleError, match="image-pinned on Deployment demo"):
        holds(_rule("image-pinned"), {"kind": "Deployment", "metadata": {"name": "demo"}, "spec": {}}, LIMITS)


def test_examples_are_what_json_can_say() -> None:
    assert json.loads(json.dumps(DEPLOYMENT)) == DEPLOYMENT
