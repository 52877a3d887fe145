"""Evaluate a rule's CEL expression over an object."""

from __future__ import annotations

from functools import cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.celtypes import MapType, StringType
from celpy.evaluation import CELEvalError

from policies import variables
from policies.limits import Limits
from policies.rule import Object, ObjectRule


class RuleError(Exception):
    """A rule could not be evaluated over an object; names the rule, the object and why."""


def holds(rule: ObjectRule, subject: Object, limits: Limits) -> bool:
    """Whether `subject` keeps `rule`.

    Raises:
        RuleError: the expression meets a field it does not expect: then nothing is known.
    """
    try:
        made = MapType()
        known: dict[str, Any] = {"object": json_to_cel(dict(subject)), "variables": made}
        for name, expression in variables.of(rule.expression, limits).items():
            made[StringType(name)] = _program(expression).evaluate(known)
        return bool(_program(rule.expression).evaluate(known))
    except CELEvalError as error:
        name = subject.get("metadata", {}).get("name", "?")
        raise RuleError(f"{rule.id} on {subject.get('kind')} {name}: {error}") from error


@cache
def _program(expression: str) -> celpy.Runner:
    environment = celpy.Environment()
    # celpy's syntax trees are untyped.
    return environment.program(environment.compile(expression))  # pyright: ignore[reportUnknownMemberType]
