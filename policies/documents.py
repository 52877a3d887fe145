"""Read IAM policy documents: what a statement allows, to whom, on what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, cast

Statement = Mapping[str, Any]

HIDDEN: Final = "[secret]"
"""What the engine shows to policies in place of a secret."""

READS: Final = (
    "BatchCheck",
    "BatchGet",
    "Check",
    "Describe",
    "Discover",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "Test",
    "View",
)
"""Verbs that change nothing."""

DATA_READS: Final = (
    "secretsmanager:GetSecretValue",
    "secretsmanager:BatchGetSecretValue",
    "ssm:GetParameter*",
    "s3:GetObject*",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
)
"""Reads that hand out what is kept, not what it is called: held to the same as writes."""

NEEDS_STAR: Final = frozenset(
    {
        "cloudwatch:PutMetricData",
        "ec2:DisableEbsEncryptionByDefault",
        "ec2:EnableEbsEncryptionByDefault",
        "ecr:GetAuthorizationToken",
        "ecr:PutReplicationConfiguration",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DeleteResourcePolicy",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "route53:CreateHostedZone",
    }
)
"""Writes for which AWS knows no resource (Service Authorization Reference)."""

_LAUNCH_USES: Final = frozenset(
    {
        *("capacity-reservation", "image", "key-pair", "launch-template", "placement-group"),
        *("security-group", "snapshot", "subnet"),
    }
)
USES: Final[Mapping[str, frozenset[str]]] = {
    "ec2:RunInstances": _LAUNCH_USES,
    "ec2:CreateFleet": _LAUNCH_USES,
}
"""Types that an action asks rights on though it changes none of them: what it makes, others bound."""


def statements(document: Any) -> Iterator[Statement]:
    """Statements of a document, given as JSON text or as it reads.

    Raises:
        ValueError: it is no JSON, or marked as secret, so that nobody can check it.
    """
    if document == HIDDEN:
        raise ValueError("a policy document is marked as secret: no rule can read it. Remedy: unmark it")
    read: Any = json.loads(document) if isinstance(document, str) else document
    found: Any = (cast("Mapping[str, Any]", read) or {}).get("Statement", [])
    yield from [found] if isinstance(found, Mapping) else found


def allows(statement: Statement) -> bool:
    """Whether it allows; else it denies."""
    return statement.get("Effect") == "Allow"


def listed(statement: Statement, key: str) -> list[str]:
    """A field that holds a text or several."""
    value: Any = statement.get(key, [])
    return [value] if isinstance(value, str) else list(value)


def is_write(action: str) -> bool:
    """Whether an action, perhaps with wildcards, may change something or hand out data."""
    service, _, verb = action.partition(":")
    if action == "*" or not verb:
        return True
    if any(fnmatchcase(f"{service}:{verb}", p) or fnmatchcase(p, action) for p in DATA_READS):
        return True
    return not verb.startswith(READS)


def is_everything(resource: str) -> bool:
    """Whether a resource stands for all of a service: `*`, `arn:aws:s3:::*`, `arn:aws:iam::*:role/*`."""
    if resource == "*":
        return True
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return False
    first, *rest = re.split("[/:]", parts[5])
    return first in _TYPES and all(part in {"", "*"} for part in rest) and resource.endswith("*")


_TYPES: Final = frozenset(
    {
        *("", "*", "alias", "cluster", "function", "group", "instance", "instance-profile", "key"),
        *("launch-template", "log-group", "nodegroup", "parameter", "policy", "repository", "role"),
        *("secret", "security-group", "subnet", "table", "user", "volume", "vpc"),
    }
)
"""What stands before a name and is none."""


def changes(action: str, resource: str) -> bool:
    """Whether an action on a resource changes something, or only uses it to make something else."""
    kind = re.split("[/:]", resource.split(":", 5)[-1])[0]
    return is_write(action) and action not in NEEDS_STAR and kind not in USES.get(action, ())


def principals(statement: Statement) -> list[str]:
    """Who it is about; `*` is everybody."""
    who: Any = statement.get("Principal", [])
    if isinstance(who, str):
        return [who]
    if isinstance(who, Mapping):
        named = cast("Mapping[str, Any]", who)
        return [name for kind in named for name in listed(named, kind)]
    return []


def conditions(statement: Statement) -> dict[str, list[str]]:
    """Condition keys in lower case → values, whatever the operator."""
    found: dict[str, list[str]] = {}
    operators: Mapping[str, Mapping[str, Any]] = statement.get("Condition", {})
    for keys in operators.values():
        for key in keys:
            found.setdefault(key.lower(), []).extend(listed(keys, key))
    return found


def bound_to_a_tag(statement: Statement) -> bool:
    """Whether a condition on a tag of the resource, or of the request that makes it, bounds it."""
    return any("resourcetag/" in key or "requesttag/" in key for key in conditions(statement))
