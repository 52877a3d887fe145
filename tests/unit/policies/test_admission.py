"""What the cluster enforces is what the rules say, for the kinds and namespaces that it can be asked for."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.components.admission_policies import AdmissionPolicies, AdmissionPoliciesArgs
from infra.manifests import admission
from infra.manifests.admission import ENFORCED, Enforcement
from infra.settings import Labels
from infra.settings.admission import KyvernoAdmission, ValidatingAdmissionPolicies
from policies.examples import LIMITS
from policies.exceptions import RuleException
from policies.limits import Limits
from policies.rule import POD_KINDS, ObjectRule
from policies.rules import OBJECT_RULES
from tests.stack import Recorder, record

IDENTITY = Labels(environment="test", owner="test", team="test", product="test", cost_center="test")
BY_ID = {rule.id: rule for rule in OBJECT_RULES}


def _exception(**fields: Any) -> RuleException:
    plain = {
        "rules": ["image-pinned"],
        "resource": "*/carbon/demo*",
        "reason": "the vendor gives no other tag",
        "owner": "team-platform",
        "expires": "2026-12-31",
    }
    return RuleException.model_validate(plain | fields)


def _enforcement(*exceptions: RuleException, **changes: Any) -> Enforcement:
    fields = {
        "identity": IDENTITY,
        "rules": admission.enforceable(OBJECT_RULES),
        "limits": LIMITS,
        "exceptions": exceptions,
        "namespaces": ENFORCED,
    }
    return Enforcement(**{**fields, **changes})


def _policies(*exceptions: RuleException, **changes: Any) -> dict[str, dict[str, Any]]:
    made = admission.validating_admission_policies(_enforcement(*exceptions, **changes))
    return {
        o["metadata"]["name"].removeprefix("carbon-"): o["spec"]
        for o in made
        if o["kind"] == "ValidatingAdmissionPolicy"
    }


def _kyverno(*exceptions: RuleException) -> dict[str, dict[str, Any]]:
    made = admission.kyverno_policies(_enforcement(*exceptions), background=True)
    return {o["metadata"]["name"].removeprefix("carbon-"): o["spec"] for o in made}


def test_every_rule_on_objects_is_enforced_in_some_way() -> None:
    assert _policies().keys() == _kyverno().keys() == BY_ID.keys()


@pytest.mark.parametrize("rule", OBJECT_RULES, ids=lambda rule: rule.id)
def test_both_engines_get_the_rule_as_it_stands(rule: ObjectRule) -> None:
    for spec in (_policies()[rule.id], _kyverno()[rule.id]):
        assert spec["validations"] == [{"expression": rule.expression, "message": rule.message}]
        names = [v["name"] for v in spec.get("variables", ())]
        assert all(f"variables.{name}" in json.dumps(spec) for name in names)
        assert ("pod" in names) == (rule.kinds == POD_KINDS or rule.id == "pod-probes")


def test_variables_stand_after_those_they_are_made_from() -> None:
    names = [v["name"] for v in _policies()["image-registry"]["variables"]]
    assert names == ["pod", "containers", "registries"]


def test_each_stack_enforces_its_own_limits() -> None:
    local = Limits(regions=(), instances=(), registries=("localhost/",), digests=False, protect=False)
    values = {
        v["name"]: v["expression"]
        for rule in ("image-registry", "image-digest")
        for v in _policies(limits=local)[rule]["variables"]
    }
    assert values["registries"] == '["localhost/"]'
    assert values["digests"] == "false"


def test_a_mandatory_rule_is_denied_and_an_advisory_one_only_told() -> None:
    advisory = ObjectRule(
        id="demo",
        severity="advisory",
        source="s",
        title="t",
        remedy="r",
        kinds=frozenset({"Service"}),
        expression="true",
        passes=(),
        refuses=(),
    )
    bindings = {
        o["spec"]["policyName"]: o["spec"]["validationActions"]
        for o in admission.validating_admission_policies(
            _enforcement(rules=[advisory, BY_ID["service-not-public"]])
        )
        if o["kind"] == "ValidatingAdmissionPolicyBinding"
    }
    assert bindings == {"carbon-demo": ["Warn", "Audit"], "carbon-service-not-public": ["Deny"]}
    assert _policies()["service-not-public"]["failurePolicy"] == "Fail"
    assert _policies(rules=[advisory])["demo"]["failurePolicy"] == "Ignore"


def test_rules_hold_in_the_namespaces_that_ask_for_them() -> None:
    wanted = {"namespaceSelector": {"matchLabels": {"carbon/policies": "enforced"}}}
    for manifest in admission.validating_admission_policies(_enforcement()):
        if manifest["kind"] == "ValidatingAdmissionPolicyBinding":
            assert manifest["spec"]["matchResources"] == wanted
    for spec in _kyverno().values():
        assert spec["matchConstraints"]["namespaceSelector"] == wanted["namespaceSelector"]


def test_what_kubernetes_makes_for_itself_is_left_alone() -> None:
    """An old ReplicaSet could not be let go, and Kubernetes' own roles not be brought up to date."""
    asked = {
        resource
        for spec in _policies().values()
        for rule in spec["matchConstraints"]["resourceRules"]
        for resource in rule["resources"]
    }
    assert not asked & {"replicasets", "clusterroles", "clusterrolebindings", "configmaps", "secrets"}
    assert {"pods", "deployments", "statefulsets", "cronjobs", "services", "roles", "namespaces"} <= asked
    assert all("/" not in resource and resource != "*" for resource in asked)


def test_an_exception_reaches_its_own_rule_and_both_engines() -> None:
    exception = _exception()
    for policies in (_policies(exception), _kyverno(exception)):
        excepted = {
            name
            for name, spec in policies.items()
            if exception.condition() in [c["expression"] for c in spec["matchConditions"]]
        }
        assert excepted == {"image-pinned"}


def test_exceptions_of_one_rule_have_names_of_their_own() -> None:
    two = _policies(_exception(), _exception(resource="Pod/carbon/other"))["image-pinned"]["matchConditions"]
    assert [c["name"] for c in two] == ["changed", "exception-1", "exception-2"]


def test_an_exception_about_urns_means_nothing_to_the_cluster() -> None:
    spec = _policies(_exception(resource="urn:pulumi:dev::*"))["image-pinned"]
    assert [c["name"] for c in spec["matchConditions"]] == ["changed"]


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        (
            ValidatingAdmissionPolicies(kind="validating-admission-policy"),
            {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
        ),
        (KyvernoAdmission(kind="kyverno"), {"ValidatingPolicy"}),
    ],
)
def test_the_settings_choose_who_enforces(
    settings: ValidatingAdmissionPolicies | KyvernoAdmission, kinds: set[str]
) -> None:
    args = AdmissionPoliciesArgs(identity=IDENTITY, settings=settings, limits=LIMITS, exceptions=())
    recorded: Recorder = record(lambda: AdmissionPolicies("admission", args, pulumi.ResourceOptions()))
    objects = [r for r in recorded.seen.values() if r.type.startswith("kubernetes:")]
    assert {r.inputs["kind"] for r in objects} == kinds
    assert len(objects) == len(kinds) * len(OBJECT_RULES)
    (component,) = [r for r in recorded.seen.values() if r.is_component]
    assert component.type == "carbon:cluster:AdmissionPolicies"
    assert recorded.completed[component.urn] == {"policies": len(OBJECT_RULES)}
    assert all(r.parent == component.urn and r.name.startswith("admission-") for r in objects)
