"""CrossGuard policies made from the rules: one a rule, and two about the exceptions from them.

A rule on objects or on single resources sees what is asked for (inputs), a rule on a stack what comes of it
(outputs). Where a rule meets a value that is not known yet, the engine is told that it could not run: that is
no pass, and the gate takes it for a failure.
"""

from __future__ import annotations

from collections.abc import Callable

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies import exceptions, limits
from policies.check import concerns, findings
from policies.exceptions import Register
from policies.rule import Finding, Resource, Stack, StackRule, stack_name
from policies.rules import RULES, AnyRule

EXCEPTED = "excepted: "
"""Start of the reason why the engine is told that a policy did not apply: an exception lets it be broken."""


def policies(register: Register | None = None) -> list[Policy]:
    """One policy a rule, and those about the exceptions.

    Raises:
        ExceptionsError: the exceptions cannot be read.
    """
    kept = register or Register.now()
    # The engine asks in this order: when it comes to the last, it is known which exceptions were needed.
    return [*(_policy(rule, kept) for rule in RULES), _expired(kept), _unused(kept)]


def _policy(rule: AnyRule, register: Register) -> Policy:
    level = EnforcementLevel.MANDATORY if rule.severity == "mandatory" else EnforcementLevel.ADVISORY

    def check(resources: list[Resource], report: ReportViolation, spare: Callable[[str], None]) -> None:
        if not any(concerns(rule, resource) for resource in resources):
            spare("it is about nothing that is here")
            return
        name = stack_name(resources[0].urn)
        standing: list[Finding] = []
        excused: set[str] = set()
        for found in findings(rule, Stack(resources), limits.of(name)):
            if exception := register.excuse(rule.id, name, found.resource.urn, found.resource.props):
                excused.add(exception.label([rule.id]))
            else:
                standing.append(found)
        for found in standing:
            report(f"{found.detail}. {rule.message}" if found.detail else rule.message, found.resource.urn)
        if excused and not standing:
            spare(f"{EXCEPTED}{'; '.join(sorted(excused))}")

    def check_resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
        check([_resource(args)], report, args.not_applicable)

    def check_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        check([_of_stack(r) for r in args.resources], report, args.not_applicable)

    if isinstance(rule, StackRule):
        return StackValidationPolicy(rule.id, rule.title, check_stack, level)
    return ResourceValidationPolicy(rule.id, rule.title, check_resource, level)


def _expired(register: Register) -> Policy:
    ids = frozenset(rule.id for rule in RULES)

    def validate(_: StackValidationArgs, report: ReportViolation) -> None:
        for problem in exceptions.problems(register.exceptions, ids, register.today):
            report(f"policies/{exceptions.FILE.name}: {problem}.", None)

    title = "every exception from a rule is in force"
    return StackValidationPolicy(exceptions.EXPIRED, title, validate, EnforcementLevel.MANDATORY)


def _unused(register: Register) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for name in {stack_name(r.urn) for r in args.resources}:
            for idle in register.unused(name):
                report(f"policies/{exceptions.FILE.name}: {idle} excuses nothing. Remedy: remove it.", None)

    title = "every exception from a rule is needed"
    return StackValidationPolicy(exceptions.UNUSED, title, validate, EnforcementLevel.ADVISORY)


def _resource(args: ResourceValidationArgs) -> Resource:
    return Resource(
        type=args.resource_type, name=args.name, props=args.props, urn=args.urn, protect=args.opts.protect
    )


def _of_stack(resource: PolicyResource) -> Resource:
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        props=resource.props,
        urn=resource.urn,
        protect=resource.opts.protect,
        sources={k: frozenset(r.urn for r in v) for k, v in resource.property_dependencies.items()},
    )
