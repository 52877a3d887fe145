"""CrossGuard policies made from the rules."""

from __future__ import annotations

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from policies.cel import holds
from policies.rule import Rule
from policies.rules import RULES

KUBERNETES = "kubernetes:"
_NOT_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")


def policies() -> list[Policy]:
    """One policy a rule."""
    return [_policy(rule) for rule in RULES]


def _policy(rule: Rule) -> ResourceValidationPolicy:
    level = EnforcementLevel.MANDATORY if rule.severity == "mandatory" else EnforcementLevel.ADVISORY

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not args.resource_type.startswith(KUBERNETES) or args.resource_type.startswith(_NOT_OBJECTS):
            return
        subject = dict(args.props)
        if rule.covers(subject.get("kind", "")) and not holds(rule, subject):
            report(f"{rule.title}. Remedy: {rule.remedy}. (source: {rule.source})", args.urn)

    return ResourceValidationPolicy(rule.id, rule.title, validate, level)
