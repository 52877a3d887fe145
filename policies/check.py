"""Ask a rule, of whatever kind, about resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, assert_never, cast

from policies.cel import holds
from policies.exceptions import Register
from policies.limits import Limits
from policies.rule import Finding, ObjectRule, Resource, ResourceRule, Stack, StackRule
from policies.rules import RULES, AnyRule


def findings(rule: AnyRule, stack: Stack, limits: Limits) -> Iterable[Finding]:
    """What breaks a rule.

    Raises:
        RuleError: an expression meets a field that it does not expect.
        UnknownValueError: the rule needs a value that is not known yet.
    """
    match rule:
        case ObjectRule():
            return _objects(rule, stack, limits)
        case ResourceRule():
            return _resources(rule, stack, limits)
        case StackRule():
            return rule.check(stack, limits)
        case _:
            assert_never(rule)


def concerns(rule: AnyRule, resource: Resource) -> bool:
    """Whether a rule is about a resource; one on stacks, whether it is among what the rule puts together."""
    match rule:
        case ObjectRule():
            return resource.is_object and rule.covers(resource.props.get("kind", ""))
        case ResourceRule():
            return rule.covers(resource.type)
        case StackRule():
            return resource.type in rule.about or (
                resource.is_object and resource.props.get("kind", "") in rule.about
            )
        case _:
            assert_never(rule)


def broken(stack: Stack, limits: Limits, register: Register, name: str) -> list[tuple[AnyRule, Finding]]:
    """Every rule that a stack of some name breaks without an exception, and where."""
    return [
        (rule, finding)
        for rule in RULES
        for finding in findings(rule, stack, limits)
        if register.excuse(rule.id, name, finding.resource.urn, finding.resource.props) is None
    ]


def _objects(rule: ObjectRule, stack: Stack, limits: Limits) -> Iterator[Finding]:
    for resource in stack.resources:
        if concerns(rule, resource):
            subject: Mapping[str, Any] = plain(resource.props)
            if not holds(rule, subject, limits):
                yield Finding(resource)


def _resources(rule: ResourceRule, stack: Stack, limits: Limits) -> Iterator[Finding]:
    for resource in stack.resources:
        if concerns(rule, resource) and (found := list(rule.check(resource, limits))):
            yield Finding(resource, "; ".join(found))


def plain(value: Any) -> Any:
    """The engine's properties as the API server would take them: dicts, lists, whole numbers as integers.

    The engine hands over proxies that raise where a value is unknown. All its numbers are floats.
    """
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: plain(inner) for key, inner in items}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(inner) for inner in cast("Sequence[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
