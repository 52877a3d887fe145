"""Every engine that runs a rule says the same of every example: cel-python, the API server, Kyverno."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.manifests import admission
from infra.manifests.admission import Enforcement
from infra.settings import Labels
from policies.cel import holds
from policies.examples import LIMITS, obj
from policies.exceptions import RuleException
from policies.rule import POD_KINDS
from policies.rules import OBJECT_RULES
from tools import toolchain
from tools.gate import apiserver, kyverno
from tools.gate.apiclient import ApiServer
from tools.wait import until

RULES = {rule.id: rule for rule in admission.enforceable(OBJECT_RULES)}
IDENTITY = Labels(environment="test", owner="test", team="test", product="test", cost_center="test")

Verdicts = dict[str, set[str]]
"""Name of an object → rules that it breaks."""


def _enforcement(*exceptions: RuleException) -> Enforcement:
    return Enforcement(
        identity=IDENTITY, rules=list(RULES.values()), limits=LIMITS, exceptions=exceptions, namespaces=None
    )


def _as_pod(deployment: Mapping[str, Any]) -> dict[str, Any]:
    template = deployment["spec"]["template"]
    return obj("v1", "Pod", spec=template["spec"])


def _as_cron_job(deployment: Mapping[str, Any]) -> dict[str, Any]:
    template = copy.deepcopy(deployment["spec"]["template"])
    template["spec"]["restartPolicy"] = "Never"
    spec = {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": template}}}
    return obj("batch/v1", "CronJob", spec=spec)


def _examples() -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Every example of every rule, under a name of its own, and what it breaks; pods in other guises, too."""
    for rule in RULES.values():
        for word, examples, broken in (("good", rule.passes, set[str]()), ("bad", rule.refuses, {rule.id})):
            for n, example in enumerate(examples):
                guises = [dict(example)]
                if rule.kinds == POD_KINDS and n == 0:
                    guises += [_as_pod(example), _as_cron_job(example)]
                for guise in guises:
                    if guise["kind"] in rule.enforced_kinds and guise["kind"] in admission.KINDS:
                        named = copy.deepcopy(guise)
                        named["metadata"]["name"] = f"{word}-{n}-{guise['kind'].lower()}-{rule.id}"[:52]
                        yield named, broken


EXAMPLES = list(_examples())
NAMESPACES = sorted({"carbon"} | {subject["metadata"].get("namespace", "carbon") for subject, _ in EXAMPLES})
WANTED = {subject["metadata"]["name"]: broken for subject, broken in EXAMPLES}


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server on which every rule is enforced."""
    with apiserver.running() as started:
        for manifest in (
            *(obj("v1", "Namespace", name=name, namespace=None) for name in NAMESPACES),
            obj("v1", "ServiceAccount"),
            obj("v1", "ServiceAccount", name="default"),
            *admission.validating_admission_policies(_enforcement()),
        ):
            answer = started.apply(manifest)
            assert answer.ok, answer.message
            assert not answer.warnings
        # The server learns of its policies a moment after it took them.
        for rule in RULES.values():
            first = next(o for o, broken in EXAMPLES if broken == {rule.id})
            until(
                lambda one=first: not started.apply(one, dry_run=True).ok,
                f"{rule.id} to be enforced",
                limit=60,
            )
        yield started


def test_there_are_examples_of_every_rule() -> None:
    assert len(WANTED) == len(EXAMPLES)
    assert {rule for broken in WANTED.values() for rule in broken} == RULES.keys()


def test_cel_python_says_what_the_examples_say() -> None:
    said = {
        subject["metadata"]["name"]: {
            rule.id
            for rule in RULES.values()
            if subject["kind"] in rule.enforced_kinds and not holds(rule, subject, LIMITS)
        }
        for subject, _ in EXAMPLES
    }
    assert said == WANTED


def test_the_api_server_says_the_same_and_tells_the_remedy(server: ApiServer) -> None:
    said: Verdicts = {}
    for subject, _ in EXAMPLES:
        answer = server.apply(subject, dry_run=True)
        said[subject["metadata"]["name"]] = {
            rule.id for rule in RULES.values() if f"'carbon-{rule.id}'" in answer.message
        }
        assert answer.ok == (not said[subject["metadata"]["name"]]), answer.message
        for rule in said[subject["metadata"]["name"]]:
            assert RULES[rule].remedy in answer.message
    assert said == WANTED


def test_kyverno_says_the_same_and_tells_the_remedy() -> None:
    said: Verdicts = {name: set() for name in WANTED}
    looked_at: set[str] = set()
    for result in _kyverno_results():
        rule = result["policy"].removeprefix("carbon-")
        for about in result["resources"]:
            looked_at.add(about["name"])
            if result["result"] == "fail":
                said[about["name"]].add(rule)
                assert RULES[rule].remedy in result["message"]
            else:
                assert result["result"] == "pass", result
    assert said == WANTED
    assert looked_at == WANTED.keys()


def _kyverno_results() -> Iterator[Mapping[str, Any]]:
    """What Kyverno says, asked by kinds: it takes its time for each policy and object, related or not."""
    program = toolchain.path("kubectl-kyverno")
    policies = admission.kyverno_policies(_enforcement(), background=True)
    for kinds in {rule.enforced_kinds for rule in RULES.values()}:
        names = {f"carbon-{rule.id}" for rule in RULES.values() if rule.enforced_kinds == kinds}
        chosen = [p for p in policies if p["metadata"]["name"] in names]
        yield from kyverno.apply(program, chosen, [o for o, _ in EXAMPLES if o["kind"] in kinds])
