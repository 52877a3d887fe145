"""CrossGuard policies made from the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

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
        subject: Mapping[str, Any] = _plain(args.props)
        if rule.covers(subject.get("kind", "")) and not holds(rule, subject):
            report(f"{rule.title}. Remedy: {rule.remedy}. (source: {rule.source})", args.urn)

    return ResourceValidationPolicy(rule.id, rule.title, validate, level)


def _plain(value: Any) -> Any:
    """The engine's properties as the API server would take them: dicts, lists, whole numbers as integers.

    The engine hands over proxies that raise where a value is unknown: it then says that the policy could not
    run, instead of counting it as kept. All its numbers are floats.
    """
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _plain(inner) for key, inner in items}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in cast("Sequence[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
