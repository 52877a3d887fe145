"""Evaluate a rule's CEL expression over an object.

`VARIABLES` are in the language of admission policies, so that the same text works in the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.celtypes import MapType, StringType
from celpy.evaluation import CELEvalError

from policies.rule import POD_KINDS, Object, Rule

VARIABLES: Mapping[str, str] = {
    "pod": (
        "object.kind == 'Pod' ? object.spec : object.kind == 'CronJob' "
        "? object.spec.jobTemplate.spec.template.spec : object.spec.template.spec"
    ),
    "containers": (
        "variables.pod.containers + (has(variables.pod.initContainers) ? variables.pod.initContainers : [])"
    ),
}
"""Made for every object that holds a pod's specification, in this order: name → expression."""


class RuleError(Exception):
    """A rule could not be evaluated over an object; names the rule, the object and why."""


def holds(rule: Rule, subject: Object) -> bool:
    """Whether `subject` keeps `rule`.

    Raises:
        RuleError: the expression meets a field it does not expect: then nothing is known.
    """
    try:
        variables = MapType()
        known: dict[str, Any] = {"object": json_to_cel(dict(subject)), "variables": variables}
        if subject.get("kind") in POD_KINDS:
            for name, expression in VARIABLES.items():
                variables[StringType(name)] = _program(expression).evaluate(known)
        return bool(_program(rule.expression).evaluate(known))
    except CELEvalError as error:
        name = subject.get("metadata", {}).get("name", "?")
        raise RuleError(f"{rule.id} on {subject.get('kind')} {name}: {error}") from error


@cache
def _program(expression: str) -> celpy.Runner:
    environment = celpy.Environment()
    # celpy's syntax trees are untyped.
    return environment.program(environment.compile(expression))  # pyright: ignore[reportUnknownMemberType]
