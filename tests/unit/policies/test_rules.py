"""Every rule refuses what it is there to refuse, lets the rest through, and reaches every kind of pod."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from policies.cel import RuleError, holds
from policies.examples import DEPLOYMENT, with_container
from policies.rule import POD_KINDS, Rule
from policies.rules import RULES

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
pod_rules = pytest.mark.parametrize(
    "rule", [r for r in RULES if r.kinds == POD_KINDS], ids=lambda rule: rule.id
)


def _as_kind(deployment: dict[str, Any], kind: str) -> dict[str, Any]:
    changed = copy.deepcopy(deployment)
    changed["kind"] = kind
    template = changed["spec"]["template"]
    if kind == "Pod":
        changed["spec"] = template["spec"]
    elif kind == "CronJob":
        changed["spec"] = {"jobTemplate": {"spec": {"template": template}}}
    return changed


@every_rule
def test_passes_its_good_object(rule: Rule) -> None:
    assert holds(rule, rule.passes)


@every_rule
def test_refuses_its_bad_object(rule: Rule) -> None:
    assert not holds(rule, rule.refuses)


@every_rule
def test_a_bad_object_breaks_its_own_rule_alone(rule: Rule) -> None:
    broken = {r.id for r in RULES if r.covers(rule.refuses["kind"]) and not holds(r, rule.refuses)}
    assert broken == {rule.id}


@pod_rules
@pytest.mark.parametrize("kind", sorted(POD_KINDS))
def test_pod_rules_reach_every_kind_that_holds_a_pod(rule: Rule, kind: str) -> None:
    assert holds(rule, _as_kind(dict(rule.passes), kind))
    assert not holds(rule, _as_kind(dict(rule.refuses), kind))


def test_init_containers_are_looked_at_too() -> None:
    sneaky = copy.deepcopy(DEPLOYMENT)
    sneaky["spec"]["template"]["spec"]["initContainers"] = [
        {**with_container()["spec"]["template"]["spec"]["containers"][0], "image": "carbon/init:latest"}
    ]
    rule = next(r for r in RULES if r.id == "image-pinned")
    assert not holds(rule, sneaky)


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
    rule = next(r for r in RULES if r.id == "image-pinned")
    assert holds(rule, with_container(image=image)) is pinned


def test_a_rule_that_cannot_decide_says_so() -> None:
    rule = next(r for r in RULES if r.id == "image-pinned")
    with pytest.raises(RuleError, match="image-pinned on Deployment demo"):
        holds(rule, {"kind": "Deployment", "metadata": {"name": "demo"}, "spec": {}})


def test_ids_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
