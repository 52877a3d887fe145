"""Exceptions from rules: `exceptions.yaml` beside this file, the one place where a rule is set aside.

Each names rules, resources, the reason, the team that answers for it and the last day on which it holds. The
pack and the cluster honour the same entries. One that has expired excuses nothing and stops the update; one
that excuses nothing any more is reported.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from policies import objects

FILE: Final = Path(__file__).with_name("exceptions.yaml")
EXPIRED: Final = "exceptions-in-force"
UNUSED: Final = "exceptions-needed"
"""Ids of the two rules about the exceptions themselves."""
LONGEST_DAYS: Final = 366
"""An exception is looked at again after a year at the latest."""

_RESOURCE: Final = r"^(urn:pulumi:.+|[A-Za-z*]+/[a-z0-9*-]*/[A-Za-z0-9.:*-]+)$"


class RuleException(BaseModel):
    """One exception."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[str, ...] = Field(min_length=1, description="Ids of the rules.")
    resource: Annotated[str, Field(pattern=_RESOURCE)] = Field(
        description="Glob over the URN, or over kind/namespace/name of Kubernetes objects; with a * at its "
        "end it is about the pods of a workload, too."
    )
    stacks: tuple[str, ...] = Field(default=(), description="Stacks that it is for; all by default.")
    rendered: bool = Field(
        default=False,
        description="Whether a chart or an operator makes the objects: the cluster sees them, the pack does "
        "not, and excuses nothing that it sees by this entry.",
    )
    reason: str = Field(min_length=20, description="Why the rules cannot be kept there.")
    owner: str = Field(pattern=r"^team-[a-z-]+$", description="The team that answers for it.")
    expires: datetime.date = Field(description="The last day on which it holds.")

    def is_for(self, stack: str) -> bool:
        """Whether it is for a stack."""
        return not self.stacks or stack in self.stacks

    def matches(self, urn: str, props: Mapping[str, Any]) -> bool:
        """Whether it is about a resource."""
        if self.resource.startswith("urn:"):
            return fnmatchcase(urn, self.resource)
        return "kind" in props and fnmatchcase(objects.identity(props), self.resource)

    def label(self, rules: Sequence[str] = ()) -> str:
        """How messages name it."""
        named = ", ".join(rules or self.rules)
        return f"the exception from {named} for {self.resource} (owner {self.owner}, until {self.expires})"

    def condition(self) -> str | None:
        """CEL over `object` that is true where the exception is not about it; None for one about URNs."""
        if self.resource.startswith("urn:"):
            return None
        values = ("object.kind", _NAMESPACE, "object.metadata.name")
        parts = zip(values, self.resource.split("/"), strict=True)
        tests = [f"{value}.matches('{_regex(glob)}')" for value, glob in parts if glob != "*"]
        return f"!({' && '.join(tests) or 'true'})"


_NAMESPACE: Final = "(has(object.metadata.namespace) ? object.metadata.namespace : '')"


class ExceptionsError(Exception):
    """The exceptions cannot be read; names file, entry and remedy."""


@cache
def load(file: Path = FILE) -> tuple[RuleException, ...]:
    """All exceptions. Raises ExceptionsError."""
    try:
        raw: Any = yaml.safe_load(file.read_text()) or []
        return TypeAdapter(tuple[RuleException, ...]).validate_python(raw)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ExceptionsError(f"policies/{file.name}: {error}. Remedy: correct the entry.") from error


def of(stack: str) -> tuple[RuleException, ...]:
    """The exceptions that are for a stack. Raises ExceptionsError."""
    return tuple(exception for exception in load() if exception.is_for(stack))


def problems(
    exceptions: Sequence[RuleException], rules: frozenset[str], today: datetime.date
) -> Iterator[str]:
    """What is wrong with the entries themselves: expired, made for too long, about no rule."""
    for exception in exceptions:
        if unknown := [rule for rule in exception.rules if rule not in rules]:
            yield f"{exception.label(unknown)} is about no rule. Remedy: correct its id"
        if exception.expires < today:
            yield f"{exception.label()} has expired. Remedy: keep the rule, or ask for it anew"
        if exception.expires > today + datetime.timedelta(days=LONGEST_DAYS):
            yield f"{exception.label()} is for more than a year. Remedy: name an earlier day"


@dataclass
class Register:
    """The exceptions in force on a day, and which of them were needed."""

    exceptions: Sequence[RuleException]
    today: datetime.date
    used: set[tuple[RuleException, str]] = field(default_factory=set[tuple[RuleException, str]])

    @classmethod
    def now(cls) -> Register:
        """The committed exceptions, today (UTC). Raises ExceptionsError."""
        return cls(load(), datetime.datetime.now(datetime.UTC).date())

    def excuse(self, rule: str, stack: str, urn: str, props: Mapping[str, Any]) -> RuleException | None:
        """What excuses a broken rule on a resource, if anything does; remembers that it did."""
        for exception in self.exceptions:
            if (
                rule in exception.rules
                and not exception.rendered
                and exception.is_for(stack)
                and self.today <= exception.expires
                and exception.matches(urn, props)
            ):
                self.used.add((exception, rule))
                return exception
        return None

    def unused(self, stack: str) -> Iterator[str]:
        """Those for a stack that excused nothing, or nothing from some of their rules."""
        for exception in self.exceptions:
            idle = [rule for rule in exception.rules if (exception, rule) not in self.used]
            if idle and exception.is_for(stack) and not exception.rendered:
                yield exception.label(idle)


def _regex(glob: str) -> str:
    """The glob as a regular expression within a CEL text; of what names hold, only the dot has a meaning."""
    return "^" + glob.replace(".", "[.]").replace("*", ".*") + "$"
