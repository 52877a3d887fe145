"""What IAM would decide: policy documents asked about one call, without AWS.

What is known here is what our documents use: Allow and Deny, wildcards in actions and resources, and the
operators in `_OPERATORS`, each also as `…IfExists`, `ForAllValues:…` and `ForAnyValue:…`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

Document = Mapping[str, Any]
Values = str | Sequence[str]


@dataclass(frozen=True)
class Call:
    """A call to AWS.

    Attributes:
        action: such as `s3:PutObject`.
        resource: its ARN; `*` for an action that knows none.
        context: condition key → value or values that the call has; a key that is absent is not there.
    """

    action: str
    resource: str
    context: Mapping[str, Values] = field(default_factory=dict[str, Values])


class UnknownOperator(Exception):
    """A condition has an operator that is not known here; nothing can be said then."""


def allows(documents: Iterable[Document], call: Call, *, by: Mapping[str, str] | None = None) -> bool:
    """Whether policies allow a call: one statement does, and none denies it.

    Args:
        by: principal, for policies of a resource: its kind (`AWS`, `Service`) and name.

    Raises:
        UnknownOperator: a condition cannot be judged.
    """
    found = [s for document in documents for s in _statements(document) if _applies(s, call, by)]
    return any(s["Effect"] == "Allow" for s in found) and not any(s["Effect"] == "Deny" for s in found)


def _statements(document: Document) -> list[Mapping[str, Any]]:
    found: Any = document["Statement"]
    return [found] if isinstance(found, Mapping) else list(found)


def _applies(statement: Mapping[str, Any], call: Call, by: Mapping[str, str] | None) -> bool:
    return (
        any(fnmatchcase(call.action.lower(), pattern.lower()) for pattern in _list(statement["Action"]))
        and any(fnmatchcase(call.resource, pattern) for pattern in _list(statement.get("Resource", "*")))
        and _is_principal(statement.get("Principal"), by)
        and all(
            _holds(operator, key, _list(wanted), call.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _is_principal(principal: Any, by: Mapping[str, str] | None) -> bool:
    if principal is None or by is None:
        return principal is None and by is None
    if principal == "*":
        return True
    return any(name in ("*", by[kind]) for kind in by for name in _list(principal.get(kind, [])))


def _holds(operator: str, key: str, wanted: Sequence[str], context: Mapping[str, Values]) -> bool:
    of_set, _, single = operator.rpartition(":")
    name = single.removesuffix("IfExists")
    there = key in context
    given = _list(context[key]) if there else []
    if name == "Null":
        return any((not there) == (value == "true") for value in wanted)
    if name not in _OPERATORS:
        raise UnknownOperator(f"{operator} is not known in tools/gate/access.py: teach it there")
    compare, negated = _OPERATORS[name]
    if not there:
        return single.endswith("IfExists") or of_set == "ForAllValues" or negated
    among = [any(compare(value, pattern) for pattern in wanted) != negated for value in given]
    return any(among) if of_set == "ForAnyValue" else all(among)


def _same(value: str, pattern: str) -> bool:
    return value == pattern


def _same_word(value: str, pattern: str) -> bool:
    return value.lower() == pattern.lower()


def _below(value: str, pattern: str) -> bool:
    return float(value) < float(pattern)


_OPERATORS: Final[Mapping[str, tuple[Callable[[str, str], bool], bool]]] = {
    "ArnEquals": (fnmatchcase, False),
    "ArnLike": (fnmatchcase, False),
    "Bool": (_same_word, False),
    "NumericLessThan": (_below, False),
    "StringEquals": (_same, False),
    "StringLike": (fnmatchcase, False),
    "StringNotEquals": (_same, True),
    "StringNotLike": (fnmatchcase, True),
}
"""Operator → how a value is compared, and whether it holds where they differ."""


def _list(value: Values) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
